package signing_test

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/signing"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

// another is a second node's view of the fixture's keys.
func another(f *tokentest.Fixture, adjust ...func(*signing.Config)) *signing.Keys {
	config := f.Keys.Config
	for _, change := range adjust {
		change(&config)
	}
	return signing.New(config)
}

func states(t *testing.T, keys []jwk.Key, alg jwk.Alg) string {
	t.Helper()
	var found []string
	for _, key := range keys {
		if key.Alg == alg {
			found = append(found, string(key.State))
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

func list(f *tokentest.Fixture) []jwk.Key {
	f.Helper()
	keys, err := f.Keys.List(f.Context())
	f.Must(err)
	return keys
}

func TestEnsureMakesOneCurrentAndOneNextPerAlgorithmWhateverRaces(t *testing.T) {
	f := tokentest.New(t)
	racing := []jwk.Alg{jwk.ES256, jwk.EdDSA}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			node := another(f, func(c *signing.Config) { c.Issuer = "other" })
			if err := node.Ensure(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	keys, err := another(f, func(c *signing.Config) { c.Issuer = "other" }).List(t.Context())
	f.Must(err)
	for _, alg := range racing {
		if got := states(t, keys, alg); got != "current next" {
			t.Errorf("%s: %q, want one current and one next", alg, got)
		}
	}
	if len(keys) != 4 {
		t.Errorf("%d keys, want 4", len(keys))
	}
}

func TestOIDCCore_10_1_1_TokensVerifyThroughRotations(t *testing.T) {
	f := tokentest.New(t)
	before, err := f.Keys.Set(t.Context())
	f.Must(err)
	token, err := before.Sign(jwk.ES256, jwk.TypJWT, map[string]string{"sub": "x"})
	f.Must(err)
	nextKID := ""
	for _, key := range list(f) {
		if key.Alg == jwk.ES256 && key.State == jwk.StateNext {
			nextKID = key.KID
		}
	}
	for range 3 { // quicker than any token dies
		f.Advance(time.Minute)
		_, err := f.Keys.Rotate(t.Context(), jwk.ES256)
		f.Must(err)
		set, err := f.Keys.Set(t.Context())
		f.Must(err)
		if _, err := set.Verify(token, jwk.TypJWT); err != nil {
			t.Fatalf("a token signed before the rotation no longer verifies: %v", err)
		}
		if !bytes.Contains(set.JWKS(), []byte(nextKID)) {
			t.Fatal("the key that was published as next is not published any more")
		}
	}
	if got := states(t, list(f), jwk.EdDSA); got != "current next" {
		t.Errorf("rotating ES256 changed EdDSA: %q", got)
	}
}

func TestRotateMakesTheNextKeyCurrent(t *testing.T) {
	f := tokentest.New(t)
	var next string
	for _, key := range list(f) {
		if key.Alg == jwk.ES256 && key.State == jwk.StateNext {
			next = key.KID
		}
	}
	keys, err := f.Keys.Rotate(t.Context(), jwk.ES256)
	f.Must(err)
	if got := states(t, keys, jwk.ES256); got != "current next previous" {
		t.Errorf("after one rotation: %q", got)
	}
	set, err := f.Keys.Set(t.Context())
	f.Must(err)
	if current, _ := set.Current(jwk.ES256); current.KID != next {
		t.Errorf("current is %s, want the one published as next, %s", current.KID, next)
	}
}

func TestRotateDropsAKeyOnceAllItSignedIsDead(t *testing.T) {
	f := tokentest.New(t)
	_, err := f.Keys.Rotate(t.Context(), jwk.ES256)
	f.Must(err)
	f.Advance(25 * time.Hour)
	keys, err := f.Keys.Rotate(t.Context(), jwk.ES256)
	f.Must(err)
	if got := states(t, keys, jwk.ES256); got != "current next previous" {
		t.Errorf("after KeepRetired: %q, want the first key gone", got)
	}
}

func TestRotateAtOnceOnManyNodesLeavesOneCurrentKey(t *testing.T) {
	f := tokentest.New(t)
	var group sync.WaitGroup
	for range 8 {
		node := another(f)
		group.Go(func() {
			if _, err := node.Rotate(t.Context(), jwk.EdDSA); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got := states(t, list(f), jwk.EdDSA)
	if strings.Count(got, "current") != 1 || strings.Count(got, "next") != 1 || strings.Count(got, "previous") != 8 {
		t.Errorf("after 8 rotations at once: %q", got)
	}
}

func TestAnotherNodeSeesARotationAtItsNextPoll(t *testing.T) {
	f := tokentest.New(t)
	node := another(f)
	old, err := node.Set(t.Context())
	f.Must(err)
	f.Must(f.Store.PollChanges(t.Context()))
	_, err = f.Keys.Rotate(t.Context(), jwk.ES256)
	f.Must(err)
	if same, _ := node.Set(t.Context()); same == nil {
		t.Fatal("a node that has not polled has no keys")
	}
	f.Must(f.Store.PollChanges(t.Context()))
	fresh, err := node.Set(t.Context())
	f.Must(err)
	was, _ := old.Current(jwk.ES256)
	is, _ := fresh.Current(jwk.ES256)
	if was.KID == is.KID {
		t.Error("the node still signs with the key that was rotated out")
	}
}

func TestPrivateKeysAtRestOpenOnlyForTheirIssuerAndMasterKey(t *testing.T) {
	f := tokentest.New(t)
	if _, err := another(f, func(c *signing.Config) { c.Keyring = tokentest.NewKeyring(t, 2) }).Set(t.Context()); err == nil {
		t.Error("another master key opened the signing keys")
	}
	rows, err := f.Store.SigningKeys(t.Context(), f.Issuer.Name)
	f.Must(err)
	moved := rows[0]
	moved.Issuer = "thief"
	f.Tx(func(tx *store.Tx) error { return tx.AddSigningKey(moved) })
	if _, err := another(f, func(c *signing.Config) { c.Issuer = "thief" }).Set(t.Context()); err == nil {
		t.Error("a key copied to another issuer's row opened")
	}
}

func TestDatabaseTroubleIsNotAMissingKey(t *testing.T) {
	f := tokentest.New(t)
	node := another(f)
	f.Unavailable()
	_, err := node.Set(t.Context())
	if !tokentest.IsUnavailable(err) {
		t.Errorf("%v, want unavailable", err)
	}
	if _, err := f.Keys.Rotate(t.Context(), "HS256"); err == nil {
		t.Error("an algorithm that is not served was rotated")
	}
}

func TestRSAKeysAreMadeWhenAskedFor(t *testing.T) {
	f := tokentest.New(t)
	node := another(f, func(c *signing.Config) { c.Algs, c.Rand = []jwk.Alg{jwk.RS256}, rand.Reader })
	f.Must(node.Ensure(t.Context()))
	set, err := node.Set(t.Context())
	f.Must(err)
	if _, err := set.Sign(jwk.RS256, jwk.TypJWT, struct{}{}); err != nil {
		t.Error(err)
	}
}
