package sampleapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// connection is one platform that one browser connected.
type connection struct {
	platform  *platform
	found     *discovered
	identity  *identity // nil when the platform was not asked who the person is
	asked     []string
	connected time.Time
	account   string // where the platform told it without an ID Token

	refreshing sync.Mutex // held by the one refresh under way

	mu        sync.Mutex
	token     *oauth2.Token
	granted   []string
	refreshes int  // how many refreshes have ended, well or not
	ended     bool // the platform says that there is nothing left to refresh
	result    *result
}

// result is what the last button brought.
type result struct {
	Action    string // call or refresh
	Title     string
	Status    int // of the answer; 0 when there was none
	Challenge string
	Body      string
	At        time.Time
	Trouble   *trouble // nil is well
}

func (c *connection) current() *oauth2.Token {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

func (c *connection) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

func (c *connection) show(r *result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result = r
}

func backTo(w http.ResponseWriter, r *http.Request, c *connection) {
	http.Redirect(w, r, "/connection/"+c.platform.ID+"#result", http.StatusSeeOther)
}

// call fetches the platform's API with the access token as it is, expired or not, to show what the API says.
func (a *App) call(w http.ResponseWriter, r *http.Request, c *connection) {
	outcome := a.fetch(r.Context(), c)
	outcome.At = a.now()
	c.show(outcome)
	backTo(w, r, c)
}

// maxAnswer bounds what is read and shown of an API's answer.
const maxAnswer = 64 << 10

func (a *App) fetch(ctx context.Context, c *connection) *result {
	outcome := &result{Action: "call", Title: "The API could not be reached"}
	res, err := a.callAPI(ctx, c)
	if err != nil {
		outcome.Trouble = unreachable(c.platform, err)
		return outcome
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		outcome.Trouble = unreachable(c.platform, err)
		return outcome
	}
	outcome.Title = fmt.Sprintf("The API answered %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	outcome.Status, outcome.Body = res.StatusCode, indent(body)
	outcome.Challenge = res.Header.Get("WWW-Authenticate")
	if res.StatusCode >= http.StatusBadRequest {
		outcome.Trouble = refusedCall(body)
	}
	return outcome
}

func (a *App) callAPI(ctx context.Context, c *connection) (*http.Response, error) {
	if c.platform.Wire != nil {
		return c.platform.Wire.Call(ctx, a.client, c.current())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.platform.APIURL, http.NoBody)
	if err != nil {
		return nil, err
	}
	c.current().SetAuthHeader(req)
	return a.client.Do(req)
}

// indent makes JSON readable and leaves anything else as it is.
func indent(body []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		return string(body)
	}
	return b.String()
}

func (a *App) refresh(w http.ResponseWriter, r *http.Request, c *connection) {
	// A refresh that was sent is finished: dropping its answer would lose the successor of the refresh token.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), callTimeout)
	defer cancel()
	a.refreshOnce(ctx, c)
	backTo(w, r, c)
}

// refreshOnce lets one of several simultaneous refreshes go to the platform; the others take its outcome. A refresh
// token is used once (OAuth 2.1 §4.3.1), and a second use would look like theft.
func (a *App) refreshOnce(ctx context.Context, c *connection) {
	c.mu.Lock()
	seen := c.refreshes
	c.mu.Unlock()

	c.refreshing.Lock()
	defer c.refreshing.Unlock()
	c.mu.Lock()
	before, done := c.token, c.refreshes
	c.mu.Unlock()
	if done != seen {
		return
	}
	fresh, t := c.renew(ctx, before)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshes++
	c.result = &result{Action: "refresh", At: a.now(), Title: "The platform gave new tokens", Status: http.StatusOK, Trouble: t}
	if t != nil {
		c.result.Title, c.result.Status = t.Title, t.Status
		c.ended = c.ended || t.Code == "invalid_grant" || c.platform.Wire != nil && t.over() // RFC 6749 §5.2: expired, revoked or another client's
		return
	}
	c.token, c.granted = fresh, grantedScopes(fresh, c.granted)
}

func (c *connection) renew(ctx context.Context, before *oauth2.Token) (*oauth2.Token, *trouble) {
	if c.platform.Wire != nil {
		fresh, err := c.platform.Wire.Refresh(ctx, c.platform.client, before)
		if errors.Is(err, errNoRefresh) {
			return nil, nothingToRefresh(c.platform)
		}
		if err != nil {
			return nil, refusedBy(c.platform, "The platform did not refresh", err)
		}
		return fresh, nil
	}
	if before.RefreshToken == "" {
		return nil, noRefreshToken(c.platform)
	}
	ctx = c.platform.context(ctx)
	// Without its access token the library must refresh, however long the old one would still have lasted.
	fresh, err := c.found.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: before.RefreshToken}).Token()
	if err != nil {
		return nil, refusedToken(c.platform, "The platform did not refresh", err)
	}
	if raw, ok := fresh.Extra("id_token").(string); ok && c.identity != nil {
		idToken, err := c.found.verifier.Verify(ctx, raw)
		if err != nil {
			return nil, badIDToken(c.platform, err)
		}
		if idToken.Subject != c.identity.subject { // OpenID Connect Core §12.2
			return nil, badIDToken(c.platform, fmt.Errorf("it is about another person"))
		}
	}
	return fresh, nil
}

// forget drops the tokens here and asks the platform to end them as well (RFC 7009).
func (a *App) forget(w http.ResponseWriter, r *http.Request, c *connection) {
	a.end(r, c)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// signOut forgets, and then lets the platform end its own session (OpenID Connect RP-Initiated Logout §2). It sends no
// id_token_hint, since URLs are kept in histories; the platform asks the person instead.
func (a *App) signOut(w http.ResponseWriter, r *http.Request, c *connection) {
	a.end(r, c)
	if c.found.EndSessionEndpoint == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	query := url.Values{"client_id": {c.platform.ClientID}, "post_logout_redirect_uri": {a.url + "/"}}
	http.Redirect(w, r, c.found.EndSessionEndpoint+"?"+query.Encode(), http.StatusSeeOther)
}

func (a *App) end(r *http.Request, c *connection) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), callTimeout)
	defer cancel()
	notice := "Parcel Robot has forgotten " + c.platform.Name + ", and ended its access there."
	if err := a.revoke(ctx, c); err != nil {
		notice = "Parcel Robot has forgotten " + c.platform.Name + ". " + c.platform.Name +
			" did not confirm that the access ended: look at its Connected apps page."
	}
	a.sessions.of(r, a.now()).drop(c, notice)
}

// revoke ends the refresh token, and with it whatever it bought (RFC 7009 §2.1), or else the access token.
func (a *App) revoke(ctx context.Context, c *connection) error {
	if c.platform.Wire != nil {
		return c.platform.Wire.Revoke(ctx, a.client, c.current())
	}
	if c.found.RevocationEndpoint == "" {
		return fmt.Errorf("%s has no revocation endpoint", c.platform.Name)
	}
	token := c.current()
	form := url.Values{"token": {token.AccessToken}, "token_type_hint": {"access_token"}}
	if token.RefreshToken != "" {
		form = url.Values{"token": {token.RefreshToken}, "token_type_hint": {"refresh_token"}}
	}
	inHeader := c.found.oauth.Endpoint.AuthStyle == oauth2.AuthStyleInHeader
	if !inHeader {
		form.Set("client_id", c.platform.ClientID)
		if c.platform.ClientSecret != "" {
			form.Set("client_secret", c.platform.ClientSecret)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.found.RevocationEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("revoking: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if inHeader { // RFC 6749 §2.3.1
		req.SetBasicAuth(url.QueryEscape(c.platform.ClientID), url.QueryEscape(c.platform.ClientSecret))
	}
	res, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("revoking: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("revoking: %s answered %d", c.platform.Name, res.StatusCode)
	}
	return nil
}
