package authorize

import "latchkey.dev/internal/wire"

// Request is an authorization request as it came: parameters by name, each as text and unchecked.
type Request struct {
	ClientID            string   // RFC 6749 §2.2
	RedirectURI         string   // RFC 6749 §3.1.2
	ResponseType        string   // RFC 6749 §3.1.1
	ResponseMode        string   // OAuth 2.0 Multiple Response Types §2.1
	Scope               string   // RFC 6749 §3.3
	State               string   // RFC 6749 §4.1.1
	CodeChallenge       string   // RFC 7636 §4.3
	CodeChallengeMethod string   // RFC 7636 §4.3
	Resources           []string // RFC 8707 §2
	Nonce               string   // OpenID Connect Core §3.1.2.1, and so are the rest
	Prompt              string
	MaxAge              string
	IDTokenHint         string
	LoginHint           string
	UILocales           string
	RequestObject       string // request, §6.1
	RequestURI          string // §6.2
	Registration        string // §7.2.1
	// Repeated are those of the others that came more than once (RFC 6749 §3.1).
	Repeated []string
	// Face names the way the request came, where that is not the standard's.
	Face string
}

// repeatable names the parameters that may come more than once (RFC 8707 §2); a request with any other that does is refused.
const repeatable = "resource"

// RequestFrom names the parameters. display, acr_values, claims_locales and claims are not read: they ask for what may be
// ignored, and the metadata says that claims is (OpenID Connect Core §3.1.2.1, §5.5; Discovery §3).
func RequestFrom(p wire.Params) Request {
	return Request{
		ClientID: p.Get("client_id"), RedirectURI: p.Get("redirect_uri"), ResponseType: p.Get("response_type"),
		ResponseMode: p.Get("response_mode"), Scope: p.Get("scope"), State: p.Get("state"), CodeChallenge: p.Get("code_challenge"),
		CodeChallengeMethod: p.Get("code_challenge_method"), Resources: p.List(repeatable), Nonce: p.Get("nonce"),
		Prompt: p.Get("prompt"), MaxAge: p.Get("max_age"), IDTokenHint: p.Get("id_token_hint"), LoginHint: p.Get("login_hint"),
		UILocales: p.Get("ui_locales"), RequestObject: p.Get("request"), RequestURI: p.Get("request_uri"), Registration: p.Get("registration"),
		Repeated: p.Repeated(),
	}
}
