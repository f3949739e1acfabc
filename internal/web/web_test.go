package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// midday is the moment that the tests happen at.
func midday() time.Time { return time.Date(2026, time.August, 3, 12, 0, 0, 0, time.UTC) }

// zeros is randomness that can be compared.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func acme() Brand {
	return Brand{
		Issuer: "acme", Title: "Acme", LogoURL: "/static/sample/acme.svg", Colour: "#1f4fd8",
		SupportURL: "mailto:help@acme.example", PrivacyURL: "https://acme.example/privacy", TermsURL: "https://acme.example/terms",
	}
}

func newRenderer(t testing.TB, brands ...Brand) *Renderer {
	t.Helper()
	re, err := New(Config{Rand: zeros{}, Clock: midday, Brands: append([]Brand{acme()}, brands...)})
	if err != nil {
		t.Fatal(err)
	}
	return re
}

// get renders a page as a browser asks for it.
func get(t testing.TB, re *Renderer, target string, page Page) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r = r.WithContext(WithChrome(r.Context(), Chrome{Issuer: "acme", RequestID: "7F3K-92", User: noura()}))
	if err := re.Render(w, r, http.StatusOK, page); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestRenderSetsTheHeadersOfEveryPage(t *testing.T) {
	h := get(t, newRenderer(t), "/sign-in?lang=fr", SignIn{}).Header()
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Content-Language": "fr", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Vary": "Accept-Language, Cookie",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestContentSecurityPolicyHoldsTheNonceAndNoUnsafeSource(t *testing.T) {
	w := get(t, newRenderer(t), "/", Connected{})
	policy := w.Header().Get("Content-Security-Policy")
	want := "default-src 'none'; style-src 'self'; img-src 'self' data: https:; script-src 'nonce-AAAAAAAAAAAAAAAAAAAAAA'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	if policy != want {
		t.Errorf("policy\n %s\nwant\n %s", policy, want)
	}
	if !strings.Contains(w.Body.String(), `nonce="AAAAAAAAAAAAAAAAAAAAAA"`) {
		t.Error("the script does not carry the nonce of the policy")
	}
}

func TestFormActionFollowsTheRedirectURI(t *testing.T) {
	for redirect, want := range map[string]string{
		"":                                    "form-action 'self';",
		"https://app.example/cb?x=1":          "form-action 'self' https: https://app.example;",
		"https://app.example:8443/cb":         "form-action 'self' https: https://app.example:8443;",
		"http://127.0.0.1:51004/cb":           "form-action 'self' https: http://127.0.0.1:*;", // RFC 8252 §7.3
		"http://localhost/cb":                 "form-action 'self' https: http://localhost:*;",
		"http://[::1]:4000/cb":                "form-action 'self' https: http:;",
		"http://app.localhost:8080/cb":        "form-action 'self' https: http://app.localhost:8080;",
		"com.example.app:/cb":                 "form-action 'self' https: com.example.app:;", // RFC 8252 §7.1
		"https://evil.example;script-src *//": "form-action 'self';",
		"::":                                  "form-action 'self';",
	} {
		if got := policy("n", Flow{RedirectURI: redirect}); !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", redirect, got, want)
		}
	}
}

func FuzzRedirectSourceStaysOneSource(f *testing.F) {
	for _, seed := range []string{"https://app.example/cb", "http://[::1]:1/", "a:b", "https://a;b", "https://a'b *", "//x", "http://127.0.0.1:0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if source := redirectSource(uri); strings.ContainsAny(source, " ;,'\"\r\n\t") {
			t.Errorf("%q gives %q, which is more than one source", uri, source)
		}
	})
}

func TestRenderWritesNothingWhenItFails(t *testing.T) {
	re := newRenderer(t)
	w := httptest.NewRecorder()
	if err := re.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, brokenPage{}); err == nil {
		t.Fatal("no error for a page without a template")
	}
	if w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("half a page was written: %v %q", w.Header(), w.Body)
	}
}

type brokenPage struct{}

func (brokenPage) page() meta { return meta{template: "no such template", layout: cardLayout} }

func TestHeadHasHeadersAndNoBody(t *testing.T) {
	w := httptest.NewRecorder()
	if err := newRenderer(t).Render(w, httptest.NewRequest(http.MethodHead, "/", nil), http.StatusNotFound, NotFound{}); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusNotFound || w.Body.Len() != 0 || w.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("%d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
}

func TestEveryPageOfAnotherIssuerWearsItsOwnBrand(t *testing.T) {
	re := newRenderer(t, Brand{Issuer: "bank", Title: "Bank & Sons", Colour: "#ffd400"})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(WithChrome(r.Context(), Chrome{Issuer: "bank"}))
	if err := re.Render(w, r, http.StatusOK, SignIn{}); err != nil {
		t.Fatal(err)
	}
	if body := w.Body.String(); !strings.Contains(body, "Bank &amp; Sons") || !strings.Contains(body, re.brands["bank"].Stylesheet) || strings.Contains(body, "Acme") {
		t.Errorf("not the brand of the bank: %.600s", body)
	}
}

func TestAppNamesCannotWriteHTML(t *testing.T) {
	evil := Flow{App: App{ID: "x", Name: `<script>alert(1)</script>{account}**`, LogoURL: "javascript:alert(1)"}, RedirectURI: "https://app.example/"}
	body := get(t, newRenderer(t), "/", Consent{Flow: evil, Account: Account{ID: "a", Name: `"><b>`}, HomeURL: "javascript:alert(2)"}).Body.String()
	for _, bad := range []string{"<script>alert", "<b>", "javascript:"} {
		if strings.Contains(body, bad) {
			t.Errorf("%q reached the page", bad)
		}
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no error without Rand and Clock")
	}
	if _, err := New(Config{Rand: zeros{}, Clock: midday, Brands: []Brand{{Issuer: "acme", Languages: []string{"en", "xx"}}}}); err == nil || !strings.Contains(err.Error(), "acme") {
		t.Errorf("a language without words: %v, want an error that names its issuer", err)
	}
	if _, err := New(Config{Rand: zeros{}, Clock: midday, Brands: []Brand{{Issuer: "acme", Colour: "blue"}}}); err == nil || !strings.Contains(err.Error(), "acme") {
		t.Errorf("a brand's bad colour: %v, want an error that names its issuer", err)
	}
}
