package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/signing"
)

func (p *program) key() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List an issuer's signing keys", Args: needs,
		Long: "List an issuer's signing keys. Published at /.well-known/jwks.json are `next`, which will sign after the next rotation, `current`,\n" +
			"which signs, and `previous`, which has signed tokens that may still be alive. `retired` is what only the server still reads: an expired\n" +
			"access token that proves a refresh, where the issuer's dialect takes one.",
		Example: "  latchkey key list --issuer acme",
		RunE:    p.at(p.keyList),
	}
	cmd := group("key", "Master key and signing keys", p.withIssuer(list), p.withIssuer(p.keyRotate()), p.keyGenerateMaster())
	cmd.Example = list.Example
	return cmd
}

// keyView is a signing key as it is printed; its private half never is.
type keyView struct {
	KID         string    `json:"kid"`
	Alg         jwk.Alg   `json:"alg"`
	State       jwk.State `json:"state"`
	CreatedAt   string    `json:"created_at"`
	ActivatedAt string    `json:"activated_at,omitempty"`
	RetiredAt   string    `json:"retired_at,omitempty"`
}

func (p *program) keys(in *installation, is *issuer.Issuer) *signing.Keys {
	return signing.New(signing.Config{
		Issuer: is.Name, Store: in.store, Keyring: in.keyring, Clock: p.clock, Rand: p.rand, Algs: is.SigningAlgs(),
		PublishRetired: is.PublishRetiredKeys(), KeepRetired: is.KeepRetiredKeys(),
	})
}

func (p *program) keyList(ctx context.Context, in *installation, _ []string) error {
	keys, err := p.keys(in, in.issuer).List(ctx)
	if err != nil {
		return err
	}
	return p.showKeys(keys)
}

func (p *program) showKeys(keys []jwk.Key) error {
	views, rows := make([]keyView, len(keys)), make([][]string, len(keys))
	for i, k := range keys {
		v := keyView{KID: k.KID, Alg: k.Alg, State: k.State, CreatedAt: stamp(micros.Of(k.CreatedAt)), ActivatedAt: stamp(micros.Of(k.ActivatedAt)), RetiredAt: stamp(micros.Of(k.RetiredAt))}
		views[i], rows[i] = v, []string{v.KID, string(v.Alg), string(v.State), v.CreatedAt, v.ActivatedAt, v.RetiredAt}
	}
	return p.show(map[string][]keyView{"keys": views}, func() {
		p.table("KID | ALG | STATE | CREATED | SIGNS SINCE | RETIRED", rows, "no keys yet: the server makes them when it starts")
	})
}

// published is how long the next key must have been: apps may remember the published keys for that long, and could not verify what a
// younger one signs.
const published = 24 * time.Hour

func (p *program) keyRotate() *cobra.Command {
	var alg string
	var now bool
	cmd := &cobra.Command{
		Use: "rotate", Short: "Let the next signing key sign", Args: needs,
		Long: "Let the next signing key sign. The one before stays published until everything that it signed has expired, and is kept until\n" +
			"nothing of that proves a refresh any more; a fresh one is published for the next rotation. So no verification fails, if a day\n" +
			"passes between two rotations: apps may remember the published keys for that long. --now rotates sooner, and such apps fail\n" +
			"until they look again.",
		Example: "  latchkey key rotate --issuer acme\n  latchkey key rotate --issuer acme --alg ES256",
	}
	cmd.Flags().BoolVar(&now, "now", false, "rotate also when apps may not know the next key yet")
	cmd.Flags().StringVar(&alg, "alg", "", "rotate only this `algorithm`: RS256, ES256 or EdDSA")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, _ []string) error { return p.rotate(ctx, in, alg, now) })
	return cmd
}

func (p *program) rotate(ctx context.Context, in *installation, only string, now bool) error {
	algs := in.issuer.SigningAlgs()
	if only != "" {
		if !slices.Contains(algs, jwk.Alg(only)) {
			return usage("issuer %s does not sign with %q: it uses %s", in.issuer.Name, only, joined(algs))
		}
		algs = []jwk.Alg{jwk.Alg(only)}
	}
	keys := p.keys(in, in.issuer)
	if err := keys.Ensure(ctx); err != nil { // an installation that never served has none to rotate
		return err
	}
	if !now {
		if err := p.knownByNow(ctx, keys, algs); err != nil {
			return err
		}
	}
	for _, alg := range algs {
		if _, err := keys.Rotate(ctx, alg); err != nil {
			return err
		}
	}
	return p.keyList(ctx, in, nil)
}

// knownByNow refuses to let a key sign that was published a moment ago.
func (p *program) knownByNow(ctx context.Context, keys *signing.Keys, algs []jwk.Alg) error {
	all, err := keys.List(ctx)
	if err != nil {
		return err
	}
	for _, key := range all {
		from := key.CreatedAt.Add(published)
		if key.State == jwk.StateNext && slices.Contains(algs, key.Alg) && p.clock().Before(from) {
			return refuse(exitConflict, "the next %s key is published since %s, and apps may remember the keys from before for a day: nothing was rotated; "+
				"rotate after %s, or add --now if they may fail until they look again", key.Alg, stamp(micros.Of(key.CreatedAt)), stamp(micros.Of(from)))
		}
	}
	return nil
}

func joined[T ~string](words []T) string {
	plain := make([]string, len(words))
	for i, word := range words {
		plain[i] = string(word)
	}
	return strings.Join(plain, ", ")
}

func (p *program) keyGenerateMaster() *cobra.Command {
	return &cobra.Command{
		Use: "generate-master", Short: "Print a new master key", Args: needs,
		Long: "Print a new master key: 256 random bits in base64. Every other key is derived from it, and signing keys are sealed with it, so\n" +
			"keep a copy where you keep your most valuable secrets.",
		Example: "  (umask 077; latchkey key generate-master > master.key)",
		RunE: func(*cobra.Command, []string) error {
			key := make([]byte, seal.MinMasterKey)
			if _, err := io.ReadFull(p.rand, key); err != nil {
				return fmt.Errorf("no randomness: %w", err)
			}
			text := base64.StdEncoding.EncodeToString(key)
			return p.show(map[string]string{"master_key": text}, func() { p.say("%s", text) })
		},
	}
}
