package authorize

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"latchkey.dev/internal/destination"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// Whatever a query holds, the checks that need no database end, and what they let through stays within its bounds.
func FuzzChecks(f *testing.F) {
	f.Add("response_type=code&scope=openid&state=a&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256")
	f.Add("response_type=code&scope=openid&max_age=99999999999&ui_locales=fr-CA+%21%21+zh-Hant-TW&prompt=login+consent&resource=https://api.acme.example")
	f.Add("scope=%00&prompt=none+none&max_age=-0&resource=//x%23&ui_locales=" + strings.Repeat("a-", 500))
	to, refused := destination.Prove([]string{"https://app.example/cb"}, "")
	if refused != nil {
		f.Fatal(refused)
	}
	h := New(Config{Issuer: &issuer.Issuer{Name: "acme", URL: "https://acme.example", Audience: "https://api.acme.example"}})
	client := &store.Client{ID: "app", Metadata: store.ClientMetadata{Scope: oauth.ScopeSet{"openid", "email"}}}
	f.Fuzz(func(t *testing.T, query string) {
		request := httptest.NewRequest(http.MethodGet, "/oauth/authorize", nil)
		request.URL.RawQuery = query
		params, err := parameters(request)
		if err != nil {
			return
		}
		asked := RequestFrom(params)
		asked.IDTokenHint = "" // needs keys
		p := &proven{request: asked, client: client, to: to}
		if err := h.check(t.Context(), atAuthorize, p); err != nil {
			return
		}
		c := p.checked
		if len(c.Scopes) == 0 || !client.Metadata.Scope.Contains(c.Scopes) || len(c.CodeChallenge) != 43 || len(c.Nonce) > longestNonce ||
			len(c.Resources) > mostResources || len(c.UILocales) > 36*mostLocales || !utf8.ValidString(c.LoginHint) || (c.MaxAge != nil && *c.MaxAge < 0) {
			t.Errorf("%q was let through as %+v", query, c)
		}
	})
}
