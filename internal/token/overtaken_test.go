package token

import (
	"errors"
	"testing"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

// Between load and write the user may disconnect the app. No token that was made by then may leave.
func TestADisconnectBetweenLoadAndWriteIsSeen(t *testing.T) {
	for name, ask := range map[oauth.GrantType]func(f *tokentest.Fixture, grant store.Grant) Request{
		oauth.GrantAuthorizationCode: func(f *tokentest.Fixture, grant store.Grant) Request {
			return Request{Code: f.Code(grant), RedirectURI: tokentest.RedirectURI, CodeVerifier: tokentest.Verifier}
		},
		oauth.GrantRefreshToken: func(f *tokentest.Fixture, grant store.Grant) Request {
			refreshToken, err := f.Mint.RefreshToken(f.Family(grant).ID, 1)
			f.Must(err)
			return Request{RefreshToken: refreshToken}
		},
	} {
		t.Run(string(name), func(t *testing.T) {
			f := tokentest.New(t)
			app := f.App()
			h := New(Config{Issuer: f.Issuer, Store: f.Store, Clients: f.Clients, Mint: f.Mint, LastUse: f.LastUse})
			grant := f.Grant(app, "offline_access orders.read")
			request, kind := ask(f, grant), h.grantTypes[name]
			authorized, err := kind.load(t.Context(), app.Client, request)
			f.Must(err)
			f.RevokeGrant(grant.ID)
			if err := kind.write(t.Context(), authorized); !errors.Is(err, errOvertaken) {
				t.Errorf("%v, want to be sent back to load", err)
			}
			var meant *oauth.Error
			if _, err := kind.load(t.Context(), app.Client, request); !errors.As(err, &meant) || meant.Reason != oauth.ReasonRevokedByUser {
				t.Errorf("loading again: %v", err)
			}
		})
	}
}
