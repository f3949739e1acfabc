package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// serverMetadata is what a guard needs of RFC 8414 §2.
type serverMetadata struct {
	Issuer                string `json:"issuer"`
	JWKSURI               string `json:"jwks_uri"`
	IntrospectionEndpoint string `json:"introspection_endpoint"`
}

func (m serverMetadata) jwksURL() (string, error) { return checkEndpoint("jwks_uri", m.JWKSURI) }

func (m serverMetadata) introspectionURL() (string, error) {
	return checkEndpoint("introspection_endpoint", m.IntrospectionEndpoint)
}

func checkEndpoint(name, raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("bearer: the authorization server's metadata has no usable %s", name)
	}
	if err := checkTransport(u); err != nil {
		return "", fmt.Errorf("bearer: %s: %w", name, err)
	}
	return raw, nil
}

// fetchMetadata tries the OAuth document first and then OpenID Connect's, whose address is made differently
// (RFC 8414 §3.1, §5).
func (g *Guard) fetchMetadata(ctx context.Context) (serverMetadata, error) {
	metadata, err := g.fetchMetadataAt(ctx, wellKnown(g.cfg.Issuer, "oauth-authorization-server"))
	status, ok := errors.AsType[*statusError](err)
	if !ok || status.status != http.StatusNotFound {
		return metadata, err
	}
	return g.fetchMetadataAt(ctx, strings.TrimSuffix(g.cfg.Issuer, "/")+"/.well-known/openid-configuration")
}

func (g *Guard) fetchMetadataAt(ctx context.Context, address string) (serverMetadata, error) {
	var metadata serverMetadata
	if err := g.getJSON(ctx, address, &metadata); err != nil {
		return serverMetadata{}, err
	}
	// RFC 8414 §3.3: without this, one issuer could pass off another's endpoints and keys as its own.
	if metadata.Issuer != g.cfg.Issuer {
		return serverMetadata{}, fmt.Errorf("bearer: the server at %s calls itself %q", g.cfg.Issuer, metadata.Issuer)
	}
	return metadata, nil
}

// wellKnown puts the well-known segment between host and path (RFC 8414 §3.1, RFC 9728 §3.1).
func wellKnown(identifier, name string) string {
	u, err := url.Parse(identifier)
	if err != nil { // Checked when the guard was made.
		return ""
	}
	u.Path = "/.well-known/" + name + strings.TrimSuffix(u.Path, "/")
	u.RawPath = ""
	return u.String()
}
