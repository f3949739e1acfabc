package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Target is a running server that is measured in place of one of our own, with an app that has registered there.
type Target struct {
	// URL is its issuer; At is the URL where it listens, when that is elsewhere, such as behind its proxy.
	URL, At string
	// ClientID and Secret are those of an app that may use client credentials, and introspect.
	ClientID, Secret string
	// Scope is what its tokens ask for; empty asks for the default.
	Scope string
}

// target is where a running server's endpoints are.
type target struct {
	Target

	place    place
	host     string
	metadata struct {
		Token         string `json:"token_endpoint"`
		Introspection string `json:"introspection_endpoint"`
		Revocation    string `json:"revocation_endpoint"`
		JWKS          string `json:"jwks_uri"`
	}
}

const discoveryPath = "/.well-known/openid-configuration"

// find reads a server's metadata (OpenID Connect Discovery 1.0 §4).
func find(ctx context.Context, t Target) (*target, error) {
	issuer, err := url.Parse(t.URL)
	if err != nil || issuer.Host == "" {
		return nil, errors.New("the target must be an issuer's URL, such as https://login.example")
	}
	at, err := url.Parse(cmp.Or(t.At, t.URL))
	if err != nil || at.Host == "" {
		return nil, errors.New("where the target listens must be a URL, such as http://127.0.0.1:8080")
	}
	found := &target{Target: t, host: issuer.Host, place: placeOf(at)}
	at.Path = strings.TrimSuffix(issuer.Path, "/") + discoveryPath
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Host = found.host
	client := &http.Client{Timeout: callTimeout}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", request.URL.Redacted(), answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&found.metadata); err != nil {
		return nil, fmt.Errorf("%s: %w", request.URL.Redacted(), err)
	}
	return found, found.onOneHost()
}

// onOneHost makes paths of the endpoints: a connection is to one server.
func (t *target) onOneHost() error {
	m := &t.metadata
	for _, endpoint := range []*string{&m.Token, &m.Introspection, &m.Revocation, &m.JWKS} {
		if *endpoint == "" {
			continue
		}
		at, err := url.Parse(*endpoint)
		if err != nil {
			return err
		}
		if at.Host != t.host {
			return fmt.Errorf("the target %s has an endpoint at %s: only servers with one host can be measured", t.host, at.Host)
		}
		*endpoint = at.RequestURI()
	}
	if m.Token == "" {
		return errors.New("the target's metadata has no token_endpoint")
	}
	return nil
}

// placeOf is where a URL's server listens.
func placeOf(u *url.URL) place {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return place{addr: net.JoinHostPort(u.Hostname(), port), secure: u.Scheme == "https"}
}

// measurements need nothing but an app's id and secret.
func (t *target) measurements() []measurement {
	all := []measurement{
		{name: "client credentials", each: func(context.Context, *world, int) (operation, error) { return repeat(t.issue()), nil }},
		{name: "discovery", each: t.get(discoveryPath)},
	}
	if t.metadata.JWKS != "" {
		all = append(all, measurement{name: "jwks", each: t.get(t.metadata.JWKS)})
	}
	if t.metadata.Introspection != "" {
		all = append(all, measurement{name: "introspection", each: t.introspection})
	}
	if t.metadata.Revocation != "" {
		all = append(all, measurement{name: "revocation", requests: []string{"issue", "revoke"}, each: t.revocation})
	}
	return all
}

// issue is a request for a token of the app's own.
func (t *target) issue() []byte {
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.Scope != "" {
		form.Set("scope", t.Scope)
	}
	return t.post(t.metadata.Token, form)
}

func (t *target) post(path string, form url.Values) []byte {
	return post(t.host, path, basic(url.QueryEscape(t.ClientID), url.QueryEscape(t.Secret)), form.Encode()) // RFC 6749 §2.3.1
}

func (t *target) get(path string) func(context.Context, *world, int) (operation, error) {
	return func(context.Context, *world, int) (operation, error) {
		return repeat(fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, t.host)), nil
	}
}

// introspection asks about one token that each connection gets first.
func (t *target) introspection(context.Context, *world, int) (operation, error) {
	var ask []byte
	return func(c *caller) error {
		if ask == nil {
			if err := c.expect(t.issue(), http.StatusOK); err != nil {
				return err
			}
			ask = t.post(t.metadata.Introspection, url.Values{"token": {c.member("access_token")}})
			c.took = c.took[:0]
		}
		return active(c, ask)
	}, nil
}

func (t *target) revocation(context.Context, *world, int) (operation, error) {
	return func(c *caller) error {
		if err := c.expect(t.issue(), http.StatusOK); err != nil {
			return err
		}
		return c.expect(t.post(t.metadata.Revocation, url.Values{"token": {c.member("access_token")}}), http.StatusOK)
	}, nil
}
