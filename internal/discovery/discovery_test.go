package discovery_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/internal/discovery"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/internal/wire"
)

func newHandler(f *tokentest.Fixture) *discovery.Handler {
	f.Helper()
	h, err := discovery.New(discovery.Config{Issuer: f.Issuer, Keys: f.Keys, UILocales: []string{"en", "ar"}})
	f.Must(err)
	return h
}

func serve(face func(http.ResponseWriter, *http.Request) error, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	if err := face(w, r); err != nil {
		wire.WriteError(w, r, err)
	}
	return w
}

func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

func TestRFC8414_2_And_OIDCDiscovery_3_RequiredMembers(t *testing.T) {
	f := tokentest.New(t)
	h := newHandler(f)
	w := serve(h.ServeMetadata, get(discovery.PathOpenIDConfiguration))
	var document map[string]any
	f.Must(json.Unmarshal(w.Body.Bytes(), &document))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for name, want := range map[string]string{
		"issuer": "https://acme.example", "authorization_endpoint": "https://acme.example/oauth/authorize",
		"token_endpoint": "https://acme.example/oauth/token", "jwks_uri": "https://acme.example/.well-known/jwks.json",
		"userinfo_endpoint": "https://acme.example/oauth/userinfo", "introspection_endpoint": "https://acme.example/oauth/introspect",
		"revocation_endpoint": "https://acme.example/oauth/revoke", "end_session_endpoint": "https://acme.example/oauth/logout",
	} {
		if document[name] != want {
			t.Errorf("%s is %v, want %s", name, document[name], want)
		}
	}
	for _, name := range []string{"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported", "scopes_supported"} {
		if list, ok := document[name].([]any); !ok || len(list) == 0 {
			t.Errorf("%s is %v", name, document[name])
		}
	}
	if document["authorization_response_iss_parameter_supported"] != true { // RFC 9207 §3
		t.Error("iss in the authorization response is not announced")
	}
	if document["request_uri_parameter_supported"] != false { // its default is true
		t.Error("request_uri is not denied")
	}
}

func TestOIDCDiscovery_3_ClaimsSupportedAreThoseThatAreTold(t *testing.T) {
	f := tokentest.New(t)
	var document struct {
		Claims []string `json:"claims_supported"`
	}
	f.Must(json.Unmarshal(serve(newHandler(f).ServeMetadata, get(discovery.PathOpenIDConfiguration)).Body.Bytes(), &document))
	told := map[string]bool{}
	for _, answer := range []any{oidc.UserClaims{}, oidc.IDTokenClaims{}} {
		for field := range reflect.TypeOf(answer).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			told[name] = true
		}
	}
	if want := slices.Sorted(maps.Keys(told)); !slices.Equal(slices.Sorted(slices.Values(document.Claims)), want) {
		t.Errorf("claims_supported is %v, want %v", document.Claims, want)
	}
}

func TestRFC8414_3_2_NoEmptyListIsSaid(t *testing.T) {
	f := tokentest.New(t)
	h, err := discovery.New(discovery.Config{Issuer: f.Issuer, Keys: f.Keys})
	f.Must(err)
	if body := serve(h.ServeMetadata, get(discovery.PathServerMetadata)).Body.String(); strings.Contains(body, "[]") || strings.Contains(body, "null") {
		t.Error(body)
	}
}

func TestTheMetadataSaysOnlyWhatIsTrue(t *testing.T) {
	f := tokentest.New(t, func(i *issuer.Issuer) {
		i.Scopes, i.IDTokenAlgs = issuer.Catalogue{{Name: "orders.read"}}, []jwk.Alg{jwk.RS256, jwk.EdDSA}
	})
	metadata := newHandler(f).Metadata()
	if slices.Contains(metadata.GrantTypesSupported, "client_credentials") {
		t.Error("client credentials where no scope can be had with them")
	}
	if !slices.Contains(metadata.GrantTypesSupported, string(oauth.GrantJWTBearer)) { // the token endpoint takes them, RFC 7523 §2.1
		t.Error("service accounts' assertions are not announced")
	}
	if got := strings.Join(metadata.IDTokenSigningAlgValuesSupported, " "); got != "RS256 EdDSA" {
		t.Errorf("algorithms %s", got)
	}
	if slices.Contains(metadata.IntrospectionEndpointAuthMethodsSupported, "none") {
		t.Error("introspection without authentication")
	}
	if got := strings.Join(metadata.ScopesSupported, " "); got != "openid profile email offline_access orders.read" {
		t.Errorf("scopes %s", got)
	}
	if !slices.Contains(newHandler(tokentest.New(t)).Metadata().GrantTypesSupported, "client_credentials") {
		t.Error("client credentials are not announced")
	}
}

func TestRFC8628_4_And_RFC7591_3_EndpointsAreListedWhereTheyAreOpen(t *testing.T) {
	closed := newHandler(tokentest.New(t)).Metadata()
	if closed.DeviceAuthorizationEndpoint != "" || closed.RegistrationEndpoint != "" || slices.Contains(closed.GrantTypesSupported, string(oauth.GrantDeviceCode)) {
		t.Errorf("closed, and listed: %+v", closed)
	}
	open := newHandler(tokentest.New(t, func(i *issuer.Issuer) { i.Policy.Device, i.Policy.Registration = true, true })).Metadata()
	if open.DeviceAuthorizationEndpoint != "https://acme.example/oauth/device_authorization" || !slices.Contains(open.GrantTypesSupported, string(oauth.GrantDeviceCode)) {
		t.Errorf("device flow: %+v", open)
	}
	if open.RegistrationEndpoint != "https://acme.example/oauth/register" {
		t.Errorf("registration: %+v", open)
	}
}

func TestRequestsNeverChangeTheMetadata(t *testing.T) {
	h := newHandler(tokentest.New(t))
	plain := serve(h.ServeMetadata, get(discovery.PathServerMetadata)).Body.String()
	r := get(discovery.PathServerMetadata)
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	if got := serve(h.ServeMetadata, r).Body.String(); got != plain {
		t.Error(got)
	}
}

func TestRFC7517_5_ThePublishedKeysAreReadElsewhereAndFollowRotation(t *testing.T) {
	f := tokentest.New(t)
	h := newHandler(f)
	var before, after jose.JSONWebKeySet
	first := serve(h.ServeJWKS, get(discovery.PathJWKS))
	f.Must(json.Unmarshal(first.Body.Bytes(), &before))
	_, err := f.Keys.Rotate(t.Context(), jwk.ES256)
	f.Must(err)
	second := serve(h.ServeJWKS, get(discovery.PathJWKS))
	f.Must(json.Unmarshal(second.Body.Bytes(), &after))
	if len(before.Keys) != 4 || len(after.Keys) != 5 {
		t.Errorf("%d keys, then %d; want 4 and 5", len(before.Keys), len(after.Keys))
	}
	for _, key := range after.Keys {
		if !key.Valid() || !key.IsPublic() || key.Use != "sig" {
			t.Errorf("%+v", key)
		}
	}
	for _, key := range before.Keys {
		if len(after.Key(key.KeyID)) != 1 {
			t.Errorf("%s is not published any more", key.KeyID)
		}
	}
	if first.Header().Get("ETag") == second.Header().Get("ETag") {
		t.Error("two documents with one ETag")
	}
}

func TestRFC9110_13_1_2_DocumentsAreCached(t *testing.T) {
	h := newHandler(tokentest.New(t))
	for path, face := range map[string]func(http.ResponseWriter, *http.Request) error{
		discovery.PathServerMetadata: h.ServeMetadata, discovery.PathJWKS: h.ServeJWKS,
	} {
		w := serve(face, get(path))
		etag := w.Header().Get("ETag")
		if w.Header().Get("Cache-Control") != "public, max-age=300" || etag == "" {
			t.Errorf("%s: %v", path, w.Header())
		}
		for given, want := range map[string]int{
			etag: http.StatusNotModified, `"x", W/` + etag: http.StatusNotModified, "*": http.StatusNotModified, `"x"`: http.StatusOK, "": http.StatusOK,
		} {
			r := get(path)
			r.Header.Set("If-None-Match", given)
			if got := serve(face, r); got.Code != want || got.Code == http.StatusNotModified && got.Body.Len() > 0 {
				t.Errorf("%s, If-None-Match %s: %d with %d bytes", path, given, got.Code, got.Body.Len())
			}
		}
		head := serve(face, httptest.NewRequest(http.MethodHead, path, nil))
		if head.Code != http.StatusOK || head.Body.Len() > 0 || head.Header().Get("Content-Length") == "" {
			t.Errorf("HEAD %s: %d, %d bytes", path, head.Code, head.Body.Len())
		}
		if post := serve(face, httptest.NewRequest(http.MethodPost, path, nil)); post.Code != http.StatusMethodNotAllowed || post.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d", path, post.Code)
		}
	}
}

func TestKeysThatCannotBeReadAre503(t *testing.T) {
	f := tokentest.New(t)
	h := newHandler(f)
	_, err := f.Keys.Rotate(t.Context(), jwk.ES256)
	f.Must(err)
	f.Unavailable()
	if w := serve(h.ServeJWKS, get(discovery.PathJWKS)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
