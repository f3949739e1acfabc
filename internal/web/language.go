package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"latchkey.dev/internal/issuer"
)

// LanguageCookie remembers the language that someone chose in the footer.
const LanguageCookie = "lk_lang"

// languages lists what the pages speak, English first because it is what remains when nothing matches.
func languages() []string { return []string{"en", "ar", "vi", "fr"} }

// Languages lists the BCP 47 tags of every language that there are words in.
func Languages() []string { return languages() }

// Offered is what an issuer's pages are written in: what it asks for, or every language.
func Offered(wanted []string) []string {
	if len(wanted) == 0 {
		return languages()
	}
	return wanted
}

func languageName(lang string) string {
	return map[string]string{"en": "English", "ar": "العربية", "vi": "Tiếng Việt", "fr": "Français"}[lang]
}

// Languages lists those of an issuer's pages and mails; the first is spoken to those who read none of them.
func (re *Renderer) Languages(name string) []string { return re.brand(name).languages }

// LanguageOf is the language that the request's pages are shown in.
func (re *Renderer) LanguageOf(r *http.Request) string {
	chrome := ChromeFrom(r.Context())
	if offered := re.Languages(chrome.Issuer); !slices.Contains(offered, chrome.Lang) {
		return chrome.Preference.From(r).Pick(offered)
	}
	return chrome.Lang
}

// Preference is what is known of the reader's language.
type Preference struct {
	UILocales      string // ui_locales of the authorization request (OpenID Connect Core §3.1.2.1): tags separated by spaces
	Choice         string // made in the footer of this page: ?lang=
	Remembered     string // the choice before, from the cookie
	UserLocale     string // saved with the user
	AcceptLanguage string // of the browser
}

// From fills in what the request tells, keeping what is set.
func (p Preference) From(r *http.Request) Preference {
	if p.Choice == "" {
		p.Choice = r.URL.Query().Get("lang")
	}
	if cookie, err := r.Cookie(LanguageCookie); err == nil && p.Remembered == "" {
		p.Remembered = cookie.Value
	}
	if p.AcceptLanguage == "" {
		p.AcceptLanguage = r.Header.Get("Accept-Language")
	}
	return p
}

// Pick returns the language to speak, of those offered; the first of them when none suits the reader.
func (p Preference) Pick(offered []string) string {
	// A choice made on our pages beats what the app asked for: the person knows best.
	for _, chosen := range []string{p.Choice, p.Remembered} {
		if slices.Contains(offered, chosen) {
			return chosen
		}
	}
	for _, wanted := range [][]string{strings.Fields(p.UILocales), {p.UserLocale}, {p.AcceptLanguage}} {
		if lang := match(offered, wanted); lang != "" {
			return lang
		}
	}
	return offered[0]
}

// match returns the best language for tags or Accept-Language lists (RFC 4647 lookup), or "" when none fits.
func match(offered, wanted []string) string {
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
	_, index, confidence := matcher(offered).Match(tags...)
	if confidence < language.High { // a neighbour's language is not the reader's: ask what else is known
		return ""
	}
	return offered[index]
}

func matcher(offered []string) language.Matcher {
	var tags []language.Tag
	for _, l := range offered {
		tags = append(tags, language.Make(l))
	}
	return language.NewMatcher(tags)
}

// RememberLanguage keeps the choice made with ?lang= in a cookie. It wraps the pages' routes.
func (re *Renderer) RememberLanguage(is *issuer.Issuer, next http.Handler) http.Handler {
	offered := re.Languages(is.Name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lang := r.URL.Query().Get("lang"); r.Method == http.MethodGet && slices.Contains(offered, lang) {
			http.SetCookie(w, &http.Cookie{
				Name: LanguageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 60 * 60,
				HttpOnly: true, Secure: is.Secure(), SameSite: http.SameSiteLaxMode, // r.TLS would know nothing of a proxy's
			})
		}
		next.ServeHTTP(w, r)
	})
}

// languageChoices links this page in every language that is offered, by another query alone: a path that begins with // would be another
// host's. A page that answers a post keeps its flow by r.
func languageChoices(offered []string, query url.Values, r, current string) []LanguageChoice {
	var choices []LanguageChoice
	for _, lang := range offered {
		query.Set("lang", lang)
		if r != "" {
			query.Set("r", r)
		}
		choices = append(choices, LanguageChoice{Lang: lang, Name: languageName(lang), URL: "?" + query.Encode(), Current: lang == current})
	}
	return choices
}
