package web

import (
	"maps"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"latchkey.dev/internal/issuer"
)

func TestContrastAsWCAG22Defines(t *testing.T) {
	white, black, grey := colour{255, 255, 255}, colour{}, colour{0x76, 0x76, 0x76}
	for _, c := range []struct {
		a, b colour
		want float64
	}{{white, black, 21}, {black, white, 21}, {white, white, 1}, {grey, white, 4.54}} {
		if got := contrast(c.a, c.b); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s on %s: %.2f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

func TestEveryBrandColourCanBeRead(t *testing.T) {
	for r := 0; r < 256; r += 51 {
		for g := 0; g < 256; g += 51 {
			for b := 0; b < 256; b += 51 {
				base := colour{float64(r), float64(g), float64(b)}
				for _, surface := range []colour{lightSurface(), darkSurface()} {
					checkReadable(t, base, surface)
				}
			}
		}
	}
}

func checkReadable(t *testing.T, base, surface colour) {
	t.Helper()
	shown, _ := parseColour(readableOn(base, surface).String()) // as the stylesheet rounds it
	if got := contrast(shown, surface); got < leastContrast-0.03 {
		t.Errorf("brand %s is %s on %s: %.2f", base, shown, surface, got)
	}
	if got := contrast(textOn(shown), shown); got < leastContrast {
		t.Errorf("words %s on brand %s: %.2f", textOn(shown), shown, got)
	}
}

func TestAReadableBrandColourStaysAsItIs(t *testing.T) {
	blue, _ := parseColour("#1f4fd8")
	if got := readableOn(blue, lightSurface()); got != blue {
		t.Errorf("%s became %s", blue, got)
	}
}

func TestSurfacesAreTheOnesOfTheStylesheet(t *testing.T) {
	css, err := os.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"--sunken:" + lightSurface().String(), "--sunken:" + darkSurface().String()} {
		if !strings.Contains(string(css), token) {
			t.Errorf("style.css has no %s", token)
		}
	}
}

func TestTheFooterLeadsToHelpAndPolicies(t *testing.T) {
	want := map[string]string{"mailto:help@acme.example": "Aide", "https://acme.example/privacy": "Confidentialité", "https://acme.example/terms": "Conditions"}
	for _, page := range []Page{SignIn{}, Connected{}} { // one of each layout
		doc, err := html.Parse(get(t, newRenderer(t), "/?lang=fr", page).Body)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, a := range elements(elements(doc, "footer")[0], "a") {
			if href := value(a, "href"); !strings.HasPrefix(href, "?lang=") {
				found[href] = words(a)
			}
		}
		if !maps.Equal(found, want) {
			t.Errorf("%T: %v, want %v", page, found, want)
		}
	}
	if body := get(t, newRenderer(t, Brand{Issuer: "acme", Title: "Acme"}), "/", SignIn{}).Body.String(); strings.Contains(body, "Privacy") {
		t.Error("a link that the issuer does not have is in the footer")
	}
}

func TestTheBrandIsWhatTheIssuersSettingsSay(t *testing.T) {
	got := BrandOf(&issuer.Issuer{
		Name: "acme", Title: "Acme", Languages: []string{"vi"},
		Brand: issuer.Brand{Color: "#112233", LogoURL: "/logo", SupportURL: "mailto:a@b", PrivacyURL: "https://p", TermsURL: "https://t"},
	})
	want := Brand{
		Issuer: "acme", Title: "Acme", LogoURL: "/logo", Colour: "#112233", Languages: []string{"vi"},
		SupportURL: "mailto:a@b", PrivacyURL: "https://p", TermsURL: "https://t",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func FuzzParseColour(f *testing.F) {
	for _, seed := range []string{"#1f4fd8", "#FFF", "", "#gggggg", "#-1-1-1", "1234567", "#+a+b+c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseColour(s)
		if err == nil && !strings.EqualFold(c.String(), s) {
			t.Errorf("%q was read as %s", s, c)
		}
	})
}
