package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"latchkey.dev/internal/issuer"
)

func TestLanguageIsPickedInOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Preference
		want string
	}{
		{"nothing known", Preference{}, "en"},
		{"browser", Preference{AcceptLanguage: "de;q=0.9, fr-CH;q=0.8"}, "fr"},
		{"browser of no language here", Preference{AcceptLanguage: "ja"}, "en"},
		{"saved with the user", Preference{UserLocale: "vi-VN", AcceptLanguage: "fr"}, "vi"},
		{"ui_locales, OpenID Connect Core §3.1.2.1", Preference{UILocales: "xx fr-CA fr en", UserLocale: "vi"}, "fr"},
		{"unknown ui_locales are no error", Preference{UILocales: "de ja", UserLocale: "ar"}, "ar"},
		{"choice on the page beats the app", Preference{Choice: "ar", UILocales: "fr"}, "ar"},
		{"a choice that is none", Preference{Choice: "xx", UILocales: "fr"}, "fr"},
		{"regional Arabic", Preference{AcceptLanguage: "ar-AE"}, "ar"},
		{"rubbish", Preference{AcceptLanguage: ";;q=,", UILocales: "\x00 *"}, "en"},
		{"a list without end", Preference{AcceptLanguage: strings.Repeat("fr,", 5000)}, "en"},
	} {
		if got := c.p.Pick(languages()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func FuzzLanguagePick(f *testing.F) {
	f.Add("fr-CA en", "fr;q=0.3,*", "x")
	f.Add("ar-u-nu-latn", "zh-Hant-TW", "en")
	f.Fuzz(func(t *testing.T, uiLocales, accept, choice string) {
		if got := (Preference{UILocales: uiLocales, AcceptLanguage: accept, Choice: choice}).Pick(languages()); !slices.Contains(languages(), got) {
			t.Errorf("picked %q", got)
		}
	})
}

func TestChoiceComesFromTheAddressThenTheCookie(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/?lang=fr", nil)
	r.AddCookie(&http.Cookie{Name: LanguageCookie, Value: "ar"})
	if got := (Preference{}).From(r).Pick(languages()); got != "fr" {
		t.Errorf("with both: %s", got)
	}
	r.URL.RawQuery = "lang=xx"
	if got := (Preference{}).From(r).Pick(languages()); got != "ar" {
		t.Errorf("with a cookie: %s", got)
	}
	r.URL.RawQuery = "lang=vi"
	if got := (Preference{}).From(r).Pick([]string{"en", "ar"}); got != "ar" {
		t.Errorf("with a choice that the issuer does not offer, and a cookie: %s", got)
	}
}

func TestRememberLanguageSetsTheCookieOnlyForAChoice(t *testing.T) {
	re := newRenderer(t, Brand{Issuer: "narrow", Languages: []string{"vi", "fr"}})
	handler := re.RememberLanguage(&issuer.Issuer{Name: "narrow"}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for target, want := range map[string]int{"/?lang=vi": 1, "/?lang=ar": 0, "/?lang=xx": 0, "/": 0} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if got := len(w.Result().Cookies()); got != want {
			t.Errorf("%s: %d cookies, want %d", target, got, want)
		}
	}
}

func TestLanguageLinksKeepTheAddressAndTheFlow(t *testing.T) {
	choices := languageChoices(languages(), url.Values{"x": {"1"}, "lang": {"en"}}, "sealed&more", "en")
	if len(choices) != 4 || !choices[0].Current || choices[1].Current {
		t.Fatalf("%+v", choices)
	}
	if want := "?lang=ar&r=sealed%26more&x=1"; choices[1].URL != want {
		t.Errorf("%s, want %s", choices[1].URL, want)
	}
}

// What reaches us may be plain HTTP from a proxy that ends TLS: the issuer's address tells what the browser speaks.
func TestTheLanguageCookieIsSecureWhereTheIssuerIs(t *testing.T) {
	for address, want := range map[string]bool{"https://login.acme.example": true, "http://acme.localhost": false} {
		w := httptest.NewRecorder()
		handler := newRenderer(t).RememberLanguage(&issuer.Issuer{Name: "acme", URL: address}, http.NotFoundHandler())
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?lang=vi", nil))
		if cookies := w.Result().Cookies(); len(cookies) != 1 || cookies[0].Secure != want {
			t.Errorf("%s: %v", address, cookies)
		}
	}
}

func TestAnIssuerSpeaksItsOwnLanguagesOnly(t *testing.T) {
	re := newRenderer(t, Brand{Issuer: "narrow", Title: "Narrow", Languages: []string{"fr", "en"}})
	open := func(target, accept string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Accept-Language", accept)
		if err := re.Render(w, r.WithContext(WithChrome(r.Context(), Chrome{Issuer: "narrow", Lang: "ar"})), http.StatusOK, Security{}); err != nil {
			t.Fatal(err)
		}
		return w
	}
	for _, c := range []struct{ target, accept, want string }{
		{"/", "en", "en"}, {"/", "ar, en;q=0.5", "en"}, {"/", "vi", "fr"}, {"/", "", "fr"}, {"/?lang=ar", "en", "en"}, {"/?lang=en", "fr", "en"},
	} {
		w := open(c.target, c.accept)
		if got := w.Header().Get("Content-Language"); got != c.want {
			t.Errorf("%s for a reader of %q is in %q, want %q", c.target, c.accept, got, c.want)
		}
		body := w.Body.String()
		if !strings.Contains(body, `<option value="fr"`) || !strings.Contains(body, `<option value="en"`) || strings.Contains(body, `value="ar"`) || strings.Contains(body, "lang=vi") {
			t.Errorf("the page offers other languages than its issuer's: %.9000s", body)
		}
	}
	for lang, want := range map[string]string{"ar": "fr", "en": "en", "fr-CA": "fr"} {
		if _, _, html, err := re.Mail(lang, VerifyMail{Issuer: "narrow", Code: "1"}); err != nil || !strings.Contains(html, `<html lang="`+want+`"`) {
			t.Errorf("a mail for %s is not in %s: %v\n%s", lang, want, err, html)
		}
	}
}

func TestWhereThereIsOneLanguageNothingIsToChoose(t *testing.T) {
	re := newRenderer(t, Brand{Issuer: "narrow", Title: "Narrow", Languages: []string{"vi"}})
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	if err := re.Render(w, r.WithContext(WithChrome(r.Context(), Chrome{Issuer: "narrow"})), http.StatusOK, Security{}); err != nil {
		t.Fatal(err)
	}
	if body := w.Body.String(); strings.Contains(body, "lang=vi") || strings.Contains(body, `name="lang"`) {
		t.Errorf("it offers a choice: %s", body)
	}
}
