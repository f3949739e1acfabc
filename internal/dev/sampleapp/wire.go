package sampleapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Wire is how a platform that publishes no metadata is spoken to: as its own documents say. What the platform refuses is a *Refused.
type Wire interface {
	// AuthorizationURL is where the person is sent.
	AuthorizationURL(trip Trip) string
	// Redeem turns what the platform sent the person back with into access, and tells for which account.
	Redeem(ctx context.Context, client *http.Client, answer url.Values, trip Trip) (token *oauth2.Token, account string, err error)
	// Refresh gets new tokens, or errNoRefresh where the platform has none.
	Refresh(ctx context.Context, client *http.Client, before *oauth2.Token) (*oauth2.Token, error)
	// Call uses the access once.
	Call(ctx context.Context, client *http.Client, token *oauth2.Token) (*http.Response, error)
	// Revoke ends the access at the platform, or is errNoRevocation where its documents know no way.
	Revoke(ctx context.Context, client *http.Client, token *oauth2.Token) error
}

// Trip is one person's way to the platform and back.
type Trip struct{ State, Verifier, RedirectURI string }

var (
	errNoRefresh    = errors.New("this platform has no refresh")
	errNoRevocation = errors.New("this platform has no revocation endpoint")
)

// Refused is the platform's no, in its own words.
type Refused struct {
	Status                    int
	Code, Description, Reason string
}

func (r *Refused) Error() string { return fmt.Sprintf("the platform answered %d %s", r.Status, r.Code) }

// refusedBy is a refusal by a platform that is spoken to over a Wire.
func refusedBy(p *platform, title string, err error) *trouble {
	refused, ok := errors.AsType[*Refused](err)
	if !ok {
		return unreachable(p, err)
	}
	t := &trouble{
		Title: title, Advice: "Connect " + p.Name + " again to go on.", Status: refused.Status,
		Code: refused.Code, Description: refused.Description, Reason: refused.Reason,
	}
	if t.Status >= http.StatusInternalServerError {
		t.Advice = p.Name + " has trouble of its own. Nothing was lost; try again in a moment."
	}
	return t
}

// over tells whether a platform that does not say invalid_grant means that nothing is left to refresh, and not only now.
func (t *trouble) over() bool {
	return t.Status == http.StatusUnauthorized || t.Status == http.StatusBadRequest
}

// sendJSON posts JSON and decodes the answer; what is not 200 goes to refused, which knows the platform's error shape.
func sendJSON(ctx context.Context, client *http.Client, address string, header http.Header, body, into any, refused func(status int, body []byte) *Refused) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	maps.Copy(request.Header, header)
	request.Header.Set("Content-Type", "application/json")
	return exchangeJSON(client, request, into, refused)
}

func exchangeJSON(client *http.Client, request *http.Request, into any, refused func(status int, body []byte) *Refused) error {
	request.Header.Set("User-Agent", userAgent)
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return refused(response.StatusCode, text)
	}
	return json.Unmarshal(text, into)
}

const userAgent = "ParcelRobot/1.0"

// getBearer fetches with an access token.
func getBearer(ctx context.Context, client *http.Client, address string, token *oauth2.Token) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("calling: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	request.Header.Set("User-Agent", userAgent)
	return client.Do(request)
}

// tokenAnswer is an RFC 6749 answer, in JSON whatever the request was.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"`
	Scope        string `json:"scope"`
}

func (a tokenAnswer) token(now time.Time) *oauth2.Token {
	token := &oauth2.Token{AccessToken: a.AccessToken, RefreshToken: a.RefreshToken, Expiry: now.Add(time.Duration(a.ExpiresIn) * time.Second)}
	if a.Scope != "" {
		return token.WithExtra(map[string]any{"scope": a.Scope})
	}
	return token
}

// withQuery adds parameters to an address.
func withQuery(address string, parameters url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + parameters.Encode()
}
