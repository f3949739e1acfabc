package sampleapp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// issuer is a platform with its API on 127.0.0.1: it allows at once, and a test can make each of its answers wrong.
type issuer struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu        sync.Mutex
	asked     url.Values // the last authorization request
	code      string
	refreshes int
	redeemed  int
	revoked   []string
	answer    url.Values                    // added to the authorization answer; an empty value removes
	idToken   map[string]any                // changes to the ID Token
	refusal   string                        // the token endpoint's refusal
	apiStatus int                           // 0 means 200
	hold      chan struct{}                 // the token endpoint waits for it
	userInfo  map[string]any                // the UserInfo answer
	extra     func(answer map[string]any)   // changes the token answer
	scope     string                        // what is granted; empty means not said
	metadata  func(document map[string]any) // changes the metadata
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, answer: url.Values{}, idToken: map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.serveMetadata)
	mux.HandleFunc("GET /jwks", i.serveKeys)
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("GET /userinfo", i.serveUserInfo)
	mux.HandleFunc("POST /revoke", i.revoke)
	mux.HandleFunc("GET /logout", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /orders", i.orders)
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	i.userInfo = map[string]any{"sub": "u1", "name": "Noura Ali", "email": "noura@example.com"}
	return i
}

// set changes the issuer while it serves.
func (i *issuer) set(change func(*issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (i *issuer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
		"jwks_uri": i.URL + "/jwks", "userinfo_endpoint": i.URL + "/userinfo", "revocation_endpoint": i.URL + "/revoke",
		"end_session_endpoint": i.URL + "/logout", "authorization_response_iss_parameter_supported": true,
		"id_token_signing_alg_values_supported": []string{"ES256"},
	}
	if i.metadata != nil {
		i.metadata(document)
	}
	writeJSON(w, http.StatusOK, document)
}

func (i *issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	key := jose.JSONWebKey{Key: i.key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
}

func (i *issuer) authorize(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked, i.code = r.URL.Query(), "code-"+r.URL.Query().Get("nonce")
	answer := url.Values{"code": {i.code}, "state": {i.asked.Get("state")}, "iss": {i.URL}}
	for name, value := range i.answer {
		answer[name] = value
		if value[0] == "" {
			answer.Del(name)
		}
	}
	http.Redirect(w, r, i.asked.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	hold := i.hold
	i.mu.Unlock()
	if hold != nil {
		<-hold
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	if i.refusal != "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, i.refusal)
		return
	}
	switch {
	case id != "robot" || secret != "s%2Fcret": // RFC 6749 §2.3.1
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	case r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") == i.refreshToken():
		i.refreshes++
	case r.FormValue("grant_type") == "authorization_code" && r.FormValue("code") == i.code && i.proves(r):
		i.code = ""
		i.redeemed++
	default:
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	answer := map[string]any{
		"access_token": i.accessToken(), "token_type": "Bearer", "expires_in": 600,
		"refresh_token": i.refreshToken(), "id_token": i.signIDToken(),
	}
	if i.scope != "" {
		answer["scope"] = i.scope
	}
	if i.extra != nil {
		i.extra(answer)
	}
	writeJSON(w, http.StatusOK, answer)
}

func (i *issuer) accessToken() string  { return fmt.Sprintf("access-token-number-%04d", i.refreshes) }
func (i *issuer) refreshToken() string { return fmt.Sprintf("refresh-token-number-%04d", i.refreshes) }

// proves checks the code verifier (RFC 7636 §4.6) and the redirect URI (RFC 6749 §4.1.3).
func (i *issuer) proves(r *http.Request) bool {
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	return i.asked.Get("code_challenge_method") == "S256" &&
		base64.RawURLEncoding.EncodeToString(sum[:]) == i.asked.Get("code_challenge") &&
		r.FormValue("redirect_uri") == i.asked.Get("redirect_uri")
}

func (i *issuer) signIDToken() string {
	now := time.Now().Unix()
	claims := map[string]any{"iss": i.URL, "sub": "u1", "aud": "robot", "exp": now + 600, "iat": now, "account_id": "acc_77"}
	if i.refreshes == 0 {
		claims["nonce"] = i.asked.Get("nonce")
	}
	maps.Copy(claims, i.idToken)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: i.key, KeyID: "k"}}, nil)
	if err != nil {
		panic(err)
	}
	payload, _ := json.Marshal(claims) // strings and numbers
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	compact, _ := jws.CompactSerialize() // just signed
	return compact
}

func (i *issuer) serveUserInfo(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+i.accessToken() {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	writeJSON(w, http.StatusOK, i.userInfo)
}

func (i *issuer) revoke(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, secret, _ := r.BasicAuth(); secret != "s%2Fcret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	i.revoked = append(i.revoked, r.FormValue("token"))
}

func (i *issuer) orders(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.apiStatus != 0 || r.Header.Get("Authorization") != "Bearer "+i.accessToken() {
		w.Header().Set("WWW-Authenticate", `Bearer realm="orders", error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token", "error_description": "The access token is not active."})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"orders": []string{"ord_1"}})
}
