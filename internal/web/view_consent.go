package web

import (
	"net"
	"net/url"
	"slices"
)

// Permission is one scope in the user's words, from the issuer's catalogue, in the reader's language.
type Permission struct {
	Scope       string // as in the protocol; never shown unless there is no wording at all
	Title       string // "See your orders"; empty for openid, profile, email and offline_access: the built-in wording is used
	Consequence string // "with customers' names and addresses"
	Group       string // "Orders"; permissions of one group stand together; empty: no heading
	Lang        string // language of Title and Consequence when the catalogue lacks the reader's; empty: the reader's
	Phrase      string // optional, ends where the account's name begins: "read the orders of"; for the heading
	Sensitive   bool   // shown first and marked
	Optional    bool   // can be unticked
	Unticked    bool   // with Optional: start without the tick
	New         bool   // not given the last time
}

// Consent asks whether the app may have what it asks for. It posts r, decision=allow or decision=deny, and scope=<name>
// once for every optional permission that is ticked; permissions that are not optional are not posted.
type Consent struct {
	Flow           Flow
	Account        Account
	ChangeAccount  bool         // offer to choose another account
	Permissions    []Permission // what it asks for now
	Given          []Permission // what it has already and keeps; only when Returning
	Returning      bool         // it was connected to this account before
	Owner          string       // who stands behind the app
	Reviewed       bool         // the platform has looked at it
	InTesting      bool         // only its developers and testers can use it
	Users          int          // how many people use it; 0: not said
	HomeURL        string       // the app's own pages; empty: not linked
	PrivacyURL     string
	TermsURL       string
	OfflineAccess  bool   // it can act while the person is away; also true when offline_access is among Permissions
	AccessDays     int    // with OfflineAccess: days without use after which the access ends; 0: not said
	DeviceCode     string // as the device shows it, when one waits for the answer (RFC 8628 §3.3)
	AlreadyAllowed bool   // nothing new is asked; shown because the app asked to ask again (prompt=consent)
}

func (v Consent) page() meta {
	return meta{template: "consent", layout: cardLayout, title: say("consent.document_title", "app", v.Flow.App.Name), flow: v.Flow}
}

// Offline tells whether the app can act while the person is away.
func (v Consent) Offline() bool { return v.OfflineAccess || v.asksOffline() }

// OfflineUnsaid tells whether it can act while the person is away without any permission saying so.
func (v Consent) OfflineUnsaid() bool { return v.OfflineAccess && !v.asksOffline() }

// asksOffline looks for the scope of OpenID Connect Core §11.
func (v Consent) asksOffline() bool {
	return slices.ContainsFunc(slices.Concat(v.Permissions, v.Given), func(p Permission) bool { return p.Scope == "offline_access" })
}

// AsksMore tells whether the app is connected already and wants something new.
func (v Consent) AsksMore() bool { return v.Returning && !v.AlreadyAllowed }

// Headline returns the permission that speaks for all in the heading, or nil.
func (v Consent) Headline() *Permission {
	for _, p := range v.Asked() {
		if p.Phrase != "" && p.Lang == "" { // a phrase of another language would break the sentence
			return &p
		}
	}
	return nil
}

// Rest is how many more things the app asks for beside the headline's.
func (v Consent) Rest() int { return max(0, len(v.Permissions)-1) }

// Asked returns what is asked for, new ones first, then sensitive ones, otherwise in the catalogue's order.
func (v Consent) Asked() []Permission {
	sorted := slices.Clone(v.Permissions)
	slices.SortStableFunc(sorted, func(a, b Permission) int { return rank(a) - rank(b) })
	return sorted
}

func rank(p Permission) int {
	r := 0
	if !p.New {
		r += 2
	}
	if !p.Sensitive {
		r++
	}
	return r
}

// PermissionGroup is permissions under one heading.
type PermissionGroup struct {
	Title       string // may be empty
	Permissions []Permission
}

// Groups returns what is asked for in groups; a group with a new or sensitive permission comes first.
func (v Consent) Groups() []PermissionGroup { return groupPermissions(v.Asked()) }

// GivenGroups returns what the app has already, in groups.
func (v Consent) GivenGroups() []PermissionGroup { return groupPermissions(v.Given) }

// groupPermissions keeps the order in which groups first appear, but for what belongs to none: that comes last.
func groupPermissions(permissions []Permission) []PermissionGroup {
	var groups []PermissionGroup
	for _, p := range permissions {
		i := slices.IndexFunc(groups, func(g PermissionGroup) bool { return g.Title == p.Group })
		if i < 0 {
			groups = append(groups, PermissionGroup{Title: p.Group})
			i = len(groups) - 1
		}
		groups[i].Permissions = append(groups[i].Permissions, p)
	}
	if i := slices.IndexFunc(groups, func(g PermissionGroup) bool { return g.Title == "" }); i >= 0 {
		other := groups[i]
		groups = append(slices.Delete(groups, i, i+1), other)
	}
	return groups
}

// ReturnHost is the host that the person goes back to; empty for a loopback address or a private-use scheme, which are
// apps on this device (RFC 8252 §7).
func (f Flow) ReturnHost() string {
	u, err := url.Parse(f.RedirectURI)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || isLoopback(u.Hostname()) {
		return ""
	}
	return u.Host
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// AlreadyAnswered meets someone who came back to the consent page after they allowed it.
type AlreadyAnswered struct {
	Flow    Flow
	Account Account // Name empty: the connection has ended since
	BackURL string  // the app; empty: no link
}

func (v AlreadyAnswered) page() meta {
	title := say("answered.title", "app", v.Flow.App.Name)
	if v.Account.Name == "" {
		title = say("answered.ended_title", "app", v.Flow.App.Name)
	}
	return meta{template: "already-answered", layout: cardLayout, title: title, flow: Flow{R: v.Flow.R}}
}
