package token_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/token"
	"latchkey.dev/internal/tokentest"
)

// devices opens the issuer to them.
func devices(is *issuer.Issuer) { is.Policy.Device = true }

func deviceApp(m *store.ClientMetadata) {
	m.TokenEndpointAuthMethod, m.RedirectURIs = oauth.AuthMethodNone, nil
	m.GrantTypes = []oauth.GrantType{oauth.GrantDeviceCode, oauth.GrantRefreshToken}
}

// tv is a device that waits, at an endpoint whose app it runs.
type tv struct {
	*endpoint

	secret string
}

func newTV(t *testing.T) *tv {
	t.Helper()
	v := &tv{endpoint: newEndpoint(t, devices), secret: seal.NewSecret(rand.Reader, "")}
	v.app = v.App(deviceApp)
	v.Tx(func(tx *store.Tx) error {
		return tx.CreateDeviceCode(store.DeviceCode{
			Code: store.Code{
				Hash: store.Hash(v.secret), Issuer: v.Issuer.Name, ClientID: v.app.ID, ExpiresAt: tx.Now().Add(v.Issuer.Lifetimes.Device),
				Binding: store.CodeBinding{Scopes: tokentest.Scopes("openid offline_access orders.read")},
			},
			UserCode: store.Hash("WDJBMJHT"), Interval: 5 * time.Second,
		})
	})
	return v
}

// allow answers as the consent page does.
func (v *tv) allow() store.Grant {
	v.Helper()
	grant := v.Grant(v.app, "openid offline_access orders.read")
	v.Tx(func(tx *store.Tx) error {
		return tx.AllowDevice(store.Code{
			Hash: store.Hash(v.secret), Issuer: v.Issuer.Name, FamilyID: tx.NewID(), Grant: grant,
			Binding: store.CodeBinding{Scopes: grant.Scopes, AuthTime: tx.Now(), AMR: []string{"pwd"}, SessionID: "ses_1"},
		})
	})
	return grant
}

func (v *tv) ask() (token.Response, error) {
	return v.handler.Token(v.Context(), token.Request{GrantType: oauth.GrantDeviceCode, Client: v.app.Credentials(), DeviceCode: v.secret})
}

// told wants a refusal by its code, and its reason where one is given.
func (v *tv) told(err error, code string, reason ...string) {
	v.Helper()
	var said *oauth.Error
	if !errors.As(err, &said) || said.Code != code || len(reason) > 0 && said.Reason != reason[0] {
		v.Errorf("got %v, want %s %v", err, code, reason)
	}
}

func TestRFC8628_3_5_ADeviceWaitsAndIsSlowedWhenItAsksTooOften(t *testing.T) {
	v := newTV(t)
	for step, want := range []struct {
		after time.Duration
		code  string
	}{
		{0, "authorization_pending"},
		{5 * time.Second, "authorization_pending"},
		{4 * time.Second, "authorization_pending"}, // a little early: networks do not keep time
		{3 * time.Second, "slow_down"},             // from now on ten seconds
		{5 * time.Second, "slow_down"},             // fifteen
		{15 * time.Second, "authorization_pending"},
		{10 * time.Second, "slow_down"},
	} {
		v.Advance(want.after)
		_, err := v.ask()
		v.told(err, want.code)
		if t.Failed() {
			t.Fatalf("at step %d", step)
		}
	}
}

func TestRFC8628_3_5_AnAllowedDeviceGetsItsTokensOnce(t *testing.T) {
	v := newTV(t)
	_, err := v.ask()
	v.told(err, "authorization_pending")
	grant := v.allow()
	response, err := v.ask() // at once: who is allowed does not wait for the interval
	v.Must(err)
	if response.AccessToken == "" || response.RefreshToken == "" || response.IDToken == "" || response.Scope != "openid offline_access orders.read" || response.GrantID != grant.ID {
		t.Errorf("%+v", response)
	}
	_, err = v.ask()
	v.told(err, "invalid_grant", oauth.ReasonReused)
	refreshed, err := v.handler.Token(t.Context(), token.Request{GrantType: oauth.GrantRefreshToken, Client: v.app.Credentials(), RefreshToken: response.RefreshToken})
	v.Must(err) // the second redemption revoked nothing
	if refreshed.RefreshToken == response.RefreshToken {
		t.Error("not rotated")
	}
	if tokentest.Count(v.Events(), store.EventTokenIssued) != 1 {
		t.Error("the audit log does not tell of it, or twice")
	}
}

func TestRFC8628_3_5_Refusals(t *testing.T) {
	for name, test := range map[string]struct {
		code, reason string
		arrange      func(*tv)
	}{
		"3.5 denied": {"access_denied", "", func(v *tv) {
			v.Tx(func(tx *store.Tx) error { return tx.DenyDevice(v.Issuer.Name, store.Hash(v.secret)) })
		}},
		"3.5 nobody answered in time":   {"expired_token", oauth.ReasonExpired, func(v *tv) { v.Advance(v.Issuer.Lifetimes.Device) }},
		"3.5 allowed, fetched too late": {"expired_token", oauth.ReasonExpired, func(v *tv) { v.allow(); v.Advance(v.Issuer.Lifetimes.Device) }},
		"3.4 device_code is missing":    {"invalid_request", "", func(v *tv) { v.secret = "" }},
		"3.5 never issued":              {"invalid_grant", oauth.ReasonUnknown, func(v *tv) { v.secret += "x" }},
		"3.4 another client":            {"invalid_grant", oauth.ReasonWrongClient, func(v *tv) { v.app = v.App(deviceApp) }},
		"3.4 a client without the grant type": {"unauthorized_client", "", func(v *tv) {
			v.app = v.App(tokentest.Public)
		}},
		"disconnected before it was fetched": {"invalid_grant", oauth.ReasonRevokedByUser, func(v *tv) { v.RevokeGrant(v.allow().ID) }},
		"the person was suspended": {"invalid_grant", oauth.ReasonUserSuspended, func(v *tv) {
			v.allow()
			v.Tx(func(tx *store.Tx) error { return tx.SuspendUser(v.Issuer.Name, v.User.ID, true) })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newTV(t)
			test.arrange(v)
			_, err := v.ask()
			v.told(err, test.code, test.reason)
		})
	}
}

func TestRFC8628_3_4_ServedOnlyWhereDevicesMayAsk(t *testing.T) {
	e := newEndpoint(t)
	e.refused(token.Request{GrantType: oauth.GrantDeviceCode, Client: e.app.Credentials(), DeviceCode: "x"}, "unsupported_grant_type", "")
}

func TestRFC8628_3_4_64PollsRedeemOnce(t *testing.T) {
	v := newTV(t)
	v.allow()
	var all sync.WaitGroup
	var mu sync.Mutex
	tokens := 0
	for range 64 {
		all.Go(func() {
			response, err := v.ask()
			mu.Lock()
			defer mu.Unlock()
			if err == nil && response.AccessToken != "" {
				tokens++
				return
			}
			v.told(err, "invalid_grant", oauth.ReasonReused)
		})
	}
	all.Wait()
	if tokens != 1 {
		t.Errorf("%d polls got tokens, want 1", tokens)
	}
}

func TestRFC8628_3_4_OverTheWire(t *testing.T) {
	v := newTV(t)
	form := url.Values{"grant_type": {string(oauth.GrantDeviceCode)}, "device_code": {v.secret}}
	if w := v.serve(tokentest.PostForm("/oauth/token", v.app, form)); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"error":"authorization_pending"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	v.allow()
	if w := v.serve(tokentest.PostForm("/oauth/token", v.app, form)); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"access_token"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTroubleWithTheDatabaseIsNoRefusalOfADevice(t *testing.T) {
	v := newTV(t)
	v.Unavailable()
	if _, err := v.ask(); !tokentest.IsUnavailable(err) {
		t.Error(err)
	}
}
