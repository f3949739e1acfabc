// The Noorle quickstart: a dashboard that shows a person's agents. Noorle's guide, "Connected apps", pattern "Analytics dashboard".
package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
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

// endpoints are what the platform publishes about itself (OpenID Connect Discovery).
type endpoints struct {
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
}

type app struct {
	api, clientID, clientSecret, redirectURI string

	endpoints endpoints
	client    *http.Client
	sessions  quickstart.Sessions[tokens]
}

func main() {
	quickstart.Environment("noorle")
	a := &app{
		api: quickstart.Env("NOORLE_API_URL"), clientID: quickstart.Env("NOORLE_CLIENT_ID"),
		clientSecret: quickstart.Env("NOORLE_CLIENT_SECRET"), // never in the code, never in a browser
		redirectURI:  quickstart.Env("NOORLE_REDIRECT_URI"), client: quickstart.Client(),
	}
	if err := a.discover(quickstart.Env("NOORLE_CONSOLE_URL")); err != nil {
		fmt.Println("Noorle does not answer:", err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /connect", a.connect)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("GET /agents", a.agents)
	quickstart.Serve(a.redirectURI, mux)
}

func (a *app) discover(console string) error {
	request, err := http.NewRequest(http.MethodGet, console+"/.well-known/openid-configuration", http.NoBody)
	if err != nil {
		return err
	}
	_, answer, err := quickstart.Send(a.client, request)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(answer), &a.endpoints)
}

func (a *app) home(w http.ResponseWriter, _ *http.Request) {
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "home", Title: "Agent Dashboard", Text: "Connect your Noorle account to see your agents here. Agents stay yours, and you can disconnect at any time.",
		Links: []quickstart.Link{{ID: "connect", Path: "/connect", Text: "Connect Noorle"}},
	})
}

// connect asks for no more than it needs: to read, also later. Only this browser can bring the state back, and only this server knows
// PKCE's verifier, so that a stolen code is worth nothing.
func (a *app) connect(w http.ResponseWriter, r *http.Request) {
	session := a.sessions.Of(w, r)
	session.Lock()
	defer session.Unlock()
	session.State, session.Verifier = quickstart.Random(), quickstart.Random()
	challenge := sha256.Sum256([]byte(session.Verifier))
	http.Redirect(w, r, a.endpoints.Authorization+"?"+url.Values{
		"client_id": {a.clientID}, "scope": {"read offline_access"}, "redirect_uri": {a.redirectURI}, "state": {session.State}, "response_type": {"code"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode(), http.StatusFound)
}

// callback checks the state, then trades the code, once, within its ten minutes.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	session, answer := a.sessions.Of(w, r), r.URL.Query()
	session.Lock()
	defer session.Unlock()
	expected := session.State
	session.State = "" // good for one callback
	if expected == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(expected)) != 1 {
		quickstart.Fail(w, http.StatusBadRequest, "State mismatch", errors.New("the session may have expired; try again"))
		return
	}
	if answer.Get("code") == "" {
		quickstart.Fail(w, http.StatusForbidden, "Not connected", fmt.Errorf("noorle said %q", answer.Get("error")))
		return
	}
	got, err := a.token(r.Context(), url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {a.redirectURI}, "code_verifier": {session.Verifier},
	})
	if err != nil {
		quickstart.Fail(w, http.StatusBadGateway, "Not connected", err)
		return
	}
	session.Held = got
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "connected", Title: "Connected", Text: "Allowed: " + got.Scope + ".", Links: []quickstart.Link{{ID: "use", Path: "/agents", Text: "Show my agents"}},
	})
}

// errConnectAgain is a refusal that only the user can mend.
var errConnectAgain = errors.New("no access any more: connect again to go on")

// agents handles a 401 gracefully: it refreshes once, and prompts the user to authorize again when that is refused too.
func (a *app) agents(w http.ResponseWriter, r *http.Request) {
	session := a.sessions.Of(w, r)
	session.Lock()
	defer session.Unlock()
	if session.Held == nil {
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	status, answer, err := a.list(r.Context(), session.Held)
	if err == nil && status == http.StatusUnauthorized {
		fresh, refused := a.token(r.Context(), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {session.Held.RefreshToken}})
		if errors.Is(refused, errConnectAgain) {
			session.Held = nil // nothing is left of it
			quickstart.Fail(w, http.StatusUnauthorized, "Access ended", refused)
			return
		}
		if refused != nil { // such as a 503: the connection holds, so try again later
			quickstart.Fail(w, http.StatusBadGateway, "No agents", refused)
			return
		}
		session.Held = fresh
		status, answer, err = a.list(r.Context(), fresh)
	}
	if err != nil || status != http.StatusOK {
		quickstart.Fail(w, http.StatusBadGateway, "No agents", errors.Join(err, fmt.Errorf("noorle answered %d", status)))
		return
	}
	fmt.Println("read the agents of a connected account") // so that whoever runs the app can be transparent about its use
	quickstart.Show(w, http.StatusOK, quickstart.Page{
		ID: "used", Title: "Your agents", Answer: answer, Links: []quickstart.Link{{ID: "use", Path: "/agents", Text: "Again"}},
	})
}

func (a *app) list(ctx context.Context, held *tokens) (status int, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.api+"/v1/agents", http.NoBody)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+held.AccessToken)
	return quickstart.Send(a.client, request)
}

// token asks the token endpoint, from the backend only.
func (a *app) token(ctx context.Context, form url.Values) (*tokens, error) {
	form.Set("client_id", a.clientID)
	form.Set("client_secret", a.clientSecret)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.endpoints.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, answer, err := quickstart.Send(a.client, request)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		var said struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal([]byte(answer), &said) // what is no JSON says nothing
		err := fmt.Errorf("noorle answered %d %s: %s", status, said.Error, said.Description)
		if status == http.StatusBadRequest { // what we hold is worth nothing; anything else may pass
			err = fmt.Errorf("%w (%w)", errConnectAgain, err)
		}
		return nil, err
	}
	got := &tokens{}
	return got, json.Unmarshal([]byte(answer), got)
}
