// The Noon quickstart: a seller connects their store, and this backend receives a service account's key for the seller's project.
// Noon's "OAuth Flow Quickstart".
package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"latchkey.dev/examples/quickstart"
)

type app struct {
	oauth, gateway, clientID, clientSecret string

	own      *gateway // the integrator's own session, which every OAuth call needs
	sessions quickstart.Sessions[seller]
}

// seller is a connected store.
type seller struct {
	project string
	session *gateway // as the service account that was made for it
}

func main() {
	quickstart.Environment("noon")
	own, err := readCredential(quickstart.Env("NOON_CREDENTIALS")) // the integrator's own service account
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	a := &app{
		oauth: quickstart.Env("NOON_OAUTH_URL"), gateway: quickstart.Env("NOON_GATEWAY_URL"), clientID: quickstart.Env("NOON_CLIENT_ID"),
		clientSecret: quickstart.Env("NOON_CLIENT_SECRET"), // never in the code, never in a browser
	}
	a.own = newGateway(a.gateway, own)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /connect", a.connectSeller)
	mux.HandleFunc("GET /connect-seller", a.connectSeller)
	mux.HandleFunc("GET /oauth/callback", a.callback)
	mux.HandleFunc("GET /orders", a.orders)
	quickstart.Serve(quickstart.Env("NOON_REDIRECT_URI"), mux)
}

func (a *app) home(w http.ResponseWriter, _ *http.Request) {
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "home", Title: "Your App", Text: "Connect your Noon store, and its orders appear here.",
		Links: []quickstart.Link{{ID: "connect", Path: "/connect-seller", Text: "Connect your store"}},
	})
}

// connectSeller is step 1: two parameters, and a state that only this browser can bring back.
func (a *app) connectSeller(w http.ResponseWriter, r *http.Request) {
	session := a.sessions.Of(w, r)
	session.Lock()
	defer session.Unlock()
	session.State = quickstart.Random()
	http.Redirect(w, r, a.oauth+"/?"+url.Values{"client_id": {a.clientID}, "state": {session.State}}.Encode(), http.StatusFound)
}

// callback is steps 2 to 4.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	session, answer := a.sessions.Of(w, r), r.URL.Query()
	session.Lock()
	defer session.Unlock()
	expected := session.State
	session.State = "" // good for one callback
	if expected == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(expected)) != 1 {
		quickstart.Fail(w, http.StatusBadRequest, "Invalid state parameter", errors.New("possible CSRF attack; start again"))
		return
	}
	if answer.Get("code") == "" {
		quickstart.Fail(w, http.StatusForbidden, "Not connected", fmt.Errorf("noon said %q", answer.Get("error")))
		return
	}
	project, credential, err := a.connect(r.Context(), answer.Get("code"))
	if err != nil {
		quickstart.Fail(w, http.StatusBadGateway, "Not connected", err)
		return
	}
	// A real backend puts the private key into its secrets manager here: nobody can tell it again.
	session.Held = &seller{project: project, session: newGateway(a.gateway, credential)}
	fmt.Printf("connected project %s\n", project)
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "connected", Title: "Connected", Text: "Successfully connected seller project: " + project, Links: []quickstart.Link{{ID: "use", Path: "/orders", Text: "Show the orders"}},
	})
}

// connect trades the code for an access token, and the token for a key at once: it works a single time.
func (a *app) connect(ctx context.Context, code string) (project string, key credential, err error) {
	var bought struct {
		AccessToken string `json:"access_token"`
	}
	err = a.own.call(ctx, http.MethodPost, "/identity/oauth/v1/token/create", map[string]string{
		"grant_type": "authorization_code", "code": code, "client_id": a.clientID, "client_secret": a.clientSecret,
	}, &bought)
	if err != nil {
		return "", credential{}, err
	}
	var made struct {
		ProjectCode    string     `json:"project_code"`
		OAuthRequestID string     `json:"oauth_request_id"`
		Result         credential `json:"result"`
	}
	err = a.own.call(ctx, http.MethodPost, "/identity/oauth/v1/token/exchange", map[string]string{"access_token": bought.AccessToken}, &made)
	if err == nil {
		fmt.Printf("service account made; to track it: oauth_request_id %s\n", made.OAuthRequestID)
	}
	return made.ProjectCode, made.Result, err
}

// orders works as the seller's service account. When that was ended, the seller is asked to connect again.
func (a *app) orders(w http.ResponseWriter, r *http.Request) {
	session := a.sessions.Of(w, r)
	session.Lock()
	defer session.Unlock()
	if session.Held == nil {
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	var found json.RawMessage
	err := session.Held.session.call(r.Context(), http.MethodGet, "/order/v1/orders?project_code="+url.QueryEscape(session.Held.project), nil, &found)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.status == http.StatusUnauthorized {
		session.Held = nil // nothing is left of it
		quickstart.Fail(w, http.StatusUnauthorized, "Access ended", errors.New("the seller ended the access at Noon: connect again to go on"))
		return
	}
	if err != nil {
		quickstart.Fail(w, http.StatusBadGateway, "No orders", err)
		return
	}
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "used", Title: "Orders", Answer: string(found), Links: []quickstart.Link{{ID: "use", Path: "/orders", Text: "Again"}},
	})
}
