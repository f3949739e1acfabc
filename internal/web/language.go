package web

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

// LanguageCookie remembers the language that someone chose in the footer.
const LanguageCookie = "lk_lang"

// languages lists what the pages speak, English first because it is what remains when nothing matches.
func languages() []string { return []string{"en", "ar", "vi", "fr"} }

// Languages lists the BCP 47 tags of every language that the pages are shown in.
func Languages() []string { return languages() }

func languageName(lang string) string {
	return map[string]string{"en": "English", "ar": "العربية", "vi": "Tiếng Việt", "fr": "Français"}[lang]
}

// Preference is what is known of the reader's language, strongest first.
type Preference struct {
	UILocales      string // ui_locales of the authorization request (OpenID Connect Core §3.1.2.1): tags separated by spaces
	Choice         string // made in the footer: ?lang= or the cookie
	UserLocale     string // saved with the user
	AcceptLanguage string // of the browser
}

// From fills Choice and AcceptLanguage from the request, keeping what is set.
func (p Preference) From(r *http.Request) Preference {
	if p.Choice == "" {
		p.Choice = r.URL.Query().Get("lang")
	}
	if cookie, err := r.Cookie(LanguageCookie); err == nil && supported(p.Choice) == "" {
		p.Choice = cookie.Value
	}
	if p.AcceptLanguage == "" {
		p.AcceptLanguage = r.Header.Get("Accept-Language")
	}
	return p
}

// Pick returns the language to speak: en, ar, vi or fr.
func (p Preference) Pick() string {
	// A choice made on this page beats what the app asked for: the person knows best.
	for _, wanted := range []string{supported(p.Choice), match(strings.Fields(p.UILocales)...), match(p.UserLocale), match(p.AcceptLanguage)} {
		if wanted != "" {
			return wanted
		}
	}
	return languages()[0]
}

func supported(lang string) string {
	for _, l := range languages() {
		if l == lang {
			return l
		}
	}
	return ""
}

// match returns the best language for tags or Accept-Language lists (RFC 4647 lookup), or "" when none fits.
func match(wanted ...string) string {
	var tags []language.Tag
	for _, w := range wanted {
		if len(w) > 256 { // a browser's list is short; the parser's time grows with the text
			continue
		}
		if parsed, _, err := language.ParseAcceptLanguage(w); err == nil {
			tags = append(tags, parsed...)
		}
	}
	if len(tags) == 0 {
		return ""
	}
	_, index, confidence := matcher().Match(tags...)
	if confidence < language.High { // a neighbour's language is not the reader's: ask what else is known
		return ""
	}
	return languages()[index]
}

func matcher() language.Matcher {
	var tags []language.Tag
	for _, l := range languages() {
		tags = append(tags, language.Make(l))
	}
	return language.NewMatcher(tags)
}

// RememberLanguage keeps the choice made with ?lang= in a cookie. It wraps the pages' routes.
func RememberLanguage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lang := supported(r.URL.Query().Get("lang")); lang != "" && r.Method == http.MethodGet {
			http.SetCookie(w, &http.Cookie{
				Name: LanguageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 60 * 60,
				HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
			})
		}
		next.ServeHTTP(w, r)
	})
}

// languageChoices links this page in every language. A page that answers a post keeps its flow by r.
func languageChoices(u *url.URL, r, current string) []LanguageChoice {
	var choices []LanguageChoice
	for _, lang := range languages() {
		query := u.Query()
		query.Set("lang", lang)
		if r != "" {
			query.Set("r", r)
		}
		link := url.URL{Path: u.Path, RawQuery: query.Encode()}
		choices = append(choices, LanguageChoice{Lang: lang, Name: languageName(lang), URL: link.String(), Current: lang == current})
	}
	return choices
}
