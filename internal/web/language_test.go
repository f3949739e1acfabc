package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
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
		if got := c.p.Pick(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func FuzzLanguagePick(f *testing.F) {
	f.Add("fr-CA en", "fr;q=0.3,*", "x")
	f.Add("ar-u-nu-latn", "zh-Hant-TW", "en")
	f.Fuzz(func(t *testing.T, uiLocales, accept, choice string) {
		if got := (Preference{UILocales: uiLocales, AcceptLanguage: accept, Choice: choice}).Pick(); supported(got) == "" {
			t.Errorf("picked %q", got)
		}
	})
}

func TestChoiceComesFromTheAddressThenTheCookie(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/?lang=fr", nil)
	r.AddCookie(&http.Cookie{Name: LanguageCookie, Value: "ar"})
	if got := (Preference{}).From(r).Pick(); got != "fr" {
		t.Errorf("with both: %s", got)
	}
	r.URL.RawQuery = "lang=xx"
	if got := (Preference{}).From(r).Pick(); got != "ar" {
		t.Errorf("with a cookie: %s", got)
	}
}

func TestRememberLanguageSetsTheCookieOnlyForAChoice(t *testing.T) {
	handler := RememberLanguage(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for target, want := range map[string]int{"/?lang=vi": 1, "/?lang=xx": 0, "/": 0} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if got := len(w.Result().Cookies()); got != want {
			t.Errorf("%s: %d cookies, want %d", target, got, want)
		}
	}
}

func TestLanguageLinksKeepTheAddressAndTheFlow(t *testing.T) {
	u, _ := url.Parse("/consent?x=1&lang=en")
	choices := languageChoices(u, "sealed&more", "en")
	if len(choices) != 4 || !choices[0].Current || choices[1].Current {
		t.Fatalf("%+v", choices)
	}
	if want := "/consent?lang=ar&r=sealed%26more&x=1"; choices[1].URL != want {
		t.Errorf("%s, want %s", choices[1].URL, want)
	}
}
