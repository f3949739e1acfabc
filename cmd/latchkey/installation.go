package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/config"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
)

func (p *program) load() (*config.Config, error) { return config.Load(p.configPath, p.source) }

// installation is what an administrative command works on.
type installation struct {
	config  *config.Config
	store   *store.Store
	keyring *seal.Keyring
	issuer  *issuer.Issuer
}

// at runs a command on one issuer of the installation that the configuration describes.
func (p *program) at(do func(ctx context.Context, in *installation, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		loaded, err := p.load()
		if err != nil {
			return err
		}
		chosen, err := p.choose(loaded.Issuers)
		if err != nil {
			return err
		}
		in, err := p.open(cmd.Context(), loaded)
		if err != nil {
			return err
		}
		in.issuer = chosen
		return errors.Join(do(cmd.Context(), in, args), in.store.Close())
	}
}

// choose finds the issuer that --issuer names, or the only one there is.
func (p *program) choose(issuers []*issuer.Issuer) (*issuer.Issuer, error) {
	names := make([]string, len(issuers))
	for i, candidate := range issuers {
		if names[i] = candidate.Name; candidate.Name == p.issuerName {
			return candidate, nil
		}
	}
	switch {
	case p.issuerName != "":
		return nil, refuse(exitNotFound, "there is no issuer %q in %s: it has %s", p.issuerName, p.configPath, strings.Join(names, ", "))
	case len(issuers) > 1:
		return nil, usage("say with --issuer which one: %s", strings.Join(names, ", "))
	}
	return issuers[0], nil
}

// open connects to a database whose schema this program understands, and whose keys the master keys open.
func (p *program) open(ctx context.Context, loaded *config.Config) (*installation, error) {
	keyring, err := seal.NewKeyring(loaded.MasterKeys...)
	if err != nil {
		return nil, fmt.Errorf("master keys: %w", err)
	}
	opened, err := store.Open(ctx, store.Config{URL: loaded.Database, Clock: p.clock, Rand: p.rand})
	if err != nil {
		return nil, databaseTrouble(err)
	}
	in := &installation{config: loaded, store: opened, keyring: keyring}
	if err := p.check(ctx, in); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return in, nil
}

// check comes before anything is read or written: with another master key a command would print secrets that never work and seal keys that
// no node opens, and a server would tell apps that their tokens are none.
func (p *program) check(ctx context.Context, in *installation) error {
	if err := in.store.CheckSchema(ctx); err != nil {
		return err
	}
	for _, is := range in.config.Issuers {
		if _, err := p.keys(in, is).List(ctx); err != nil {
			return err
		}
	}
	return nil
}

// databaseTrouble is an error of opening: the store does not know yet what kind it is.
func databaseTrouble(err error) error {
	var beside *store.OtherLogError
	var schema *store.SchemaError
	if errors.As(err, &beside) || errors.As(err, &schema) || store.Damaged(err) || store.Forbidden(err) {
		return err
	}
	return refuse(exitDatabase, "the database cannot be opened; check `database` in the configuration: %v", err)
}
