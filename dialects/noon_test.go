package dialects_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

const (
	noonLogin    = "/identity/public/v1/api/login"
	noonWhoami   = "/identity/v1/whoami"
	noonCreate   = "/identity/oauth/v1/token/create"
	noonExchange = "/identity/oauth/v1/token/exchange"
	noonAdd      = "/identity/apiuser/v1/credential/create"
	noonRemove   = "/identity/apiuser/v1/credential/remove"
)

// integrator is Noon's side of an integrator: an app, and a service account that its backend signs in with.
type integrator struct {
	*platform

	app     tokentest.App
	service *serviceaccount.Service
	account store.ServiceAccount
	key     serviceaccount.Credential
}

func noon(t testing.TB) *integrator {
	p := speaking(t, "noon", issuer.Catalogue{{Name: "access:grant"}})
	in := &integrator{platform: p}
	in.NewAccount("PRJ90001", "Robot Ltd", "dev")
	in.app = p.app("PRJ90001", by(oauth.AuthMethodPost, "access:grant", oauth.GrantAuthorizationCode))
	in.service = serviceaccount.New(serviceaccount.Config{
		Issuer: p.Issuer, Store: p.Store, Keys: serviceaccount.NewKeyMaker(rand.Reader), LastUse: p.LastUse, Rand: rand.Reader,
	})
	in.account, in.key = in.newService("PRJ90001")
	return in
}

func (in *integrator) newService(accountID string) (store.ServiceAccount, serviceaccount.Credential) {
	in.Helper()
	account, err := in.service.Create(in.Context(), serviceaccount.Draft{AccountID: accountID, Name: "Robot"}, "")
	in.Must(err)
	key, err := in.service.AddKey(in.Context(), account, serviceaccount.KeyDraft{}, "")
	in.Must(err)
	return account, key
}

// signed is a JWT as integrators make it: sub, iat and jti, and nothing else.
func (in *integrator) signed(keyID, privateKey, jti string, at time.Time) string {
	in.Helper()
	block, _ := pem.Decode([]byte(privateKey))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	in.Must(err)
	part := func(v any) string {
		text, err := json.Marshal(v)
		in.Must(err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	input := part(object{"alg": "RS256", "typ": "JWT"}) + "." + part(object{"sub": keyID, "iat": at.Unix(), "jti": jti})
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	in.Must(err)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (in *integrator) login(keyID, privateKey string) []*http.Cookie {
	in.Helper()
	got := in.post("gateway", noonLogin, body("token", in.signed(keyID, privateKey, in.Store.NewID(), in.Clock())))
	got.is(http.StatusOK, object{})
	cookies := (&http.Response{Header: got.header}).Cookies()
	if len(cookies) != 2 || cookies[0].Name != "_npsid" || cookies[1].Name != "_nprt" || !cookies[0].HttpOnly || !cookies[0].Secure {
		in.Fatalf("cookies %v", cookies)
	}
	return cookies
}

func (in *integrator) with(cookies []*http.Cookie, path, body string) answer {
	in.Helper()
	return in.send(request{method: "POST", host: "gateway", path: path, body: body, cookies: cookies,
		header: map[string]string{"Content-Type": "application/json", "User-Agent": "YourApp/1.0"}})
}

func (in *integrator) code() string {
	in.Helper()
	back := in.allowed("oauth.acme.example/?client_id=" + in.app.ID + "&state=random-state-string-123")
	in.parameters(back, map[string]string{"code": anyText, "state": "random-state-string-123"})
	return back.Get("code")
}

func (in *integrator) createBody(code string) string {
	return body("grant_type", "authorization_code", "code", code, "client_id", in.app.ID, "client_secret", in.app.Secret)
}

func noonError(id int, name, reason string) object {
	detail := object{"error": anyText, "reason": reason, "request_id": anyText}
	if reason == "" {
		delete(detail, "reason")
	}
	return object{"status_id": id, "status_code": name, "message": anyText, "details": []any{detail}}
}

func noonKey(project string) object {
	return object{
		"key_id": anyText, "private_key": anyText, "channel_identifier": anyText, "project_code": project, "type": "apijwt", "issued_at": anyText,
	}
}

func TestNoonWay(t *testing.T) {
	in := noon(t)
	cookies := in.login(in.key.KeyID, in.key.PrivateKey)
	who := in.send(request{method: "GET", host: "gateway", path: noonWhoami, cookies: cookies, header: map[string]string{"User-Agent": "x"}})
	who.is(http.StatusOK, object{"user_code": in.account.ID, "username": anyText})
	created := in.with(cookies, noonCreate, in.createBody(in.code()))
	created.is(http.StatusOK, object{
		"access_token": anyText, "token_type": "TOKEN_TYPE_BEARER", "expires_in": "3600s", "scopes": []any{"access:grant"}, "project_code": "acc_shop",
	})
	token := created.text("access_token")
	if strings.Count(token, ".") != 2 {
		t.Errorf("not a JWT: %s", token)
	}
	exchanged := in.with(cookies, noonExchange, body("access_token", token))
	exchanged.is(http.StatusOK, object{"status": object{"code": 0}, "project_code": "acc_shop", "oauth_request_id": anyText, "result": noonKey("acc_shop")})
	key := exchanged.text("result.private_key")
	if !strings.HasPrefix(exchanged.text("result.key_id"), "noon-partners-key-id-") || !strings.HasPrefix(key, "-----BEGIN RSA PRIVATE KEY-----\n") || !uuid.MatchString(exchanged.text("oauth_request_id")) {
		t.Errorf("%s", exchanged.body)
	}
	in.with(cookies, noonExchange, body("access_token", token)).is(http.StatusBadRequest, noonError(3, "INVALID_ARGUMENT", "reused"))
	sellers := in.login(exchanged.text("result.key_id"), key) // the seller's credential works
	in.with(sellers, noonCreate, in.createBody("x")).is(http.StatusForbidden, noonError(7, "PERMISSION_DENIED", "wrong_account"))
}

func TestNoonKeepsAnAppsOwnKey(t *testing.T) {
	in := noon(t)
	cookies := in.login(in.key.KeyID, in.key.PrivateKey)
	created := in.with(cookies, noonCreate, in.createBody(in.code()))
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	in.Must(err)
	jwk := object{"kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(own.N.Bytes())}
	without := noonKey("acc_shop")
	delete(without, "private_key")
	in.with(cookies, noonExchange, body("access_token", created.text("access_token"), "public_jwk", jwk)).
		is(http.StatusOK, object{"status": object{"code": 0}, "project_code": "acc_shop", "oauth_request_id": anyText, "result": without})
}

func TestNoonCredentials(t *testing.T) {
	in := noon(t)
	cookies := in.login(in.key.KeyID, in.key.PrivateKey)
	for i := range 4 {
		made := in.with(cookies, noonAdd, body("user_code", in.account.ID, "whitelisted_ips", []string{"192.0.2.1"}, "expires_at", "2030-01-31T12:00:00Z"))
		if made.is(http.StatusOK, object{"credential": noonKey("PRJ90001")}); i == 0 {
			in.login(made.text("credential.key_id"), made.text("credential.private_key"))
		}
	}
	in.with(cookies, noonAdd, body("channel_identifier", in.account.Channel, "expires_at", nil)).is(http.StatusConflict, noonError(6, "ALREADY_EXISTS", "too_many_keys"))
	in.with(cookies, noonAdd, body("user_code", "nobody")).is(http.StatusNotFound, noonError(5, "NOT_FOUND", "service_account_unknown"))
	in.with(cookies, noonAdd, body("user_code", in.account.ID, "expires_at", "tomorrow")).is(http.StatusBadRequest, noonError(3, "INVALID_ARGUMENT", ""))
	in.with(cookies, noonAdd, body("user_code", in.account.ID, "whitelisted_ips", "192.0.2.1")).is(http.StatusBadRequest, noonError(3, "INVALID_ARGUMENT", ""))
	in.with(nil, noonAdd, body("user_code", in.account.ID)).is(http.StatusUnauthorized, noonError(16, "UNAUTHENTICATED", "session_required"))
	in.with(cookies, noonRemove, body("user_code", in.account.ID, "key_id", "none-of-ours")).is(http.StatusOK, object{"success": false, "credentials_removed": 0})
	in.with(cookies, noonRemove, body("user_code", in.account.ID, "key_id", nil)).is(http.StatusOK, object{"success": true, "credentials_removed": 5})
	in.with(cookies, noonRemove, body("user_code", in.account.ID)).is(http.StatusUnauthorized, noonError(16, "UNAUTHENTICATED", "key_removed")) // acting at once
	in.post("gateway", noonLogin, body("token", in.signed(in.key.KeyID, in.key.PrivateKey, "j1", in.Clock()))).
		is(http.StatusUnauthorized, noonError(16, "UNAUTHENTICATED", "key_removed"))
}

func TestNoonLoginRefusals(t *testing.T) {
	in := noon(t)
	once := in.signed(in.key.KeyID, in.key.PrivateKey, "j1", in.Clock())
	in.post("gateway", noonLogin, body("token", once), "Content-Type", "").is(http.StatusOK, object{}) // older samples name no type
	in.post("gateway", noonLogin, body("token", once)).is(http.StatusUnauthorized, noonError(16, "UNAUTHENTICATED", "reused"))
	for _, off := range []time.Duration{-2 * time.Minute, 2 * time.Minute} {
		in.post("gateway", noonLogin, body("token", in.signed(in.key.KeyID, in.key.PrivateKey, fmt.Sprint("j", off), in.Clock().Add(off)))).
			is(http.StatusUnauthorized, noonError(16, "UNAUTHENTICATED", "stale"))
	}
	_, other := in.newService("acc_shop")
	in.post("gateway", noonLogin, body("token", in.signed(in.key.KeyID, other.PrivateKey, "j3", in.Clock()))).is(http.StatusUnauthorized, noonError(16, "UNAUTHENTICATED", ""))
	in.post("gateway", noonLogin, body("token", once), "User-Agent", "").is(http.StatusBadRequest, noonError(3, "INVALID_ARGUMENT", ""))
	in.post("gateway", noonLogin, body("token", 7)).is(http.StatusBadRequest, noonError(3, "INVALID_ARGUMENT", ""))
	in.post("gateway", noonLogin, body("token", in.signed(in.key.KeyID, in.key.PrivateKey, "j4", in.Clock()), "default_project_code", "PRJ0")).
		is(http.StatusForbidden, noonError(7, "PERMISSION_DENIED", "wrong_account"))
	in.post("gateway", noonLogin, body("token", in.signed(in.key.KeyID, in.key.PrivateKey, "j5", in.Clock()), "default_project_code", "PRJ90001")).is(http.StatusOK, object{})
	in.post("gateway", noonLogin, body("token", in.signed(in.key.KeyID, in.key.PrivateKey, "j6", in.Clock()), "default_project_code", nil)).is(http.StatusOK, object{})
}

func TestNoonRefusals(t *testing.T) {
	in := noon(t)
	cookies := in.login(in.key.KeyID, in.key.PrivateKey)
	_, theirs := in.newService("acc_shop")
	foreign := in.login(theirs.KeyID, theirs.PrivateKey)
	good := in.createBody(in.code())
	in.with(nil, noonCreate, good).is(401, noonError(16, "UNAUTHENTICATED", "session_required"))
	in.with(foreign, noonCreate, good).is(403, noonError(7, "PERMISSION_DENIED", "wrong_account"))
	in.with(cookies[:1], noonCreate, good).is(401, noonError(16, "UNAUTHENTICATED", "session_required"))
	in.with(cookies, noonCreate, strings.Replace(good, in.app.Secret, "wrong", 1)).is(401, noonError(16, "UNAUTHENTICATED", "wrong_secret"))
	in.with(cookies, noonCreate, in.createBody("unknown")).is(400, noonError(3, "INVALID_ARGUMENT", "unknown"))
	if got := in.with(cookies, noonCreate, good); got.status != http.StatusOK {
		t.Errorf("refusals spent the code: %s", got.body)
	} else {
		in.with(nil, noonExchange, body("access_token", got.text("access_token"))).is(401, noonError(16, "UNAUTHENTICATED", "session_required"))
		in.with(cookies, noonCreate, good).is(400, noonError(3, "INVALID_ARGUMENT", "reused"))
		in.with(cookies, noonExchange, body("access_token", got.text("access_token"))).is(400, noonError(3, "INVALID_ARGUMENT", "reused"))
	}
	late := in.createBody(in.code())
	in.Advance(11 * time.Minute)
	in.with(cookies, noonCreate, late).is(400, noonError(3, "INVALID_ARGUMENT", "expired"))
	in.with(cookies, noonExchange, body("access_token", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.x")).is(400, noonError(3, "INVALID_ARGUMENT", "unknown"))
	in.with(cookies, "/identity/nothing", "{}").is(404, noonError(5, "NOT_FOUND", "not_found"))
	in.neverPages("gateway", noonLogin, noonWhoami, noonCreate, noonExchange, noonAdd, noonRemove)
	in.Unavailable()
	in.Clients.Forget()
	in.with(nil, noonLogin, body("token", in.signed(in.key.KeyID, in.key.PrivateKey, "j9", in.Clock()))).is(503, noonError(14, "UNAVAILABLE", ""))
}

func TestNoonAuthorizeRefusals(t *testing.T) {
	in := noon(t)
	at := "oauth.acme.example/?client_id=" + in.app.ID
	in.parameters(in.denied(at+"&state=s1"), map[string]string{"error": "access_denied", "state": "s1"})
	page := in.arrive(at)
	in.parameters(page.Location.Query(), map[string]string{"error": "invalid_request", "error_description": anyText})
	if page := in.arrive(at + "&state=s1&redirect_uri=https://evil.example/"); page.Location.Host != "acme.example" {
		t.Errorf("a redirect_uri that nobody reads: %v", page.Location)
	}
	several := in.platform.app("PRJ90001", by(oauth.AuthMethodPost, "access:grant", oauth.GrantAuthorizationCode), func(m *store.ClientMetadata) {
		m.RedirectURIs = []string{"https://a.example/", "https://b.example/"}
	})
	if page := in.arrive("oauth.acme.example/?client_id=" + several.ID + "&state=s1"); page.Location != nil || page.Fault() != oauth.CodeInvalidRedirectURI {
		t.Errorf("several redirect URIs: %d to %v", page.Status, page.Location)
	}
	if page := in.arrive("oauth.acme.example/?client_id=nobody&state=s1"); page.Location != nil || page.Fault() != oauth.CodeInvalidClient {
		t.Errorf("unknown client: %d to %v", page.Status, page.Location)
	}
}

// An IPv6 customer has as many addresses as they like.
func TestNoonRateLimitCountsANetworkOnce(t *testing.T) {
	in := noon(t)
	var last int
	for i := range 1501 {
		asked, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://gateway.acme.example"+noonWhoami, http.NoBody)
		in.Must(err)
		asked.Header.Set("User-Agent", "x")
		got, err := servertest.From{Rig: in.Rig, Address: fmt.Sprintf("2001:db8:1:2::%x", i+1)}.RoundTrip(asked)
		in.Must(err)
		in.Must(got.Body.Close())
		last = got.StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the 1501st request of one /64: %d", last)
	}
}

func TestNoonRateLimit(t *testing.T) {
	in := noon(t)
	ask := func() answer {
		return in.send(request{method: "GET", host: "gateway", path: noonWhoami, header: map[string]string{"User-Agent": "x"}})
	}
	for i := range 1500 {
		if got := ask(); got.status != http.StatusUnauthorized { // each a millisecond after the other
			t.Fatalf("request %d: %d %s", i+1, got.status, got.body)
		}
	}
	last := ask()
	last.is(http.StatusTooManyRequests, noonError(8, "RESOURCE_EXHAUSTED", "rate_limited"))
	if last.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	in.with(nil, noonExchange, "{}").is(401, noonError(16, "UNAUTHENTICATED", "session_required")) // another endpoint counts for itself
	in.Advance(time.Minute)
	ask().is(401, noonError(16, "UNAUTHENTICATED", "session_required"))
}
