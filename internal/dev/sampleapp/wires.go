package sampleapp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// AlarmWire speaks JSON at its token endpoint; a test alarm is what the app calls.
type AlarmWire struct {
	Account, API           string // base URLs
	ClientID, ClientSecret string
	Scopes                 []string
	Now                    func() time.Time
}

// AuthorizationURL is Wire.
func (n *AlarmWire) AuthorizationURL(trip Trip) string {
	return withQuery(n.Account+"/authorize", url.Values{
		"client_id": {n.ClientID}, "response_type": {"code"}, "scope": {strings.Join(n.Scopes, " ")}, "state": {trip.State}, "redirect_uri": {trip.RedirectURI},
	})
}

// Redeem is Wire.
func (n *AlarmWire) Redeem(ctx context.Context, client *http.Client, answer url.Values, trip Trip) (*oauth2.Token, string, error) {
	token, err := n.token(ctx, client, map[string]string{"grant_type": "authorization_code", "code": answer.Get("code"), "redirect_uri": trip.RedirectURI})
	return token, "", err
}

// Refresh is Wire.
func (n *AlarmWire) Refresh(ctx context.Context, client *http.Client, before *oauth2.Token) (*oauth2.Token, error) {
	return n.token(ctx, client, map[string]string{"grant_type": "refresh_token", "refresh_token": before.RefreshToken})
}

func (n *AlarmWire) token(ctx context.Context, client *http.Client, body map[string]string) (*oauth2.Token, error) {
	body["client_id"], body["client_secret"] = n.ClientID, n.ClientSecret
	var got tokenAnswer
	if err := sendJSON(ctx, client, n.API+"/platform/oauth2/token", nil, body, &got, standardRefusal); err != nil {
		return nil, err
	}
	return got.token(n.Now()), nil
}

// Call is Wire: it raises an alarm, which the stand-in tells nobody.
func (n *AlarmWire) Call(ctx context.Context, client *http.Client, token *oauth2.Token) (*http.Response, error) {
	body := `{"services":{"police":false,"fire":false,"medical":true},"location.coordinates":{"lat":34.32334,"lng":-117.3343,"accuracy":5}}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.API+"/platform/v1/alarms", strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("calling: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	return client.Do(request)
}

// Revoke is Wire.
func (n *AlarmWire) Revoke(context.Context, *http.Client, *oauth2.Token) error {
	return errNoRevocation
}

// standardRefusal reads RFC 6749 §5.2, with the members that a dialect may add.
func standardRefusal(status int, body []byte) *Refused {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Hint        string `json:"error_hint"`
		Reason      string `json:"reason"`
		Key         string `json:"key"`
	}
	_ = json.Unmarshal(body, &said) // what is no JSON says nothing
	if said.Hint != "" {
		said.Description += ": " + said.Hint
	}
	return &Refused{Status: status, Code: said.Error, Description: said.Description, Reason: said.Reason + said.Key}
}

// SellerWire takes forms, with the client's credentials in the header. The person first sees the app's own proposal.
type SellerWire struct {
	API                    string
	ClientID, ClientSecret string
	Scopes                 []string
	Now                    func() time.Time
}

// AuthorizationURL is Wire.
func (k *SellerWire) AuthorizationURL(trip Trip) string {
	return withQuery(k.API+"/sc/oauth2/auth", url.Values{
		"response_type": {"code"}, "client_id": {k.ClientID}, "redirect_uri": {trip.RedirectURI}, "scope": {strings.Join(k.Scopes, " ")}, "state": {trip.State},
	})
}

// Redeem is Wire.
func (k *SellerWire) Redeem(ctx context.Context, client *http.Client, answer url.Values, trip Trip) (*oauth2.Token, string, error) {
	token, err := k.token(ctx, client, url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {trip.RedirectURI}, "client_id": {k.ClientID},
	})
	return token, "", err
}

// Refresh is Wire.
func (k *SellerWire) Refresh(ctx context.Context, client *http.Client, before *oauth2.Token) (*oauth2.Token, error) {
	return k.token(ctx, client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {before.RefreshToken}, "client_id": {k.ClientID}})
}

func (k *SellerWire) token(ctx context.Context, client *http.Client, form url.Values) (*oauth2.Token, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, k.API+"/sc/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("asking: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(k.ClientID, k.ClientSecret)
	var got tokenAnswer
	if err := exchangeJSON(client, request, &got, standardRefusal); err != nil {
		return nil, err
	}
	return got.token(k.Now()), nil
}

// Call is Wire.
func (k *SellerWire) Call(ctx context.Context, client *http.Client, token *oauth2.Token) (*http.Response, error) {
	return getBearer(ctx, client, k.API+"/integration/v2/sellers/me", token)
}

// Revoke is Wire.
func (k *SellerWire) Revoke(context.Context, *http.Client, *oauth2.Token) error {
	return errNoRevocation
}

// BusinessWire takes JSON. The app has no secret and proves itself with PKCE; which business it was connected to is in the answer, and from
// then on in a header.
type BusinessWire struct{ API, ClientID string }

// AuthorizationURL is Wire.
func (n *BusinessWire) AuthorizationURL(trip Trip) string {
	return withQuery(n.API+"/v1/auth/authorize", url.Values{
		"response_type": {"code"}, "client_id": {n.ClientID}, "redirect_uri": {trip.RedirectURI}, "state": {trip.State},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(trip.Verifier)}, "code_challenge_method": {"S256"},
	})
}

// Redeem is Wire.
func (n *BusinessWire) Redeem(ctx context.Context, client *http.Client, answer url.Values, trip Trip) (*oauth2.Token, string, error) {
	return n.token(ctx, client, "/v1/auth/token/issue", nil, map[string]string{
		"grant_type": "authorization_code", "code": answer.Get("code"), "code_verifier": trip.Verifier, "client_id": n.ClientID, "redirect_uri": trip.RedirectURI,
	})
}

// Refresh is Wire: the old access token proves who asks, even when it has expired.
func (n *BusinessWire) Refresh(ctx context.Context, client *http.Client, before *oauth2.Token) (*oauth2.Token, error) {
	token, _, err := n.token(ctx, client, "/v1/auth/token/refresh", http.Header{
		"Authorization": {"Bearer " + before.AccessToken}, "Accountid": {businessOf(before)},
	}, map[string]string{
		"grant_type": "refresh_token", "refresh_token": before.RefreshToken,
	})
	return token, err
}

func (n *BusinessWire) token(ctx context.Context, client *http.Client, path string, header http.Header, body map[string]string) (*oauth2.Token, string, error) {
	var got struct {
		Data struct {
			BusinessID   string    `json:"businessId"`
			AccessToken  string    `json:"access_token"`
			RefreshToken string    `json:"refresh_token"`
			ExpiresAt    time.Time `json:"expiresAt"`
		} `json:"data"`
	}
	if err := sendJSON(ctx, client, n.API+path, header, body, &got, businessRefusal); err != nil {
		return nil, "", err
	}
	token := &oauth2.Token{AccessToken: got.Data.AccessToken, RefreshToken: got.Data.RefreshToken, Expiry: got.Data.ExpiresAt}
	return token.WithExtra(map[string]any{"business": got.Data.BusinessID}), got.Data.BusinessID, nil
}

func businessRefusal(status int, body []byte) *Refused {
	var said struct{ Code, Description string }
	_ = json.Unmarshal(body, &said) // what is no JSON says nothing
	return &Refused{Status: status, Code: said.Code, Description: said.Description}
}

// Call is Wire.
func (n *BusinessWire) Call(ctx context.Context, client *http.Client, token *oauth2.Token) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.API+"/v1/accounts/balance", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("calling: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	request.Header.Set("accountId", businessOf(token))
	return client.Do(request)
}

func businessOf(token *oauth2.Token) string {
	business, _ := token.Extra("business").(string)
	return business
}

// Revoke is Wire.
func (n *BusinessWire) Revoke(ctx context.Context, client *http.Client, token *oauth2.Token) error {
	var done struct{}
	return sendJSON(ctx, client, n.API+"/v1/auth/token/revoke", nil, map[string]string{"clientId": n.ClientID, "access_token": token.AccessToken}, &done, businessRefusal)
}
