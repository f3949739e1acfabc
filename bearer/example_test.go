package bearer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/bearer"
)

func Example() {
	login, sign := exampleServer()
	defer login.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	// One: whose tokens, and for which API.
	guard, err := bearer.New(ctx, bearer.Config{Issuer: login.URL, Audience: audience})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	// Two: what an endpoint needs.
	mux.Handle("GET /orders", guard.Require("orders:read")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Three: who is calling.
		token := bearer.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "orders of %s, for %s", token.Subject, token.ClientID)
	})))
	mux.Handle("GET "+guard.MetadataPath(), guard.Metadata())

	request := func(token string) {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/orders", nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, http.StatusText(w.Code))
		if challenge := w.Header().Get("WWW-Authenticate"); challenge != "" {
			fmt.Println(challenge)
		}
	}
	request(sign("orders:read"))
	request("")
	request(sign("profile"))
	// Output:
	// 200 OK
	// 401 Unauthorized
	// Bearer realm="https://api.test", scope="orders:read", resource_metadata="https://api.test/.well-known/oauth-protected-resource"
	// 403 Forbidden
	// Bearer realm="https://api.test", error="insufficient_scope", error_description="The access token was not granted what this needs: orders:read. Ask the user to connect again and allow it.", scope="orders:read", resource_metadata="https://api.test/.well-known/oauth-protected-resource"
}

func ExampleNew_introspection() {
	// With credentials of its own, the API asks the issuer about every token, so a revoked one stops at once.
	_, err := bearer.New(context.Background(), bearer.Config{
		Issuer:       "https://login.example",
		Audience:     "https://api.example",
		ClientID:     "orders-api",
		ClientSecret: "from the environment",
	})
	fmt.Println(err)
	// Output: <nil>
}

// exampleServer is an authorization server with a function that signs access tokens as it would.
func exampleServer() (*authServer, func(scope string) string) {
	var t testing.T // Only for its Helper method; nothing here fails.
	s := newAuthServer(exampleTB{TB: &t})
	key := newKey(&t, jose.ES256, "k")
	s.publish(key)
	return s, func(scope string) string {
		now := exampleNow()
		return key.sign(&t, s.claims(map[string]any{"scope": scope, "exp": now + 600, "iat": now}))
	}
}

// exampleTB leaves closing the server to the example.
type exampleTB struct{ testing.TB }

func (exampleTB) Cleanup(func()) {}

func exampleNow() int64 { return time.Now().Unix() }
