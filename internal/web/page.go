package web

// Page is one view, ready to be rendered. Only the views of this package implement it.
type Page interface {
	page() meta
}

// layout is the frame that a page stands in.
type layout string

const (
	cardLayout   layout = "layout-card"   // one decision, at most 28rem wide
	portalLayout layout = "layout-portal" // a 64rem column with a side rail
)

// meta is what the renderer needs to know of a page beyond its content.
type meta struct {
	template  string // the name of its template
	layout    layout
	title     text    // of the document
	problem   bool    // the page reports that something went wrong: its title says so
	errorCode string  // value of data-error on <main id="error">, for pages that are nothing but an error
	section   Section // highlighted in the portal's rail
	flow      Flow    // for form-action and for keeping r in the language links
}

// text is a message that is still to be said in the reader's language.
type text struct {
	key  string
	args []any // name, value, name, value …
}

func say(key string, args ...any) text { return text{key: key, args: args} }

// Flow is the authorization request that a page is part of. The zero Flow is none.
type Flow struct {
	R           string // sealed request, carried in the hidden field and query parameter r; may be set without an App
	App         App    // the app that asks; Name is empty outside of an app's request
	RedirectURI string // where the app gets its answer: said before the button, and allowed as a target of the form
}

// App is a client as people see it.
type App struct {
	ID      string // client_id
	Name    string
	LogoURL string // https or data URL or a path; empty shows the name's initial on a tint made from ID
}

// Account is what a user acts for, as people see it.
type Account struct {
	ID      string
	Name    string
	LogoURL string
}

// Roles with wording in every language; another role is shown as it is written.
const (
	RoleOwner     = "owner"
	RoleAdmin     = "admin"
	RoleMember    = "member"
	RoleManager   = "manager"
	RoleDeveloper = "developer"
	RoleEditor    = "editor"
	RoleSupport   = "support"
	RoleViewer    = "viewer"
)

// Paging links a long list's pages. The zero Paging shows nothing.
type Paging struct {
	Previous string // URL of the page before, empty on the first
	Next     string // URL of the page after, empty on the last
	From, To int    // 1-based positions of the first and last shown
	Named    bool   // the list is in the order of names; otherwise the newest comes first
}
