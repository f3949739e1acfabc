package sampleapp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// ProjectWire ends in a service account's key: the app signs in with its own key, trades the code for a token and the token for a key of
// the seller's project, and from then on signs in with that.
type ProjectWire struct {
	OAuth, Gateway         string
	ClientID, ClientSecret string
	Own                    ProjectKey // the app's own service account
	Now                    func() time.Time
	Random                 io.Reader
}

// ProjectKey is a service account's key.
type ProjectKey struct {
	KeyID       string `json:"key_id"`
	PrivateKey  string `json:"private_key"`
	ProjectCode string `json:"project_code"`
}

// AuthorizationURL is Wire: two parameters, and no more.
func (n *ProjectWire) AuthorizationURL(trip Trip) string {
	return withQuery(n.OAuth+"/", url.Values{"client_id": {n.ClientID}, "state": {trip.State}})
}

// Redeem is Wire.
func (n *ProjectWire) Redeem(ctx context.Context, client *http.Client, answer url.Values, _ Trip) (*oauth2.Token, string, error) {
	signedIn, err := n.signIn(ctx, client, n.Own)
	if err != nil {
		return nil, "", err
	}
	var bought struct {
		AccessToken string `json:"access_token"`
	}
	err = sendJSON(ctx, signedIn, n.Gateway+"/identity/oauth/v1/token/create", nil, map[string]string{
		"grant_type": "authorization_code", "code": answer.Get("code"), "client_id": n.ClientID, "client_secret": n.ClientSecret,
	}, &bought, projectRefusal)
	if err != nil {
		return nil, "", err
	}
	var made struct {
		Result  ProjectKey `json:"result"`
		Request string     `json:"oauth_request_id"`
	}
	err = sendJSON(ctx, signedIn, n.Gateway+"/identity/oauth/v1/token/exchange", nil, map[string]string{"access_token": bought.AccessToken}, &made, projectRefusal)
	if err != nil {
		return nil, "", err
	}
	token := &oauth2.Token{AccessToken: made.Result.KeyID}
	return token.WithExtra(map[string]any{"key": made.Result, "request": made.Request}), made.Result.ProjectCode, nil
}

// signIn returns a client with the service account's session in its cookies.
func (n *ProjectWire) signIn(ctx context.Context, client *http.Client, key ProjectKey) (*http.Client, error) {
	assertion, err := n.assertion(key)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	signedIn := *client
	signedIn.Jar = jar
	var done struct{}
	err = sendJSON(ctx, &signedIn, n.Gateway+"/identity/public/v1/api/login", nil, map[string]string{"token": assertion, "default_project_code": key.ProjectCode}, &done, projectRefusal)
	return &signedIn, err
}

// assertion is a JWT that says who signs in, now, once.
func (n *ProjectWire) assertion(key ProjectKey) (string, error) {
	block, _ := pem.Decode([]byte(key.PrivateKey))
	if block == nil {
		return "", errors.New("the private key is not PEM")
	}
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("the private key: %w", err)
	}
	var id [16]byte
	if _, err := io.ReadFull(n.Random, id[:]); err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	claims, err := json.Marshal(map[string]any{"sub": key.KeyID, "iat": n.Now().Unix(), "jti": fmt.Sprintf("%x", id)})
	if err != nil {
		return "", err
	}
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	return signed + "." + encode(signature), err
}

// Refresh is Wire: a key needs none.
func (n *ProjectWire) Refresh(context.Context, *http.Client, *oauth2.Token) (*oauth2.Token, error) {
	return nil, errNoRefresh
}

// Call is Wire: it signs in with the seller's key and lists the orders of the seller's project.
func (n *ProjectWire) Call(ctx context.Context, client *http.Client, token *oauth2.Token) (*http.Response, error) {
	key, _ := token.Extra("key").(ProjectKey)
	signedIn, err := n.signIn(ctx, client, key)
	if refused, ok := errors.AsType[*Refused](err); ok {
		return refused.response(), nil
	}
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.Gateway+"/order/v1/orders?project_code="+url.QueryEscape(key.ProjectCode), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("calling: %w", err)
	}
	request.Header.Set("User-Agent", userAgent)
	return signedIn.Do(request)
}

// response shows a refused sign-in as the call's own answer.
func (r *Refused) response() *http.Response {
	body, err := json.Marshal(map[string]string{"error": r.Code, "error_description": r.Description, "reason": r.Reason})
	if err != nil { // Strings always marshal.
		body = nil
	}
	return &http.Response{StatusCode: r.Status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}
}

// Revoke is Wire: the app removes every key of the service account that it was given.
func (n *ProjectWire) Revoke(ctx context.Context, client *http.Client, token *oauth2.Token) error {
	key, _ := token.Extra("key").(ProjectKey)
	signedIn, err := n.signIn(ctx, client, key)
	if err != nil {
		return err
	}
	var who struct {
		UserCode string `json:"user_code"`
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.Gateway+"/identity/v1/whoami", http.NoBody)
	if err != nil {
		return err
	}
	if err := exchangeJSON(signedIn, request, &who, projectRefusal); err != nil {
		return err
	}
	var done struct{}
	return sendJSON(ctx, signedIn, n.Gateway+"/identity/apiuser/v1/credential/remove", nil, map[string]string{"user_code": who.UserCode}, &done, projectRefusal)
}

func projectRefusal(status int, body []byte) *Refused {
	var said struct {
		Code    string `json:"status_code"`
		Message string `json:"message"`
		Details []struct {
			Error  string `json:"error"`
			Reason string `json:"reason"`
		} `json:"details"`
	}
	_ = json.Unmarshal(body, &said) // what is no JSON says nothing
	refused := &Refused{Status: status, Code: said.Code, Description: said.Message}
	for _, detail := range said.Details {
		refused.Reason = detail.Reason
	}
	return refused
}
