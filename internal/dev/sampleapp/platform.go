package sampleapp

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// platform is a configured Platform with what was discovered about it.
type platform struct {
	Platform
	callbackURL string
	client      *http.Client
	now         func() time.Time

	mu         sync.Mutex
	discovered *discovered
}

// discovered is what the issuer's metadata says, in the libraries' own types.
type discovered struct {
	provider *oidc.Provider
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier

	RevocationEndpoint string `json:"revocation_endpoint"`
	EndSessionEndpoint string `json:"end_session_endpoint"`
	UserInfoEndpoint   string `json:"userinfo_endpoint"`
	SendsIssuer        bool   `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3
}

func newPlatform(p Platform, appURL string, client *http.Client, now func() time.Time) *platform {
	return &platform{Platform: p, callbackURL: appURL + "/callback/" + p.ID, client: client, now: now}
}

// context carries the injected client to both libraries, which take it from there.
func (p *platform) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// discover reads the issuer's metadata once; a failure is tried again at the next request.
func (p *platform) discover() (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Wire != nil {
		return &discovered{}, nil
	}
	if p.discovered != nil {
		return p.discovered, nil
	}
	// The provider keeps its context to fetch keys later, so it is no request's.
	provider, err := oidc.NewProvider(p.context(context.Background()), p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discovering %s: %w", p.Issuer, err)
	}
	d := &discovered{provider: provider}
	if err := provider.Claims(d); err != nil {
		return nil, fmt.Errorf("reading the metadata of %s: %w", p.Issuer, err)
	}
	d.verifier = provider.Verifier(&oidc.Config{ClientID: p.ClientID, Now: p.now})
	d.oauth = oauth2.Config{
		ClientID:     p.ClientID,
		ClientSecret: p.ClientSecret,
		Endpoint:     provider.Endpoint(),
		RedirectURL:  p.callbackURL,
		Scopes:       p.Scopes,
	}
	d.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if p.SecretInBody || p.ClientSecret == "" {
		d.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	p.discovered = d
	return d, nil
}
