package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
)

// measurement is one line of the table: an operation, and what the machine could do at best.
type measurement struct {
	name string
	// requests names them, where an operation is several.
	requests []string
	// commits is how many durable commits one operation makes.
	commits int
	each    func(ctx context.Context, w *world, worker int) (operation, error)
}

// measurements are all that is measured, in the table's order.
func (w *world) measurements() []measurement {
	if w.target != nil {
		return w.target.measurements()
	}
	all := []measurement{
		{name: "client credentials, opaque", each: clientCredentials("opaque")},
		{name: "client credentials, ES256", each: clientCredentials("es256")},
		{name: "client credentials, EdDSA", each: clientCredentials("eddsa")},
		{name: "client credentials, RS256", each: clientCredentials("rs256")},
		{name: "introspection", each: introspection},
		{name: "userinfo", each: userInfo},
		{name: "discovery", each: get("/.well-known/openid-configuration")},
		{name: "jwks", each: get("/.well-known/jwks.json")},
		{name: "refresh", commits: 1, each: refresh},
		{name: "code flow", requests: []string{"authorize", "redeem"}, commits: 2, each: codeFlow},
		{name: "page of 50 connected apps", each: connectedApps},
		{name: "revocation", requests: []string{"issue", "revoke"}, commits: 1, each: revocation},
	}
	if w.stored != nil {
		all = append(all,
			measurement{name: "refresh, any stored", commits: 1, each: refreshStored},
			measurement{name: "introspection, any stored", each: introspectStored})
	}
	return all
}

// post is a whole form request.
func post(host, path, authorization, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n", path, host)
	if authorization != "" {
		fmt.Fprintf(&b, "Authorization: %s\r\n", authorization)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.Bytes()
}

// repeat sends the same request again and again.
func repeat(request []byte) operation {
	return func(c *caller) error { return c.expect(request, 200) }
}

func clientCredentials(name string) func(context.Context, *world, int) (operation, error) {
	return func(_ context.Context, w *world, _ int) (operation, error) {
		return repeat(post(host(name), "/oauth/token", w.sites[name].basic, "grant_type=client_credentials&scope=reports")), nil
	}
}

// introspection asks about a token of each connection's own: the same one at all of them would be read once for many.
func introspection(ctx context.Context, w *world, worker int) (operation, error) {
	s := w.sites["opaque"]
	_, token, err := w.authorize(ctx, s, worker)
	request := post(host("opaque"), "/oauth/introspect", s.basic, "token="+token)
	return func(c *caller) error { return active(c, request) }, err
}

func active(c *caller, request []byte) error {
	if err := c.expect(request, 200); err != nil {
		return err
	}
	if !bytes.Contains(c.body, []byte(`"active":true`)) {
		return fmt.Errorf("the token is not active: %s", c.body)
	}
	return nil
}

func userInfo(ctx context.Context, w *world, worker int) (operation, error) {
	_, token, err := w.authorize(ctx, w.sites["opaque"], worker)
	return repeat(fmt.Appendf(nil, "GET /oauth/userinfo HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", host("opaque"), token)), err
}

func get(path string) func(context.Context, *world, int) (operation, error) {
	return func(context.Context, *world, int) (operation, error) {
		return repeat(fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host("opaque"))), nil
	}
}

// refresh is a chain: every answer's refresh token is the next request's.
func refresh(ctx context.Context, w *world, worker int) (operation, error) {
	s := w.sites["opaque"]
	token, _, err := w.authorize(ctx, s, worker)
	return func(c *caller) error {
		if err := c.expect(post(host("opaque"), "/oauth/token", s.basic, "grant_type=refresh_token&refresh_token="+token+"&scope=orders"), 200); err != nil {
			return err
		}
		token = c.member("refresh_token")
		return nil
	}, err
}

// codeFlow is a browser that is signed in and has consented before, and then its app: authorize, and redeem with PKCE. The
// answer holds an ID Token signed with ES256.
func codeFlow(ctx context.Context, w *world, worker int) (operation, error) {
	s := w.sites["opaque"]
	p, err := w.person(ctx, s, worker)
	query := url.Values{
		"response_type": {"code"}, "client_id": {appID}, "redirect_uri": {s.redirectURI}, "scope": {"openid offline_access orders"},
		"state": {"state-" + strconv.Itoa(worker)}, "nonce": {"nonce"}, "code_challenge": {s.codeChallenge}, "code_challenge_method": {"S256"},
	}
	begin := fmt.Appendf(nil, "GET /oauth/authorize?%s HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\n\r\n", query.Encode(), host("opaque"), cookieName, p.session)
	return func(c *caller) error {
		if err := c.expect(begin, 302); err != nil {
			return err
		}
		answer, err := url.Parse(string(c.location))
		if err != nil {
			return err
		}
		body := url.Values{
			"grant_type": {"authorization_code"}, "code": {answer.Query().Get("code")}, "redirect_uri": {s.redirectURI}, "code_verifier": {s.verifier},
		}
		return c.expect(post(host("opaque"), "/oauth/token", s.basic, body.Encode()), 200)
	}, err
}

// connectedApps is the page of a person who has connected fifty apps.
func connectedApps(_ context.Context, w *world, _ int) (operation, error) {
	name := "opaque"
	if w.stored != nil {
		name = storedName
	}
	request := fmt.Appendf(nil, "GET /connected HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\n\r\n", host(name), cookieName, w.sites[name].manySession)
	last := []byte(manyID(appsOfUser - 1))
	return func(c *caller) error {
		if err := c.expect(request, 200); err != nil {
			return err
		}
		if !bytes.Contains(c.body, last) {
			return fmt.Errorf("the page lacks %s", last)
		}
		return nil
	}, nil
}

// revocation gets a token of the app's own and gives it back; its figure holds both requests.
func revocation(_ context.Context, w *world, _ int) (operation, error) {
	s := w.sites["opaque"]
	issue := post(host("opaque"), "/oauth/token", s.basic, "grant_type=client_credentials&scope=reports")
	return func(c *caller) error {
		if err := c.expect(issue, 200); err != nil {
			return err
		}
		return c.expect(post(host("opaque"), "/oauth/revoke", s.basic, "token="+c.member("access_token")), 200)
	}, nil
}
