package serviceaccount

import (
	"context"
	"net/http"
	"strings"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/wire"
)

// usualCookie carries a session where the policy names no other.
const usualCookie = "lk_service"

// maxSecret bounds what is hashed, in bytes.
const maxSecret = 128

// Principal is a service account that is signed in, and the key that it signed in with.
type Principal struct {
	// ID is its user code.
	ID                string `json:"user_code"`
	Name              string `json:"username"`
	ChannelIdentifier string `json:"channel_identifier"`
	// AccountID is whose it is.
	AccountID string `json:"account_id"`
	KeyID     string `json:"key_id"`
	// Delegated says that a person's consent made it: it acts for the account that was connected, and manages nothing but itself.
	Delegated bool   `json:"delegated"`
	SessionID string `json:"-"`
}

func principalOf(holder store.ServicePrincipal) Principal {
	return Principal{
		ID: holder.Account.ID, Name: holder.Account.Name, ChannelIdentifier: holder.Account.Channel, AccountID: holder.Account.AccountID,
		KeyID: holder.Key.ID, Delegated: holder.Account.ExchangeID != "",
	}
}

func (s *Service) cookieNames() []string {
	if names := s.policy().Cookies; len(names) > 0 {
		return names
	}
	return []string{usualCookie}
}

// Cookies are what carries a new session to the client.
func (s *Service) Cookies(session Session) []*http.Cookie {
	cookies := make([]*http.Cookie, len(session.secrets))
	for i, name := range s.cookieNames() {
		cookies[i] = &http.Cookie{
			Name: name, Value: session.secrets[i], Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
			Secure:  strings.HasPrefix(s.Issuer.URL, "https:"),
			Expires: session.ExpiresAt.Time(), MaxAge: int(session.ExpiresAt.Sub(s.Store.Now()) / time.Second),
		}
	}
	return cookies
}

// Current returns who is signed in by a request's cookies; nil and no error when they are not there. A session that ended is
// refused with 401 and the reason.
func (s *Service) Current(r *http.Request) (*Principal, error) {
	names := s.cookieNames()
	secrets := make([]string, len(names))
	for i, name := range names {
		found := r.CookiesNamed(name)
		if len(found) != 1 { // of two, another host under the same domain may have planted one (RFC 6265 §8.6)
			return nil, nil //nolint:nilnil // nobody is signed in, which is no error here
		}
		secrets[i] = found[0].Value
	}
	return s.Resume(r.Context(), secrets, wire.RequestAddress(r))
}

// Resume returns who is signed in by a session's cookie values, in the policy's order, from an address. Everything that can end a
// session is read each time, so that a key that was removed is refused at once, on every node.
func (s *Service) Resume(ctx context.Context, secrets []string, address string) (*Principal, error) {
	for _, secret := range secrets {
		if secret == "" || len(secret) > maxSecret {
			return nil, sessionEnded(ReasonSessionEnded, "this session is not known here")
		}
	}
	session, holder, err := s.Store.ServiceSession(ctx, s.Issuer.Name, sessionHash(secrets))
	if missing(err) {
		return nil, sessionEnded(ReasonSessionEnded, "this session is not known here")
	}
	if err != nil {
		return nil, err
	}
	reqlog.From(ctx).Client = holder.Key.ID
	if err := s.whyEnded(session.ExpiresAt, holder, address); err != nil {
		return nil, err
	}
	principal := principalOf(holder)
	principal.SessionID = session.ID
	return &principal, nil
}

func (s *Service) whyEnded(expiresAt micros.Time, holder store.ServicePrincipal, address string) error {
	now := s.Store.Now()
	if expiresAt <= now {
		return sessionEnded(ReasonSessionEnded, "this session has expired")
	}
	if reason, description := whyNot(holder, address, now); reason != "" {
		return sessionEnded(reason, description)
	}
	return nil
}

// Own is the check of what only an account's own service account may do: nobody signed in and one that a consent made are
// refused, and one of another account too.
func Own(principal *Principal, accountID string) error {
	switch {
	case principal == nil:
		return SessionRequired()
	case principal.Delegated || principal.AccountID != accountID:
		return oauth.UnauthorizedClient("sign in with a service account of the account that owns this client").
			With(ReasonWrongAccount).WithStatus(http.StatusForbidden)
	}
	return nil
}
