package dev

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
)

// ServiceCredential is a key of a sample service account, as an integrator downloads it: the private half is in no database.
type ServiceCredential struct {
	KeyID             string `json:"key_id"`
	PrivateKey        string `json:"private_key"`
	ChannelIdentifier string `json:"channel_identifier"`
	ProjectCode       string `json:"project_code"`
	Type              string `json:"type"`
	IssuedAt          string `json:"issued_at"`
	UserCode          string `json:"user_code"`
}

// giveCredentials makes the platform's service accounts and their keys, the first time; a key lives in a file of its own.
func (d *dev) giveCredentials(ctx context.Context, p *platform) error {
	if len(p.services) == 0 {
		return nil
	}
	accounts := serviceaccount.New(serviceaccount.Config{Issuer: p.issuer, Store: d.store, Keys: serviceaccount.NewKeyMaker(d.Rand), Rand: d.Rand})
	p.credentials = make([]ServiceCredential, len(p.services))
	failures := make([]error, len(p.services))
	var making sync.WaitGroup // an RSA key takes a tenth of a second and more
	for i, service := range p.services {
		making.Go(func() {
			p.credentials[i], failures[i] = d.credential(ctx, accounts, service, d.credentialFile(p, service))
		})
	}
	making.Wait()
	return errors.Join(failures...)
}

func (d *dev) credentialFile(p *platform, service sampleService) string {
	return filepath.Join(d.Data, p.issuer.Name+"-"+service.id+".json")
}

func (d *dev) credential(ctx context.Context, accounts *serviceaccount.Service, service sampleService, path string) (known ServiceCredential, err error) {
	if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &known) == nil {
		return known, nil
	}
	account, err := accounts.Find(ctx, service.id, "")
	if errors.Is(err, store.ErrNotFound) {
		account, err = accounts.Create(ctx, serviceaccount.Draft{AccountID: service.owner, Name: service.name, ID: service.id}, "")
	}
	if err != nil {
		return known, err
	}
	made, err := accounts.AddKey(ctx, account, serviceaccount.KeyDraft{}, "")
	if err != nil {
		return known, err
	}
	known = ServiceCredential{
		KeyID: made.KeyID, PrivateKey: made.PrivateKey, ChannelIdentifier: made.ChannelIdentifier, ProjectCode: made.AccountID, Type: "apijwt",
		IssuedAt: time.Unix(made.IssuedAt, 0).UTC().Format(time.RFC3339), UserCode: made.UserCode,
	}
	return known, writeJSON(path, known)
}
