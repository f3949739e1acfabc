// The Tiki quickstart: a seller lets this app work with their orders. "Authorization code flow" of Tiki's open API.
package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"latchkey.dev/examples/quickstart"
)

// tokens are stored by the server, and never logged.
type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
}

type app struct {
	api, clientID, clientSecret, redirectURI string

	client   *http.Client
	sessions quickstart.Sessions[tokens]
}

func main() {
	quickstart.Environment("tiki")
	a := &app{
		api: quickstart.Env("TIKI_API_URL"), clientID: quickstart.Env("TIKI_CLIENT_ID"),
		clientSecret: quickstart.Env("TIKI_CLIENT_SECRET"), // never in the code, never in a browser
		redirectURI:  quickstart.Env("TIKI_REDIRECT_URI"), client: quickstart.Client(),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.propose)
	mux.HandleFunc("GET /connect", a.propose)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("GET /seller", a.seller)
	quickstart.Serve(a.redirectURI, mux)
}

// propose is the authorization proposal, which links to the authorization endpoint. state has at least 8 characters, and only this
// browser can bring it back.
func (a *app) propose(w http.ResponseWriter, r *http.Request) {
	session := a.sessions.Of(w, r)
	session.Lock()
	defer session.Unlock()
	session.State = quickstart.Random()
	authorization := a.api + "/sc/oauth2/auth?" + url.Values{
		"response_type": {"code"}, "client_id": {a.clientID}, "redirect_uri": {a.redirectURI}, "scope": {"offline product order inventory"}, "state": {session.State},
	}.Encode()
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "home", Title: "Label Printer", Text: "Label Printer would like to see your orders, products and stock, also while you are away. You can take that back at any time.",
		Links: []quickstart.Link{{ID: "connect", Path: authorization, Text: "Agree and go to Tiki"}},
	})
}

// callback takes the code, or the error code and hint, that Tiki sent the browser back with.
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
		quickstart.Fail(w, http.StatusForbidden, "Not connected", fmt.Errorf("tiki said %q: %s", answer.Get("error"), answer.Get("error_hint")))
		return
	}
	got, err := a.token(r.Context(), url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {a.redirectURI}, "client_id": {a.clientID},
	})
	if err != nil {
		quickstart.Fail(w, http.StatusBadGateway, "Not connected", err)
		return
	}
	session.Held = got
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "connected", Title: "Connected", Text: "The seller allowed: " + got.Scope + ".", Links: []quickstart.Link{{ID: "use", Path: "/seller", Text: "Who is the seller?"}},
	})
}

// errConnectAgain is a refusal that only the seller can mend.
var errConnectAgain = errors.New("no access any more: connect again to go on")

// seller uses the access token, refreshes it once when it has expired, and asks the seller again when that is refused too.
func (a *app) seller(w http.ResponseWriter, r *http.Request) {
	session := a.sessions.Of(w, r)
	session.Lock()
	defer session.Unlock()
	if session.Held == nil {
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	status, answer, err := a.me(r.Context(), session.Held)
	if err == nil && status == http.StatusUnauthorized {
		fresh, refused := a.token(r.Context(), url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {session.Held.RefreshToken}, "client_id": {a.clientID},
		})
		if errors.Is(refused, errConnectAgain) {
			session.Held = nil // nothing is left of it
			quickstart.Fail(w, http.StatusUnauthorized, "Access ended", refused)
			return
		}
		if refused != nil { // such as a 503: the connection holds, so try again later
			quickstart.Fail(w, http.StatusBadGateway, "Tiki did not say", refused)
			return
		}
		session.Held = fresh
		status, answer, err = a.me(r.Context(), fresh)
	}
	if err != nil || status != http.StatusOK {
		quickstart.Fail(w, http.StatusBadGateway, "Tiki did not say", errors.Join(err, fmt.Errorf("tiki answered %d", status)))
		return
	}
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "used", Title: "The seller", Answer: answer, Links: []quickstart.Link{{ID: "use", Path: "/seller", Text: "Again"}},
	})
}

func (a *app) me(ctx context.Context, held *tokens) (status int, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.api+"/integration/v2/sellers/me", http.NoBody)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+held.AccessToken)
	return quickstart.Send(a.client, request)
}

// token asks the token endpoint, with exactly the authentication method that was chosen for the app: client_secret_basic.
func (a *app) token(ctx context.Context, form url.Values) (*tokens, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.api+"/sc/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(a.clientID, a.clientSecret)
	status, answer, err := quickstart.Send(a.client, request)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		var said struct {
			Error string `json:"error"`
			Hint  string `json:"error_hint"`
		}
		_ = json.Unmarshal([]byte(answer), &said) // what is no JSON says nothing
		err := fmt.Errorf("tiki answered %d %s: %s", status, said.Error, said.Hint)
		if status == http.StatusBadRequest { // what we hold is worth nothing; anything else may pass
			err = fmt.Errorf("%w (%w)", errConnectAgain, err)
		}
		return nil, err
	}
	got := &tokens{}
	return got, json.Unmarshal([]byte(answer), got)
}
