package client

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/wire"
)

// maxName is the longest name that pages show, in characters.
const maxName = 100

// minImportedSecret keeps out secrets that could be guessed: their hash is a fast one.
const minImportedSecret = 16

// maxSecrets is how many secrets of one client may be good at once.
const maxSecrets = 5

// Registration is what is needed to add an app.
type Registration struct {
	AccountID string // the owner
	Name      string // as people see it
	Status    store.ClientStatus
	Metadata  store.ClientMetadata
	// UserID is who registers it, for the audit log; empty for an operator.
	UserID string
	// ID and Secret keep those of an app that comes from another server; empty ones are made.
	ID, Secret string
	// Also happens in the same transaction, after the app is there; nil is nothing.
	Also func(tx *store.Tx, clientID string) error
}

// Create registers an app and returns it with its secret, which is shown once and kept only as a keyed hash. A public client
// has none. An ID that is taken is store.ErrConflict; other refusals are *oauth.Error.
func (r *Registry) Create(ctx context.Context, registration Registration) (created store.Client, secret string, err error) {
	if registration.Name, err = checkName(registration.Name); err != nil {
		return store.Client{}, "", err
	}
	if err := checkID(registration.ID); err != nil {
		return store.Client{}, "", err
	}
	if err := CheckMetadata(r.Issuer, &registration.Metadata); err != nil {
		return store.Client{}, "", err
	}
	if registration.Secret != "" && len(registration.Secret) < minImportedSecret {
		return store.Client{}, "", oauth.InvalidClientMetadata("a secret brought along must have at least %d characters", minImportedSecret)
	}
	client := store.Client{
		Issuer: r.Issuer.Name, ID: registration.ID, AccountID: registration.AccountID, Name: registration.Name,
		Status: registration.Status, Metadata: registration.Metadata,
	}
	if client.Status == "" {
		client.Status = store.ClientActive
	}
	if secret = registration.Secret; secret == "" {
		secret = r.makeSecret()
	}
	for range drawings {
		if created, err = r.insert(ctx, client, secret, registration); registration.ID != "" || !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	if err != nil {
		return store.Client{}, "", err
	}
	if client.Public() {
		secret = ""
	}
	return created, secret, nil
}

// drawings bounds how often an identifier is drawn: with few digits one may be taken.
const drawings = 5

// insert writes a new app under its identifier, or under one that is drawn.
func (r *Registry) insert(ctx context.Context, client store.Client, secret string, registration Registration) (created store.Client, err error) {
	if client.ID = registration.ID; client.ID == "" {
		if client.ID, err = r.newID(); err != nil {
			return store.Client{}, err
		}
	} else if _, err := r.Store.User(ctx, r.Issuer.Name, client.ID); !errors.Is(err, store.ErrNotFound) {
		return store.Client{}, cmp.Or(err, store.ErrConflict) // a person's, both brought along: a token's sub must not name two
	}
	err = r.change(ctx, store.Event{Type: store.EventClientCreated, UserID: registration.UserID, AccountID: client.AccountID, ClientID: client.ID,
		Detail: map[string]string{"name": client.Name}}, func(tx *store.Tx) (err error) {
		created, err = r.create(tx, client, secret, registration.Also)
		return err
	})
	return created, err
}

// create reads back what it wrote before the commit: after it, a read that fails would lose the secret, which is shown once.
func (r *Registry) create(tx *store.Tx, client store.Client, secret string, also func(*store.Tx, string) error) (created store.Client, err error) {
	if err := tx.CreateClient(client); err != nil {
		return store.Client{}, err
	}
	if !client.Public() {
		if err := tx.AddClientSecret(r.newSecret(client.ID, secret)); err != nil {
			return store.Client{}, err
		}
	}
	if also != nil {
		if err := also(tx, client.ID); err != nil {
			return store.Client{}, err
		}
	}
	if created, err = tx.LockClient(client.Issuer, client.ID); err != nil {
		return store.Client{}, err
	}
	created.Secrets, err = tx.ClientSecrets(client.Issuer, client.ID)
	return created, err
}

// personPrefix is what the identifiers of people begin with.
const personPrefix = "usr_"

// checkID holds an identifier brought along to its characters (RFC 6749 appendix A.1), and apart from those of people: what an
// app gets for itself has it as sub, which an API must not take for a person's (RFC 9068 §5).
func checkID(id string) error {
	if strings.HasPrefix(id, personPrefix) {
		return oauth.InvalidClientMetadata("client_id must not begin with %s, as people's identifiers do", personPrefix)
	}
	if len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) {
		return oauth.InvalidClientMetadata("client_id must be at most %d printable ASCII characters", maxID)
	}
	return nil
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if wire.Name(name) == "" || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, wire.Misleading) {
		return "", oauth.InvalidClientMetadata("client_name must be 1 to %d characters", maxName)
	}
	return name, nil
}

// Update changes an app's name and metadata, under the same rules as Create. change is given the app as it is, and nobody else changes it
// meanwhile; it must be ready to run again. userID is who does it.
func (r *Registry) Update(ctx context.Context, clientID, userID string, change func(*store.Client) error) error {
	return r.change(ctx, event(store.EventClientChanged, clientID, userID), func(tx *store.Tx) error {
		client, err := tx.LockClient(r.Issuer.Name, clientID)
		if err != nil {
			return err
		}
		if err := change(&client); err != nil {
			return err
		}
		if client.Name, err = checkName(client.Name); err != nil {
			return err
		}
		if err := CheckMetadata(r.Issuer, &client.Metadata); err != nil {
			return err
		}
		return tx.UpdateClient(client)
	})
}

// SetStatus lets an app in, or stops it and all its tokens.
func (r *Registry) SetStatus(ctx context.Context, clientID string, status store.ClientStatus, userID string) error {
	return r.changeStatus(ctx, clientID, userID, func(store.Client) store.ClientStatus { return status })
}

// Resume lets a suspended app work again; one that was in testing still is. Any other stays as it is.
func (r *Registry) Resume(ctx context.Context, clientID, userID string) error {
	return r.changeStatus(ctx, clientID, userID, func(is store.Client) store.ClientStatus {
		switch {
		case is.Status != store.ClientSuspended:
			return is.Status
		case is.Metadata.ResumesTesting:
			return store.ClientTesting
		default:
			return store.ClientActive
		}
	})
}

// changeStatus decides by the app as it is, and lets nobody change it meanwhile.
func (r *Registry) changeStatus(ctx context.Context, clientID, userID string, decide func(store.Client) store.ClientStatus) error {
	err := r.Store.InTx(ctx, func(tx *store.Tx) error {
		is, err := tx.LockClient(r.Issuer.Name, clientID)
		if err != nil {
			return err
		}
		status := decide(is)
		if status == is.Status {
			return nil
		}
		happened := event(store.EventClientChanged, clientID, userID)
		switch {
		case status == store.ClientSuspended:
			happened.Type = store.EventClientSuspended
		case is.Status == store.ClientSuspended:
			happened.Type = store.EventClientResumed
		}
		knew := is.Metadata.ResumesTesting
		is.Metadata.ResumesTesting = status == store.ClientSuspended && is.Status == store.ClientTesting
		if is.Metadata.ResumesTesting != knew {
			if err := tx.UpdateClient(is); err != nil {
				return err
			}
		}
		happened.Issuer = r.Issuer.Name
		return errors.Join(tx.SetClientStatus(r.Issuer.Name, clientID, status), tx.Record(happened))
	})
	r.Forget()
	return err
}

// RevokeTokens kills every access token that the app holds.
func (r *Registry) RevokeTokens(ctx context.Context, clientID, userID string) error {
	return r.change(ctx, event(store.EventClientTokensRevoked, clientID, userID), func(tx *store.Tx) error {
		return tx.RevokeClientTokens(r.Issuer.Name, clientID)
	})
}

// Delete removes an app; its tokens die with it.
func (r *Registry) Delete(ctx context.Context, clientID, userID string) error {
	return r.change(ctx, event(store.EventClientDeleted, clientID, userID), func(tx *store.Tx) error {
		return tx.DeleteClient(r.Issuer.Name, clientID)
	})
}

func event(happened store.EventType, clientID, userID string) store.Event {
	return store.Event{Type: happened, ClientID: clientID, UserID: userID}
}

// change does something to an app and writes it down, and lets this node see it at once.
func (r *Registry) change(ctx context.Context, happened store.Event, do func(*store.Tx) error) error {
	happened.Issuer = r.Issuer.Name
	err := r.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return tx.Record(happened)
	})
	r.Forget()
	return err
}

// AddSecret gives an app one more secret and returns it; those before it stay good. At most five are good at once.
func (r *Registry) AddSecret(ctx context.Context, clientID, userID string) (secret string, err error) {
	return r.addSecret(ctx, clientID, userID, func(*store.Tx, []store.ClientSecret) error { return nil })
}

// RotateSecret gives an app a new secret and returns it. Those before it are good for overlap longer, so that the app can
// change over without a failed request; 0 ends them now.
func (r *Registry) RotateSecret(ctx context.Context, clientID, userID string, overlap time.Duration) (secret string, err error) {
	return r.addSecret(ctx, clientID, userID, func(tx *store.Tx, secrets []store.ClientSecret) error {
		at := tx.Now().Add(overlap)
		for i, old := range secrets {
			if !old.ExpiresAt.Never() && old.ExpiresAt <= at {
				continue
			}
			err := tx.ExpireClientSecret(r.Issuer.Name, clientID, old.ID, at)
			if err != nil && !errors.Is(err, store.ErrNotFound) { // ended meanwhile
				return err
			}
			secrets[i].ExpiresAt = at
		}
		return nil
	})
}

// addSecret counts what is good after before ran: a rotation that ends every secret at once must not be refused for their number.
func (r *Registry) addSecret(ctx context.Context, clientID, userID string, before func(*store.Tx, []store.ClientSecret) error) (string, error) {
	secret := r.makeSecret()
	err := r.change(ctx, event(store.EventClientSecretAdded, clientID, userID), func(tx *store.Tx) error {
		client, err := tx.LockClient(r.Issuer.Name, clientID) // so that two do not both count four, and none is added to an app that is gone
		if err != nil {
			return err
		}
		if client.Public() {
			return oauth.InvalidClientMetadata("a client with token_endpoint_auth_method none has no secret")
		}
		secrets, err := tx.ClientSecrets(r.Issuer.Name, clientID)
		if err != nil {
			return err
		}
		if err := before(tx, secrets); err != nil {
			return err
		}
		if alive(secrets, tx.Now()) >= maxSecrets {
			return oauth.InvalidClientMetadata("%d secrets are good already; expire one first", maxSecrets)
		}
		return tx.AddClientSecret(r.newSecret(clientID, secret))
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

func alive(secrets []store.ClientSecret, now micros.Time) (count int) {
	for _, secret := range secrets {
		if secret.ExpiresAt.Never() || secret.ExpiresAt > now {
			count++
		}
	}
	return count
}

// ExpireSecret ends one of an app's secrets at a time; one that ends earlier already is store.ErrNotFound.
func (r *Registry) ExpireSecret(ctx context.Context, clientID, secretID, userID string, at micros.Time) error {
	return r.change(ctx, event(store.EventClientSecretExpired, clientID, userID), func(tx *store.Tx) error {
		return tx.ExpireClientSecret(r.Issuer.Name, clientID, secretID, at)
	})
}

// hintLength is how much of a secret is kept in clear, for people to tell several apart.
const hintLength = 4

func (r *Registry) newSecret(clientID, secret string) store.ClientSecret {
	return store.ClientSecret{
		Issuer: r.Issuer.Name, ID: r.Store.NewPublicID("sec_"), ClientID: clientID, Hash: r.hashSecret(clientID, secret),
		Hint: secret[max(0, len(secret)-hintLength):],
	}
}
