package dialect

// Authorize is the page operation that an app sends a person to.
const Authorize = "authorize"

func texts(names ...string) []Member {
	members := make([]Member, len(names))
	for i, name := range names {
		members[i] = Member{name, Text}
	}
	return members
}

// Operations are all that a route can do, in the order of an app's way.
var Operations = []Operation{
	{
		Name: "register", About: "register an app (RFC 7591); the answer has every member that the RFC gives it",
		Members: []Member{{"metadata", Any}},
		Answer: map[string]any{
			"client_id": "app_1", "client_secret": "secret_1", "client_id_issued_at": 1767225600, "client_secret_expires_at": 0, "client_name": "Shop",
			"redirect_uris": []any{"https://shop.example/callback"}, "token_endpoint_auth_method": "client_secret_basic",
			"grant_types": []any{"authorization_code"}, "response_types": []any{"code"}, "scope": "orders",
			"registration_access_token": "lk_reg_1", "registration_client_uri": "https://as.example/oauth/register/app_1",
		},
		Optional: []string{"client_secret", "client_secret_expires_at", "redirect_uris", "response_types", "scope"}, Open: true,
	},
	{
		Name: Authorize, About: "take a person to sign-in and consent, and back to the app (RFC 6749 §3.1)", Page: true,
		Members: append(texts("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "code_challenge", "code_challenge_method",
			"nonce", "prompt", "max_age", "id_token_hint", "login_hint", "ui_locales", "request", "request_uri", "registration"), Member{"resource", Texts}),
		Answer:   map[string]any{"code": "code-1", "state": "state-1", "iss": "https://as.example", "scope": "orders offline"},
		Optional: []string{"state"},
	},
	{
		Name: "device_authorize", About: "begin the flow of a device without a browser (RFC 8628 §3.1)",
		Members: append(texts("client_id", "client_secret", "scope"), Member{"resource", Texts}),
		Answer: map[string]any{
			"device_code": "dev-1", "user_code": "BCDF-GHJK", "verification_uri": "https://as.example/device",
			"verification_uri_complete": "https://as.example/device?user_code=BCDF-GHJK", "expires_in": 1800, "interval": 5,
		},
	},
	{
		Name: "token", About: "get tokens (RFC 6749 §3.2), by any grant type that is served",
		Members: append(texts("grant_type", "client_id", "client_secret", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "assertion",
			"device_code", "account_id", "access_token"), Member{"resource", Texts}),
		Answer: map[string]any{
			"access_token": "lk_at_1", "token_type": "Bearer", "expires_in": 3600, "expires_at": 1767229200, "issued_at": 1767225600,
			"refresh_token": "lk_rt_1", "scope": "orders offline", "scopes": []any{"orders", "offline"}, "id_token": "a.b.c",
			"client_id": "app_1", "user_id": "usr_1", "account_id": "acc_1", "grant_id": "0198f3c4-7a51-7c3e-9d2f-0c1b2a394857",
		},
		Optional: []string{"refresh_token", "id_token", "user_id", "account_id", "grant_id"},
	},
	{
		Name: "revoke", About: "end a token (RFC 7009); one that is unknown or has ended is no error",
		Members: texts("client_id", "client_secret", "token"), Answer: map[string]any{},
	},
	{
		Name: "introspect", About: "ask what a token is worth (RFC 7662)",
		Members: texts("client_id", "client_secret", "token"),
		Answer: map[string]any{
			"active": true, "scope": "orders", "client_id": "app_1", "token_type": "Bearer", "exp": 1767229200, "iat": 1767225600, "sub": "usr_1",
			"aud": []any{"https://api.example"}, "iss": "https://as.example", "jti": "jti-1", "account_id": "acc_1", "grant_id": "grant-1",
		},
		Optional: []string{"scope", "client_id", "token_type", "exp", "iat", "sub", "aud", "iss", "jti", "account_id", "grant_id"},
	},
	{
		Name: "userinfo", About: "ask who the person is (OpenID Connect Core §5.3), with the bearer token of the request",
		Answer: map[string]any{
			"sub": "usr_1", "name": "Ada Lovelace", "locale": "en", "updated_at": 1767225600, "email": "ada@shop.example", "email_verified": true,
			"account_id": "acc_1",
		},
		Optional: []string{"name", "locale", "updated_at", "email", "email_verified", "account_id"},
	},
	{
		Name: "service_sign_in", About: "sign a service account in with a JWT that its key signed (RFC 7523 §3); the session goes into cookies",
		Members: texts("token", "account_id"),
		Answer:  principalSample(),
	},
	{Name: "whoami", About: "ask which service account is signed in", Answer: principalSample()},
	{
		Name: "exchange", About: "buy a service account with a key, once, for a single-use access token (RFC 8693); needs a service account's session",
		Members:  append(texts("subject_token"), Member{"public_jwk", Any}),
		Answer:   with(credentialSample(), "exchange_id", "0198f3c4-7a51-7c3e-9d2f-0c1b2a394857", "grant_id", "0198f3c4-7a51-7c3e-9d2f-0c1b2a394858"),
		Optional: []string{"private_key", "expires_at"},
	},
	{
		Name: "credential_create", About: "give a service account one more key; needs a service account's session",
		Members: append(texts("user_code", "channel_identifier", "expires_at"), Member{"addresses", Texts}, Member{"public_jwk", Any}),
		Answer:  credentialSample(), Optional: []string{"private_key", "expires_at"},
	},
	{
		Name: "credential_rotate", About: "give a service account a new key, and let those before it end after an overlap (seconds; a day); needs a session",
		Members: append(texts("user_code", "channel_identifier", "expires_at"), Member{"addresses", Texts}, Member{"public_jwk", Any}, Member{"overlap", Any}),
		Answer:  credentialSample(), Optional: []string{"private_key", "expires_at"},
	},
	{
		Name: "credential_list", About: "list a service account's keys; needs a service account's session",
		Members: texts("user_code", "channel_identifier"),
		Answer: map[string]any{"user_code": "svc-1", "channel_identifier": "svc-1@acc_1", "keys": []any{
			map[string]any{
				"key_id": "key-1", "alg": "RS256", "addresses": []any{"192.0.2.1"}, "issued_at": 1767225600, "expires_at": 1798761600,
				"last_used_at": 1767225600, "active": true,
			},
			map[string]any{"key_id": "key-2", "alg": "RS256", "addresses": []any{}, "issued_at": 1767225600, "active": true}, // never used, never ends
		}},
	},
	{
		Name: "credential_remove", About: "end one key of a service account, or all; needs a service account's session",
		Members: texts("user_code", "channel_identifier", "key_id"),
		Answer:  map[string]any{"success": true, "removed": 1},
	},
}

func principalSample() map[string]any {
	return map[string]any{
		"user_code": "svc-1", "username": "Parcel Robot", "channel_identifier": "svc-1@acc_1", "account_id": "acc_1", "key_id": "key-1", "delegated": false,
	}
}

func credentialSample() map[string]any {
	return map[string]any{
		"key_id": "key-1", "private_key": "-----BEGIN RSA PRIVATE KEY-----\n…", "alg": "RS256", "user_code": "svc-1", "channel_identifier": "svc-1@acc_1",
		"account_id": "acc_1", "owner_id": "acc_2", "issued_at": 1767225600, "expires_at": 1798761600,
	}
}

func with(members map[string]any, more ...string) map[string]any {
	for i := 0; i < len(more); i += 2 {
		members[more[i]] = more[i+1]
	}
	return members
}

func operationNamed(name string) *Operation {
	for i := range Operations {
		if Operations[i].Name == name {
			return &Operations[i]
		}
	}
	return nil
}

func operationNames() []string {
	names := make([]string, len(Operations))
	for i := range Operations {
		names[i] = Operations[i].Name
	}
	return names
}

// errorSample is what the error mapping gets, with every member.
func errorSample() map[string]any {
	return map[string]any{
		"status": 400, "error": "invalid_grant", "error_description": "this code has expired; start the authorization again", "reason": "expired",
		"scope": "", "retry_after": 0, "request_id": "0123456789abcdef", "route": "POST api /token",
	}
}

// refusalSample is what authorize's refusal mapping gets.
func refusalSample() map[string]any {
	return map[string]any{
		"error": "invalid_scope", "error_description": "the scope x does not exist here", "reason": "", "state": "state-1", "iss": "https://as.example",
	}
}
