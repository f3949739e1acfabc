package dialect

import (
	"context"
	"net/http"
	"slices"
)

// Operation is something that a route can do. A dialect names it; the server binds it to the endpoint that does it.
type Operation struct {
	Name string
	// About says in a line what it does and which specification says how.
	About string
	// Page operations talk with a person in a browser.
	Page bool
	// Members are what a request mapping may give it.
	Members []Member
	// Answer is an example of what a response mapping gets, with every member that there can be; Optional names those that are not
	// always there.
	Answer   map[string]any
	Optional []string
	// Open: the answer may have members that the example has not.
	Open bool
}

// Member is one thing that an operation can be told.
type Member struct {
	Name string
	Kind Kind
}

// Kind is what a member holds.
type Kind string

// The kinds of member. null, and a text that is empty, count as left out.
const (
	Text  Kind = "text"
	Texts Kind = "list of texts"
	Any   Kind = "any value"
)

func (o *Operation) member(name string) (Member, bool) {
	i := slices.IndexFunc(o.Members, func(m Member) bool { return m.Name == name })
	if i < 0 {
		return Member{}, false
	}
	return o.Members[i], true
}

func (o *Operation) memberNames() []string {
	names := make([]string, len(o.Members))
	for i, member := range o.Members {
		names[i] = member.Name
	}
	return names
}

// Call is one request of an operation.
type Call struct {
	// Route is how the dialect names the way it came.
	Route string
	// HTTP is for what no mapping touches: credentials in the Authorization header, cookies, the address.
	HTTP *http.Request

	members map[string]any
}

// Text returns a member, or "" when it was left out.
func (c Call) Text(name string) string {
	text, _ := c.members[name].(string)
	return text
}

// Texts returns a list, or nil when it was left out.
func (c Call) Texts(name string) []string {
	texts, _ := c.members[name].([]string)
	return texts
}

// Value returns a member of any kind, or nil when it was left out.
func (c Call) Value(name string) any { return c.members[name] }

// Answer is what an operation answers with.
type Answer struct {
	// Members are strings, ints, booleans, lists and further objects of these.
	Members map[string]any
	// Cookies go to the client as they are.
	Cookies []*http.Cookie
}

// Function does an operation. Its errors are those of endpoints: *oauth.Error for the client, all else ours.
type Function func(context.Context, Call) (Answer, error)

// PageFunction does a page operation: it writes a page or a redirect, or returns the error to show.
type PageFunction func(http.ResponseWriter, *http.Request, Call) error
