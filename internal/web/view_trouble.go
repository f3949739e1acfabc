package web

import "time"

// Error is the page of last resort: what happened, whether anything was lost, what to do now, a reference.
// Known codes have their own words: invalid_request, invalid_client, invalid_redirect_uri, unauthorized_client,
// unsupported_response_type, invalid_scope, cross_origin, server_error; and access_denied on a page of ours. Another code gets the general
// words.
type Error struct {
	Code   string // data-error of <main id="error">
	Detail string // for the app's developer, in English, folded away; never a secret
	Ours   bool   // it came from a page of ours, or from a person's own hand: no app has to do with it
}

func (v Error) page() meta {
	return meta{template: "error", layout: cardLayout, title: say("error." + v.Words() + ".title"), problem: true, errorCode: v.Code}
}

// Words is the family of messages for the code.
func (v Error) Words() string {
	switch v.Code {
	case "invalid_client", "invalid_redirect_uri", "unauthorized_client", "cross_origin", "server_error":
		return v.Code
	}
	if v.Ours {
		if v.Code == "access_denied" { // by the person's role in an account: nothing else of ours is refused like that
			return v.Code
		}
		return "other"
	}
	switch v.Code {
	case "invalid_request", "unsupported_response_type", "invalid_scope", "invalid_target", "request_not_supported", "request_uri_not_supported":
		return "invalid_request"
	}
	return "other"
}

// InFlow tells whether the error ended a connection, so that the page says that nothing was connected.
func (v Error) InFlow() bool {
	return !v.Ours && v.Words() != "cross_origin" && v.Words() != "server_error"
}

// FlowExpired says that the page was open for too long and nothing was connected.
type FlowExpired struct {
	App     App
	BackURL string // where to start again; empty: no link
}

func (v FlowExpired) page() meta {
	return meta{template: "flow-expired", layout: cardLayout, title: say("expired.title"), problem: true, errorCode: "expired"}
}

// AppSuspended says that the platform has stopped the app.
type AppSuspended struct {
	App     App
	BackURL string
}

func (v AppSuspended) page() meta {
	return meta{template: "app-suspended", layout: cardLayout, title: say("suspended.title", "app", v.App.Name), problem: true, errorCode: "app_suspended"}
}

// AppInTesting says that the app is not open to everyone yet.
type AppInTesting struct {
	App     App
	BackURL string
}

func (v AppInTesting) page() meta {
	return meta{template: "app-in-testing", layout: cardLayout, title: say("testing.title", "app", v.App.Name), problem: true, errorCode: "app_in_testing"}
}

// ServerBusy says that nothing was lost and when to try again. The handler sends status 503 and Retry-After.
type ServerBusy struct {
	RetryAfter time.Duration // 0: "in a minute"
	RetryURL   string        // a GET that may be repeated; empty: no button
}

func (v ServerBusy) page() meta {
	return meta{template: "server-busy", layout: cardLayout, title: say("busy.title"), problem: true, errorCode: "temporarily_unavailable"}
}

// Seconds is RetryAfter in whole seconds, rounded up; 0 when it is not known.
func (v ServerBusy) Seconds() int { return ceil(v.RetryAfter, time.Second) }

// TooManyRequests says that this browser or address asked too often.
type TooManyRequests struct {
	Until time.Time // zero: "in a while"
}

func (v TooManyRequests) page() meta {
	return meta{template: "too-many-requests", layout: cardLayout, title: say("too_many.title"), problem: true, errorCode: "too_many_requests"}
}

// NotFound says that there is no such page.
type NotFound struct{}

func (v NotFound) page() meta {
	return meta{template: "not-found", layout: cardLayout, title: say("not_found.title"), problem: true, errorCode: "not_found"}
}

// MethodNotAllowed says that the page cannot be asked for like this, such as a form's address opened by itself.
type MethodNotAllowed struct{}

func (v MethodNotAllowed) page() meta {
	return meta{template: "method-not-allowed", layout: cardLayout, title: say("method.title"), problem: true, errorCode: "method_not_allowed"}
}
