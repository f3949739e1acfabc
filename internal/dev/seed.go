package dev

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/store"
)

// Password opens every sample user's account. It is printed on the front page: nothing here is real.
const Password = "correct-horse-battery"

// seed writes a platform's people and apps, once: what is there already stays as it was left.
func (d *dev) seed(ctx context.Context, p *platform, passwordHash string) error {
	return d.store.InTx(ctx, func(tx *store.Tx) error {
		for _, user := range p.users {
			err := tx.CreateUser(store.User{
				Issuer: p.issuer.Name, ID: user.id, Email: user.email, EmailVerifiedAt: tx.Now(), Name: user.name, Locale: user.locale, PasswordHash: passwordHash,
			})
			if errors.Is(err, store.ErrConflict) {
				return nil // seeded before, in the same transaction as all else
			}
			if err != nil {
				return err
			}
		}
		return d.seedBelow(tx, p)
	})
}

func (d *dev) seedBelow(tx *store.Tx, p *platform) error {
	for _, account := range p.accounts {
		if err := seedAccount(tx, p.issuer.Name, account); err != nil {
			return err
		}
	}
	for _, client := range p.clients {
		if err := d.seedClient(tx, p, client); err != nil {
			return err
		}
	}
	return nil
}

func seedAccount(tx *store.Tx, issuerName string, account sampleAccount) error {
	if err := tx.CreateAccount(store.Account{Issuer: issuerName, ID: account.id, Name: account.name}, account.owner()); err != nil {
		return fmt.Errorf("seed account %s: %w", account.id, err)
	}
	for user, role := range account.members {
		if role == issuer.RoleOwner {
			continue
		}
		if err := tx.AddMember(store.Member{Issuer: issuerName, AccountID: account.id, UserID: user, Role: role}); err != nil {
			return fmt.Errorf("seed member %s of %s: %w", user, account.id, err)
		}
	}
	return nil
}

func (d *dev) seedClient(tx *store.Tx, p *platform, client sampleClient) error {
	issuerName := p.issuer.Name
	status := client.status
	if status == "" {
		status = store.ClientActive
	}
	err := tx.CreateClient(store.Client{
		Issuer: issuerName, ID: client.id, AccountID: client.owner, Name: client.name, Status: status, Metadata: client.metadata,
	})
	if err != nil || client.metadata.TokenEndpointAuthMethod == "none" {
		return err
	}
	secret := d.secret(p, client)
	return tx.AddClientSecret(store.ClientSecret{
		Issuer: issuerName, ID: tx.NewID(), ClientID: client.id, Hash: d.secretHash(issuerName, client.id, secret), Hint: secret[len(secret)-4:],
	})
}

// secret is the same as long as the folder's master key is, so that dev.json stays true over restarts.
func (d *dev) secret(p *platform, client sampleClient) string {
	if client.secret != "" {
		return client.secret
	}
	sum := d.keyring.MAC("dev-client-secret", []byte(p.issuer.Name), []byte(client.id))
	return cmp.Or(p.issuer.Policy.ClientSecrets.Prefix, "lk_cs_") + base64.RawURLEncoding.EncodeToString(sum[:])
}

// client finds one of the platform's apps.
func (p *platform) client(id string) sampleClient {
	for _, client := range p.clients {
		if client.id == id {
			return client
		}
	}
	return sampleClient{}
}
