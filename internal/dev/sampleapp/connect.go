package sampleapp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// connect sends the person to the platform, remembering what only this browser may bring back.
func (a *App) connect(w http.ResponseWriter, r *http.Request, p *platform) {
	found, err := p.discover()
	if err != nil {
		a.fail(w, r, p, unreachable(p, err))
		return
	}
	f, err := a.newFlow(p)
	if err != nil {
		a.fail(w, r, p, internal())
		return
	}
	s, err := a.session(w, r)
	if err != nil {
		a.fail(w, r, p, internal())
		return
	}
	s.begin(f)
	if p.Wire != nil {
		http.Redirect(w, r, p.Wire.AuthorizationURL(f.trip()), http.StatusSeeOther)
		return
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(f.verifier)} // RFC 7636 §4.3
	if p.signsIn() {
		options = append(options, oidc.Nonce(f.nonce)) // OpenID Connect Core §3.1.2.1
	}
	if p.Resource != "" {
		options = append(options, oauth2.SetAuthURLParam("resource", p.Resource)) // RFC 8707 §2.1
	}
	http.Redirect(w, r, found.oauth.AuthCodeURL(f.state, options...), http.StatusSeeOther)
}

// propose is the page on which the app says what it will ask for, with the link that asks for it.
func (a *App) propose(w http.ResponseWriter, r *http.Request, p *platform) {
	f, err := a.newFlow(p)
	if err != nil || len(p.Proposal) == 0 || p.Wire == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s, err := a.session(w, r)
	if err != nil {
		a.fail(w, r, p, internal())
		return
	}
	s.begin(f)
	a.render(w, http.StatusOK, "proposal", proposalView{
		layout: layout{"Connect " + p.Name + " – Parcel Robot"}, Name: p.Name, Asks: p.Proposal, AuthorizationURL: p.Wire.AuthorizationURL(f.trip()),
	})
}

// session is the browser's, begun when it has none.
func (a *App) session(w http.ResponseWriter, r *http.Request) (*session, error) {
	if s := a.sessions.of(r, a.now()); s != nil {
		return s, nil
	}
	id, err := a.secret()
	if err != nil {
		return nil, err
	}
	return a.sessions.start(w, id, a.now()), nil
}

func (f *flow) trip() Trip {
	return Trip{State: f.state, Verifier: f.verifier, RedirectURI: f.platform.callbackURL}
}

// signsIn says whether the platform is asked who the person is, besides what the app may do.
func (p *platform) signsIn() bool {
	return slices.Contains(p.Scopes, oidc.ScopeOpenID)
}

func (a *App) newFlow(p *platform) (*flow, error) {
	f := &flow{platform: p, started: a.now()}
	for _, secret := range []*string{&f.state, &f.nonce, &f.verifier} {
		var err error
		if *secret, err = a.secret(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// secret is 256 random bits in 43 characters, which is what a code verifier must have (RFC 7636 §4.1).
func (a *App) secret() (string, error) {
	var raw [32]byte
	if _, err := io.ReadFull(a.random, raw[:]); err != nil {
		return "", fmt.Errorf("reading randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// callback is where the platform sends the person back to (RFC 6749 §4.1.2).
func (a *App) callback(w http.ResponseWriter, r *http.Request, p *platform) {
	s := a.sessions.of(r, a.now())
	f := s.flow(p, r.URL.Query().Get("state"), a.now())
	if f == nil {
		a.fail(w, r, p, strayCallback(p))
		return
	}
	f.once.Do(func() {
		// The browser may drop the first of two clicks while its code is being redeemed.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), callTimeout)
		defer cancel()
		c, t := a.finish(ctx, f, r)
		if t == nil {
			s.keep(c)
		}
		f.trouble = t
	})
	if f.trouble != nil {
		a.fail(w, r, p, f.trouble)
		return
	}
	http.Redirect(w, r, "/connection/"+p.ID, http.StatusSeeOther)
}

// finish checks the platform's answer and redeems the code.
func (a *App) finish(ctx context.Context, f *flow, r *http.Request) (*connection, *trouble) {
	found, err := f.platform.discover()
	if err != nil {
		return nil, unreachable(f.platform, err)
	}
	query := r.URL.Query()
	// RFC 9207 §2.4: before anything else of the answer is believed, errors included.
	if given := query.Get("iss"); given != f.platform.Issuer && (given != "" || found.SendsIssuer) {
		return nil, wrongIssuer(f.platform)
	}
	if query.Has("error") {
		return nil, refusedAuthorization(f.platform, query)
	}
	if f.platform.Wire != nil {
		return a.redeem(ctx, f, found, query)
	}
	ctx = f.platform.context(ctx)
	token, err := found.oauth.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(f.verifier))
	if err != nil {
		return nil, refusedToken(f.platform, "The code could not be exchanged for tokens", err)
	}
	c := &connection{platform: f.platform, found: found, token: token, connected: a.now()}
	c.asked, c.granted = f.platform.Scopes, grantedScopes(token, f.platform.Scopes)
	if f.platform.signsIn() {
		if c.identity, err = identify(ctx, found, token, f.nonce); err != nil {
			return nil, badIDToken(f.platform, err)
		}
	}
	return c, nil
}

// redeem finishes with a platform that is spoken to over a Wire.
func (a *App) redeem(ctx context.Context, f *flow, found *discovered, answer url.Values) (*connection, *trouble) {
	token, account, err := f.platform.Wire.Redeem(ctx, a.client, answer, f.trip())
	if err != nil {
		return nil, refusedBy(f.platform, "The code could not be exchanged", err)
	}
	return &connection{
		platform: f.platform, found: found, token: token, connected: a.now(), account: account,
		asked: f.platform.Scopes, granted: grantedScopes(token, f.platform.Scopes),
	}, nil
}

// grantedScopes is what the answer says, or what was asked if it says nothing (RFC 6749 §5.1).
func grantedScopes(token *oauth2.Token, asked []string) []string {
	if scope, ok := token.Extra("scope").(string); ok {
		return strings.Fields(scope)
	}
	return asked
}

var errNonce = errors.New("its nonce is not the one this sign-in began with")

// identify validates the ID Token (OpenID Connect Core §3.1.3.7) and asks UserInfo for the rest, which must be about
// the same person (§5.3.2).
func identify(ctx context.Context, found *discovered, token *oauth2.Token, nonce string) (*identity, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("there is none in the answer")
	}
	idToken, err := found.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if idToken.Nonce != nonce {
		return nil, errNonce
	}
	if idToken.AccessTokenHash != "" {
		if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, err
		}
	}
	who := &identity{subject: idToken.Subject, claims: map[string]any{}}
	if err := idToken.Claims(&who.claims); err != nil {
		return nil, err
	}
	if err := who.addUserInfo(ctx, found, token); err != nil {
		return nil, err
	}
	return who, nil
}

// identity is who connected, as the platform tells it.
type identity struct {
	subject string
	claims  map[string]any
}

func (i *identity) addUserInfo(ctx context.Context, found *discovered, token *oauth2.Token) error {
	if found.UserInfoEndpoint == "" {
		return nil
	}
	info, err := found.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("asking UserInfo: %w", err)
	}
	if info.Subject != i.subject {
		return errors.New("UserInfo is about another person")
	}
	return info.Claims(&i.claims)
}
