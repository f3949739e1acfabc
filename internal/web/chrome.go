package web

import "context"

// Section is a part of the portal.
type Section string

// The sections of the portal.
const (
	SectionConnected Section = "connected"
	SectionActivity  Section = "activity"
	SectionSecurity  Section = "security"
	SectionAccounts  Section = "accounts"
)

// NavItem is one entry of the portal's rail.
type NavItem struct {
	Section Section // its label is the message nav.<section>
	URL     string
}

// User is who is signed in. The zero User is nobody.
type User struct {
	Name  string
	Email string
}

// LanguageChoice is one entry of the language switcher.
type LanguageChoice struct {
	Lang    string // en, ar, vi, fr
	Name    string // in that language
	URL     string
	Current bool
}

// Chrome is what surrounds every page of a request. Middleware puts it into the context with WithChrome; its zero value works.
type Chrome struct {
	Issuer     string     // name of a Brand in Config.Brands; unknown or empty: Latchkey's own
	Lang       string     // the page's language, of the issuer's; empty: picked when the page is rendered, from Preference and the request
	Preference Preference // what is known of the reader's language beyond the request
	User       User       // empty: nobody is signed in
	RequestID  string     // shown as the reference on error pages
}

type chromeKey struct{}

// WithChrome returns a context that carries what surrounds its pages.
func WithChrome(ctx context.Context, c Chrome) context.Context {
	return context.WithValue(ctx, chromeKey{}, c)
}

// ChromeFrom returns what WithChrome put in, or the zero Chrome.
func ChromeFrom(ctx context.Context) Chrome {
	c, _ := ctx.Value(chromeKey{}).(Chrome)
	return c
}

func nav() []NavItem {
	return []NavItem{
		{SectionConnected, "/connected"},
		{SectionAccounts, "/accounts"},
		{SectionActivity, "/activity"},
		{SectionSecurity, "/security"},
	}
}

// navIcon names the icon of a section.
func navIcon(s Section) string {
	switch s {
	case SectionConnected:
		return "link"
	case SectionActivity:
		return "clock"
	case SectionSecurity:
		return "lock"
	}
	return "building"
}
