package bearer

import (
	"context"
	"net/http"
	"time"
)

// Guard lets requests with a good access token through. It is safe for concurrent use, and one serves a whole API.
type Guard struct {
	cfg      Config
	metadata *document[serverMetadata]
	keys     *document[keySet] // nil with introspection
	answers  *answerCache      // nil unless introspection answers may be used again
}

const (
	metadataFresh = time.Hour
	keysFresh     = 15 * time.Minute

	// While the authorization server is down, what it last said stays true for a day: longer than an access token
	// usually lives, so hardly a good one is refused.
	stillUsable = 24 * time.Hour
)

// New makes a guard. It calls nobody: an API may start before its authorization server, and answers 503 until it has
// found it; call [Guard.Ready] to find out earlier. Fetches shared by several requests end with ctx, so ctx should
// live as long as the API.
func New(ctx context.Context, cfg Config) (*Guard, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	g := &Guard{cfg: cfg}
	g.metadata = newDocument(ctx, cfg, metadataFresh, g.fetchMetadata)
	switch {
	case cfg.ClientID == "":
		g.keys = newDocument(ctx, cfg, keysFresh, g.fetchKeys)
	case cfg.IntrospectionAge > 0:
		g.answers = newAnswerCache(cfg.IntrospectionEntries)
	}
	return g, nil
}

// Ready fetches what the guard needs from the authorization server and reports what is wrong, if anything: that it
// cannot be reached, that it calls itself by another issuer, that it has no keys. It suits a readiness probe.
func (g *Guard) Ready(ctx context.Context) error {
	if g.keys != nil {
		_, err := g.keys.get(ctx)
		return err
	}
	metadata, err := g.metadata.get(ctx)
	if err != nil {
		return err
	}
	_, err = metadata.introspectionURL()
	return err
}

// Require returns middleware that lets a request through when its access token is good and has every one of the
// scopes. Without scopes, any good token will do. It panics on a malformed scope, as [http.ServeMux] does on a
// malformed pattern: that is a mistake in the program, not in a request.
func (g *Guard) Require(scopes ...string) func(http.Handler) http.Handler {
	if err := checkScopes(scopes); err != nil {
		panic(err)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, err := g.authorize(r, scopes)
			if err != nil {
				g.refuse(w, r, asRefusal(err), scopes)
				return
			}
			next.ServeHTTP(w, r.WithContext(withToken(r.Context(), token)))
		})
	}
}

func (g *Guard) authorize(r *http.Request, scopes []string) (*Token, error) {
	raw, err := tokenFrom(r)
	if err != nil {
		return nil, err
	}
	token, err := g.Verify(r.Context(), raw)
	if err != nil {
		return nil, err
	}
	for _, scope := range scopes {
		if !token.HasScope(scope) {
			return nil, insufficientScope(scopes)
		}
	}
	return token, nil
}

// Verify checks one access token outside the middleware, for a transport other than net/http. Its errors are
// *[Refusal], and never hold the token.
func (g *Guard) Verify(ctx context.Context, raw string) (*Token, error) {
	if !isTokenSyntax(raw) {
		return nil, invalidToken("The access token is malformed.")
	}
	check := g.introspect
	if g.keys != nil {
		check = g.verifyJWT
	}
	token, err := check(ctx, raw)
	if err != nil {
		return nil, asRefusal(err)
	}
	return token, nil
}
