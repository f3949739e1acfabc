package seal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"

	"latchkey.dev/internal/seal"
)

// zeros is a source of "randomness" that makes golden values possible.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func master(fill byte) []byte { return bytes.Repeat([]byte{fill}, seal.MinMasterKey) }

func keyring(t testing.TB, masters ...[]byte) *seal.Keyring {
	t.Helper()
	k, err := seal.NewKeyring(masters...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// These never change: a difference would make every stored key, token and
// session of a running installation unreadable.
func TestFormatsNeverDrift(t *testing.T) {
	k := keyring(t, master(1))
	mac := k.MAC("code", []byte("acme"), []byte("user"))
	golden := map[string]string{
		"seal":   hex.EncodeToString(k.Seal("access_token", []byte("acme"), []byte("plain"), zeros{})),
		"mac":    hex.EncodeToString(mac[:]),
		"secret": seal.NewSecret(zeros{}, "lk_cs_"),
	}
	want := map[string]string{
		"seal":   goldenSealed,
		"mac":    goldenMAC,
		"secret": "lk_cs_" + strings.Repeat("A", 43),
	}
	for name := range want {
		if golden[name] != want[name] {
			t.Errorf("%s is\n%s, was\n%s", name, golden[name], want[name])
		}
	}
}

// The MAC and the key id (bytes 1 to 4 of the seal) were computed a second
// time with Python's hmac.
const (
	goldenSealed = "01283dc8df000000000000000000000000000000000000000000000000329bc9556f781f9b2cff0580d59e2462903118cc6f"
	goldenMAC    = "44814ddf7038bf11ecc0483e15c24152138660fb5cbddf153adb67ff51a8280d"
)

func TestOpenUndoesSeal(t *testing.T) {
	k := keyring(t, master(1))
	for _, plain := range []string{"", "x", strings.Repeat("long ", 1000)} {
		sealed := k.Seal("p", []byte("aad"), []byte(plain), rand.Reader)
		if len(sealed) != len(plain)+seal.Overhead {
			t.Errorf("sealed length is %d, want plain + %d", len(sealed), seal.Overhead)
		}
		opened, err := k.Open("p", []byte("aad"), sealed)
		if err != nil || string(opened) != plain {
			t.Errorf("opened %q, %v", opened, err)
		}
	}
}

func TestSealNeverRepeats(t *testing.T) {
	k := keyring(t, master(1))
	if bytes.Equal(k.Seal("p", nil, []byte("x"), rand.Reader), k.Seal("p", nil, []byte("x"), rand.Reader)) {
		t.Error("two seals of one text are equal: the nonce is not random")
	}
}

func TestOpenRefuses(t *testing.T) {
	k := keyring(t, master(1))
	sealed := k.Seal("access_token", []byte("acme"), []byte("plain"), rand.Reader)
	cases := []struct {
		name    string
		ring    *seal.Keyring
		purpose string
		aad     string
		sealed  []byte
	}{
		{"another master key", keyring(t, master(2)), "access_token", "acme", sealed},
		{"another purpose", k, "session", "acme", sealed},
		{"another issuer", k, "access_token", "other", sealed},
		{"no aad", k, "access_token", "", sealed},
		{"nothing", k, "access_token", "acme", nil},
		{"only the header", k, "access_token", "acme", sealed[:5]},
		{"one byte short", k, "access_token", "acme", sealed[:len(sealed)-1]},
		{"one byte long", k, "access_token", "acme", append(bytes.Clone(sealed), 0)},
	}
	for _, c := range cases {
		if _, err := c.ring.Open(c.purpose, []byte(c.aad), c.sealed); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("%s: err is %v, want ErrSealed", c.name, err)
		}
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	k := keyring(t, master(1), master(2))
	sealed := k.Seal("p", nil, []byte("plain"), rand.Reader)
	for i := range len(sealed) * 8 {
		damaged := bytes.Clone(sealed)
		damaged[i/8] ^= 1 << (i % 8)
		if _, err := k.Open("p", nil, damaged); !errors.Is(err, seal.ErrSealed) {
			t.Fatalf("bit %d flipped: err is %v", i, err)
		}
	}
}

func TestMasterKeyIsReplacedWithoutLoss(t *testing.T) {
	older := keyring(t, master(1))
	sealed := older.Seal("p", nil, []byte("kept"), rand.Reader)
	mac := older.MAC("p", []byte("kept"))

	both := keyring(t, master(2), master(1))
	if plain, err := both.Open("p", nil, sealed); err != nil || string(plain) != "kept" {
		t.Errorf("the older key's seal: %q, %v", plain, err)
	}
	if !both.CheckMAC("p", mac[:], []byte("kept")) {
		t.Error("the older key's MAC is refused")
	}
	if _, err := older.Open("p", nil, both.Seal("p", nil, []byte("new"), rand.Reader)); err == nil {
		t.Error("the first key does not seal")
	}
	if both.MAC("p", []byte("kept")) == mac {
		t.Error("the first key does not make the MACs")
	}
}

func TestCheckMAC(t *testing.T) {
	k := keyring(t, master(1))
	mac := k.MAC("code", []byte("ab"), []byte("c"))
	if !k.CheckMAC("code", mac[:], []byte("ab"), []byte("c")) {
		t.Error("its own MAC is refused")
	}
	refused := map[string]bool{
		"another purpose": k.CheckMAC("session", mac[:], []byte("ab"), []byte("c")),
		"moved boundary":  k.CheckMAC("code", mac[:], []byte("a"), []byte("bc")),
		"joined parts":    k.CheckMAC("code", mac[:], []byte("abc")),
		"an extra part":   k.CheckMAC("code", mac[:], []byte("ab"), []byte("c"), nil),
		"truncated":       k.CheckMAC("code", mac[:31], []byte("ab"), []byte("c")),
		"empty":           k.CheckMAC("code", nil, []byte("ab"), []byte("c")),
		"another key":     keyring(t, master(2)).CheckMAC("code", mac[:], []byte("ab"), []byte("c")),
	}
	for name, accepted := range refused {
		if accepted {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestManyGoroutinesShareAKeyring(t *testing.T) {
	k := keyring(t, master(1))
	want := keyring(t, master(1)).MAC("purpose", []byte("part"))
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 100 {
				if k.MAC("purpose", []byte("part")) != want {
					t.Error("a concurrent MAC differs")
				}
			}
		})
	}
	group.Wait()
}

func TestMasterKeysAreChecked(t *testing.T) {
	refused := map[string][][]byte{
		"none":      nil,
		"too short": {make([]byte, 31)},
		"twice":     {master(1), master(1)},
	}
	for name, masters := range refused {
		if _, err := seal.NewKeyring(masters...); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestParseMasterKey(t *testing.T) {
	key := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		parsed, err := seal.ParseMasterKey(encoding.EncodeToString(key))
		if err != nil || !bytes.Equal(parsed, key) {
			t.Errorf("parsed %x, %v", parsed, err)
		}
	}
	for _, text := range []string{"", "not base64!", base64.StdEncoding.EncodeToString(key[:31])} {
		parsed, err := seal.ParseMasterKey(text)
		if err == nil {
			t.Errorf("%q is accepted", text)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error quotes the key: %v (%x)", err, parsed)
		}
	}
}

func TestNewSecretIs256RandomBits(t *testing.T) {
	one, other := seal.NewSecret(rand.Reader, "lk_cs_"), seal.NewSecret(rand.Reader, "lk_cs_")
	body, _ := strings.CutPrefix(one, "lk_cs_")
	random, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || len(random) != 32 || one == other {
		t.Errorf("%q and %q: %d bytes, %v", one, other, len(random), err)
	}
}

func FuzzOpen(f *testing.F) {
	k := keyring(f, master(1), master(2))
	f.Add([]byte("acme"), k.Seal("p", []byte("acme"), []byte("plain"), zeros{}))
	f.Add([]byte{}, []byte{1})
	f.Fuzz(func(t *testing.T, aad, sealed []byte) {
		plain, err := k.Open("p", aad, sealed)
		if err == nil && string(plain) != "plain" {
			t.Errorf("a forgery opened: %q", plain)
		}
	})
}

func BenchmarkSeal300Bytes(b *testing.B) {
	k, plain, aad := keyring(b, master(1)), make([]byte, 300), []byte("acme")
	b.ReportAllocs()
	for b.Loop() {
		k.Seal("access_token", aad, plain, rand.Reader)
	}
}

func BenchmarkOpen300Bytes(b *testing.B) {
	k, aad := keyring(b, master(1)), []byte("acme")
	sealed := k.Seal("access_token", aad, make([]byte, 300), rand.Reader)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open("access_token", aad, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMAC(b *testing.B) {
	k, issuer, family := keyring(b, master(1)), []byte("acme"), make([]byte, 20)
	b.ReportAllocs()
	for b.Loop() {
		k.MAC("refresh_token", issuer, family)
	}
}
