package web

import (
	"fmt"
	"html/template"
	"slices"

	"latchkey.dev/internal/issuer"
)

// Brand is how an issuer looks, and what it speaks.
type Brand struct {
	Issuer    string   // the issuer's name, as in Chrome.Issuer
	Title     string   // shown in the header and in titles: "Acme"
	LogoURL   string   // https or data URL or a path; empty: the title's initial
	Colour    string   // #rrggbb; empty: Latchkey's own. It is darkened on light pages and lightened on dark ones until it can be read
	Languages []string // tags; the first is spoken to those who read none of them. Empty: every language that there is

	// In the footer; empty ones are not there.
	SupportURL, PrivacyURL, TermsURL string
}

// BrandOf is the brand that an issuer's settings describe.
func BrandOf(is *issuer.Issuer) Brand {
	return Brand{
		Issuer: is.Name, Title: is.Title, LogoURL: is.Brand.LogoURL, Colour: is.Brand.Color, Languages: is.Languages,
		SupportURL: is.Brand.SupportURL, PrivacyURL: is.Brand.PrivacyURL, TermsURL: is.Brand.TermsURL,
	}
}

// brandLook is a brand, ready for the templates.
type brandLook struct {
	Title      string
	Logo       logo
	Stylesheet string // URL of its tokens

	SupportURL, PrivacyURL, TermsURL string

	languages  []string // at least one
	mailColour colour
}

func ownBrand() Brand { return Brand{Title: "Latchkey", Colour: "#1f5fbf"} }

// prepareBrands makes each brand's stylesheet, which holds nothing but its colour tokens.
func prepareBrands(brands []Brand, static *staticFiles) (map[string]brandLook, error) {
	looks := map[string]brandLook{}
	for _, b := range append([]Brand{ownBrand()}, brands...) {
		if b.Title == "" {
			b.Title = b.Issuer
		}
		if b.Colour == "" {
			b.Colour = ownBrand().Colour
		}
		b.Languages = Offered(b.Languages)
		for _, lang := range b.Languages {
			if !slices.Contains(languages(), lang) {
				return nil, fmt.Errorf("web: brand of issuer %q: the pages do not speak %q", b.Issuer, lang)
			}
		}
		base, err := parseColour(b.Colour)
		if err != nil {
			return nil, fmt.Errorf("web: brand of issuer %q: %w", b.Issuer, err)
		}
		looks[b.Issuer] = brandLook{
			Title: b.Title, Logo: newLogo(b.LogoURL, b.Title, b.Issuer), Stylesheet: static.add("brand.css", []byte(brandTokens(base))),
			SupportURL: b.SupportURL, PrivacyURL: b.PrivacyURL, TermsURL: b.TermsURL,
			languages: b.Languages, mailColour: readableOn(base, lightSurface()),
		}
	}
	return looks, nil
}

func (re *Renderer) brand(name string) brandLook {
	if look, ok := re.brands[name]; ok {
		return look
	}
	return re.brands[""]
}

// brandTokens is the stylesheet of a brand colour: --brand for buttons and links, --brand-text for words upon it.
func brandTokens(base colour) string {
	light, dark := readableOn(base, lightSurface()), readableOn(base, darkSurface())
	return fmt.Sprintf(":root{--brand:%s;--brand-text:%s}\n@media(prefers-color-scheme:dark){:root{--brand:%s;--brand-text:%s}}\n",
		light, textOn(light), dark, textOn(dark))
}

// MailColour is the brand colour on white, safe inside a style attribute: it is always #rrggbb.
func (b brandLook) MailColour() template.CSS { return template.CSS(b.mailColour.String()) }
