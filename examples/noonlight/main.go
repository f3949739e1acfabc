// The Noonlight quickstart: a person lets this app raise alarms for them. https://docs.noonlight.com, "Authentication".
package main

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"latchkey.dev/examples/quickstart"
)

// tokens are stored by the server, and never logged.
type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

type app struct {
	account, api, clientID, clientSecret, redirectURI string

	client   *http.Client
	sessions quickstart.Sessions[tokens]
}

func main() {
	quickstart.Environment("noonlight")
	a := &app{
		account: quickstart.Env("NOONLIGHT_ACCOUNT_URL"), api: quickstart.Env("NOONLIGHT_API_URL"),
		clientID: quickstart.Env("NOONLIGHT_CLIENT_ID"), clientSecret: quickstart.Env("NOONLIGHT_CLIENT_SECRET"), // never in the code, never in a browser
		redirectURI: quickstart.Env("NOONLIGHT_REDIRECT_URI"), client: quickstart.Client(),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /connect", a.connect)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("GET /alarm", a.alarm)
	quickstart.Serve(a.redirectURI, mux)
}

func (a *app) home(w http.ResponseWriter, _ *http.Request) {
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "home", Title: "Smart Lamp", Text: "Connect your Noonlight account, and the lamp can call for help.",
		Links: []quickstart.Link{{ID: "connect", Path: "/connect", Text: "Connect Noonlight"}},
	})
}

// connect is step 1: direct the user to Noonlight, with a state that only this browser can bring back.
func (a *app) connect(w http.ResponseWriter, r *http.Request) {
	session := a.sessions.Of(w, r)
	session.Lock()
	defer session.Unlock()
	session.State = quickstart.Random()
	http.Redirect(w, r, a.account+"/authorize?"+url.Values{
		"client_id": {a.clientID}, "response_type": {"code"}, "scope": {"write:alarm"}, "state": {session.State}, "redirect_uri": {a.redirectURI},
	}.Encode(), http.StatusFound)
}

// callback is steps 2 and 3: check the state, then trade the code, once.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	session, answer := a.sessions.Of(w, r), r.URL.Query()
	session.Lock()
	defer session.Unlock()
	expected := session.State
	session.State = "" // good for one callback
	if expected == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(expected)) != 1 {
		quickstart.Fail(w, http.StatusBadRequest, "This answer is not for you", errors.New("state does not match; start again"))
		return
	}
	if answer.Get("code") == "" {
		quickstart.Fail(w, http.StatusForbidden, "Not connected", fmt.Errorf("noonlight said %q", answer.Get("error")))
		return
	}
	got, err := a.token(r.Context(), map[string]string{"grant_type": "authorization_code", "code": answer.Get("code"), "redirect_uri": a.redirectURI})
	if err != nil {
		quickstart.Fail(w, http.StatusBadGateway, "Not connected", err)
		return
	}
	session.Held = got
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "connected", Title: "Connected", Text: "The lamp can call for help now.", Links: []quickstart.Link{{ID: "use", Path: "/alarm", Text: "Raise a test alarm"}},
	})
}

// errConnectAgain is a refusal that only the user can mend.
var errConnectAgain = errors.New("no access any more: connect again to go on")

// alarm is steps 4 and 5: use the access token, refresh it once when it has expired, and ask the user again when that is refused too.
func (a *app) alarm(w http.ResponseWriter, r *http.Request) {
	session := a.sessions.Of(w, r)
	session.Lock()
	defer session.Unlock()
	if session.Held == nil {
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	status, answer, err := a.raise(r.Context(), session.Held)
	if err == nil && status == http.StatusUnauthorized {
		fresh, refused := a.token(r.Context(), map[string]string{"grant_type": "refresh_token", "refresh_token": session.Held.RefreshToken})
		if errors.Is(refused, errConnectAgain) {
			session.Held = nil // nothing is left of it
			quickstart.Fail(w, http.StatusUnauthorized, "Access ended", refused)
			return
		}
		if refused != nil { // such as a 503: the connection holds, so try again later
			quickstart.Fail(w, http.StatusBadGateway, "No alarm was raised", refused)
			return
		}
		session.Held = fresh
		status, answer, err = a.raise(r.Context(), fresh)
	}
	if err != nil || status != http.StatusCreated {
		quickstart.Fail(w, http.StatusBadGateway, "No alarm was raised", errors.Join(err, fmt.Errorf("noonlight answered %d", status)))
		return
	}
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "used", Title: "Alarm raised", Text: "Help would be on its way.", Answer: answer, Links: []quickstart.Link{{ID: "use", Path: "/alarm", Text: "Again"}},
	})
}

func (a *app) raise(ctx context.Context, held *tokens) (status int, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.api+"/platform/v1/alarms", bytes.NewBufferString(
		`{"services": {"police": false, "fire": false, "medical": true}, "location.coordinates": {"lat": 34.32334, "lng": -117.3343, "accuracy": 5}}`))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+held.AccessToken)
	request.Header.Set("Content-Type", "application/json")
	return quickstart.Send(a.client, request)
}

// token asks the token endpoint, with the client's credentials in the body.
func (a *app) token(ctx context.Context, body map[string]string) (*tokens, error) {
	body["client_id"], body["client_secret"] = a.clientID, a.clientSecret
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.api+"/platform/oauth2/token", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	status, answer, err := quickstart.Send(a.client, request)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		var said struct {
			Error   string `json:"error"`
			Details string `json:"details"`
		}
		_ = json.Unmarshal([]byte(answer), &said) // what is no JSON says nothing
		err := fmt.Errorf("noonlight answered %d %s: %s", status, said.Error, said.Details)
		if status == http.StatusBadRequest { // what we hold is worth nothing; anything else may pass
			err = fmt.Errorf("%w (%w)", errConnectAgain, err)
		}
		return nil, err
	}
	got := &tokens{}
	return got, json.Unmarshal([]byte(answer), got)
}
