package serviceaccount

import (
	"context"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/lastuse"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/wire"
)

// Config is what an issuer's service accounts are made from.
type Config struct {
	Issuer *issuer.Issuer
	Store  *store.Store
	// Keys makes the private keys that are answered once and forgotten.
	Keys    *KeyMaker
	LastUse *lastuse.Recorder
	Rand    io.Reader
}

// Service is an issuer's service accounts. It is safe for concurrent use.
type Service struct{ Config }

// New returns the service accounts of an issuer.
func New(config Config) *Service { return &Service{config} }

// maxName is the longest name that pages show, in characters.
const maxName = 100

// Draft is what a new service account is made from.
type Draft struct {
	AccountID string // the owner
	Name      string // as people see it
	// ID is its user code; empty makes one.
	ID string
	// Scopes bound what its access tokens may carry.
	Scopes oauth.ScopeSet
	// ClientID and ExchangeID are the app and the consent that it is made for; empty when a member makes it.
	ClientID, ExchangeID string
}

// Create makes a service account without a key. userID is who does it, empty for an operator. An ID that is taken is
// store.ErrConflict.
func (s *Service) Create(ctx context.Context, draft Draft, userID string) (account store.ServiceAccount, err error) {
	if unknown := s.Issuer.Scopes.Unknown(draft.Scopes); unknown != "" {
		return account, oauth.InvalidScope("there is no scope %s", unknown)
	}
	draft.Name = strings.TrimSpace(draft.Name)
	if draft.Name == "" || utf8.RuneCountInString(draft.Name) > maxName || strings.ContainsFunc(draft.Name, wire.Misleading) {
		return account, oauth.InvalidRequest("the name must be 1 to %d characters", maxName)
	}
	if account, err = s.Draw(draft); err != nil {
		return account, err
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.CreateServiceAccount(account); err != nil {
			return err
		}
		return tx.Record(s.event(store.EventServiceAccountCreated, account, userID, map[string]string{"name": account.Name, "service_account": account.ID}))
	})
	if err != nil {
		return store.ServiceAccount{}, err
	}
	return s.Store.ServiceAccount(ctx, s.Issuer.Name, account.ID)
}

// Draw gives a draft its names, in the issuer's formats. Nothing is written yet.
func (s *Service) Draw(draft Draft) (store.ServiceAccount, error) {
	id := draft.ID
	if id == "" {
		var err error
		if id, err = newID(s.Rand, s.policy().IDs); err != nil {
			return store.ServiceAccount{}, err
		}
	}
	return store.ServiceAccount{
		Issuer: s.Issuer.Name, ID: id, AccountID: draft.AccountID, Name: draft.Name, Channel: s.channel(id, draft.AccountID),
		Scopes: draft.Scopes, ClientID: draft.ClientID, ExchangeID: draft.ExchangeID,
	}, nil
}

// Find returns a service account by its user code or its channel identifier; the code wins where both are given.
func (s *Service) Find(ctx context.Context, id, channel string) (store.ServiceAccount, error) {
	if id != "" {
		return s.Store.ServiceAccount(ctx, s.Issuer.Name, id)
	}
	return s.Store.ServiceAccountByChannel(ctx, s.Issuer.Name, channel)
}

// actsFor is the account that a service account works for: the one that was connected, or else its own. A connection that
// ended leaves nothing, and is store.ErrNotFound.
func (s *Service) actsFor(ctx context.Context, account store.ServiceAccount) (store.ServiceAccess, error) {
	if account.ExchangeID == "" {
		return store.ServiceAccess{AccountID: account.AccountID}, nil
	}
	access, err := s.Store.ServiceAccess(ctx, s.Issuer.Name, account.ID)
	if err != nil {
		return store.ServiceAccess{}, err
	}
	if len(access) == 0 {
		return store.ServiceAccess{}, store.ErrNotFound
	}
	return access[0], nil
}

// MayActFor tells whether a principal may work for an account: its own, or one whose connection holds.
func (s *Service) MayActFor(ctx context.Context, principal *Principal, accountID string) (bool, error) {
	if !principal.Delegated && principal.AccountID == accountID {
		return true, nil
	}
	access, err := s.Store.ServiceAccess(ctx, s.Issuer.Name, principal.ID)
	if err != nil {
		return false, err
	}
	for _, reached := range access {
		if reached.AccountID == accountID {
			return true, nil
		}
	}
	return false, nil
}

func (s *Service) policy() issuer.ServiceAccounts { return s.Issuer.Policy.ServiceAccounts }

func (s *Service) event(happened store.EventType, account store.ServiceAccount, userID string, detail map[string]string) store.Event {
	return store.Event{
		Issuer: s.Issuer.Name, Type: happened, UserID: userID, AccountID: account.AccountID, ClientID: account.ClientID, Detail: detail,
	}
}

// missing tells a row that is not there from trouble with the database.
func missing(err error) bool { return errors.Is(err, store.ErrNotFound) }
