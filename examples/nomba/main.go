// The Nomba quickstart: a merchant's own server gets a token, uses it, refreshes it and revokes it. Nomba's guide, "Client-credentials
// flow". There is no user and no browser, so it runs through and ends.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"time"

	"latchkey.dev/examples/quickstart"
)

// tokens are never logged.
type tokens struct {
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	ExpiresAt    time.Time `json:"expiresAt"`
	BusinessID   string    `json:"businessId"`
}

type server struct {
	api, clientID, clientSecret, accountID string

	client *http.Client
	held   tokens
}

func main() {
	quickstart.Environment("nomba")
	s := &server{
		api: quickstart.Env("NOMBA_API_URL"), clientID: quickstart.Env("NOMBA_CLIENT_ID"),
		clientSecret: quickstart.Env("NOMBA_CLIENT_SECRET"), // never in the code
		accountID:    quickstart.Env("NOMBA_ACCOUNT_ID"), client: quickstart.Client(),
	}
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (s *server) run(ctx context.Context) error {
	if err := s.issue(ctx); err != nil {
		return err
	}
	fmt.Printf("Token issued for business %s, good until %s.\n", s.held.BusinessID, s.held.ExpiresAt.Format(time.TimeOnly))
	balance, err := s.balance(ctx)
	if err != nil {
		return err
	}
	fmt.Println("Balance:", balance)
	if err := s.refresh(ctx); err != nil {
		return err
	}
	fmt.Println("Token refreshed.")
	if err := s.revoke(ctx); err != nil {
		return err
	}
	fmt.Println("Token revoked.")
	if balance, err = s.balance(ctx); err != nil { // which meets a 401, and gets a new token by itself
		return err
	}
	fmt.Println("Balance, with a new token:", balance)
	return s.revoke(ctx)
}

// issue is step 1: the credentials from the merchant's dashboard buy an access token, and a refresh token with it.
func (s *server) issue(ctx context.Context) error {
	return s.post(ctx, "/v1/auth/token/issue", nil, map[string]string{
		"grant_type": "client_credentials", "client_id": s.clientID, "client_secret": s.clientSecret,
	}, &s.held)
}

// refresh needs no secret: the old access token proves who asks, even when it has expired.
func (s *server) refresh(ctx context.Context) error {
	return s.post(ctx, "/v1/auth/token/refresh", http.Header{"Authorization": {"Bearer " + s.held.AccessToken}}, map[string]string{
		"grant_type": "refresh_token", "refresh_token": s.held.RefreshToken,
	}, &s.held)
}

func (s *server) revoke(ctx context.Context) error {
	return s.post(ctx, "/v1/auth/token/revoke", nil, map[string]string{"clientId": s.clientID, "access_token": s.held.AccessToken}, nil)
}

// balance uses the access token. After a 401 it refreshes, or else begins anew, and asks once more.
func (s *server) balance(ctx context.Context) (string, error) {
	for range 2 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.api+"/v1/accounts/balance", http.NoBody)
		if err != nil {
			return "", err
		}
		request.Header.Set("Authorization", "Bearer "+s.held.AccessToken)
		request.Header.Set("accountId", s.accountID)
		status, answer, err := quickstart.Send(s.client, request)
		if err != nil {
			return "", err
		}
		if status == http.StatusOK {
			var got struct {
				Data struct{ Amount, Currency string } `json:"data"`
			}
			err := json.Unmarshal([]byte(answer), &got)
			return got.Data.Amount + " " + got.Data.Currency, err
		}
		if status != http.StatusUnauthorized {
			return "", fmt.Errorf("nomba answered %d", status)
		}
		if s.refresh(ctx) != nil {
			if err := s.issue(ctx); err != nil {
				return "", err
			}
		}
	}
	return "", fmt.Errorf("nomba does not take a new token either")
}

// envelope is around every answer.
type envelope struct {
	Code        string          `json:"code"`
	Description string          `json:"description"`
	Data        json.RawMessage `json:"data"`
}

func (s *server) post(ctx context.Context, path string, header http.Header, body map[string]string, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.api+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	maps.Copy(request.Header, header)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("accountId", s.accountID)
	status, answer, err := quickstart.Send(s.client, request)
	if err != nil {
		return err
	}
	var got envelope
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		return fmt.Errorf("nomba answered %d without JSON", status)
	}
	if status != http.StatusOK || got.Code != "00" {
		return fmt.Errorf("nomba answered %d %s: %s", status, got.Code, got.Description)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(got.Data, into)
}
