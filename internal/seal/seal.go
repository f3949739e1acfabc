// Package seal derives every key from one master key, and does three things
// with them: it authenticates (MAC), it seals (AEAD) and it makes new secrets.
// It does no I/O.
//
// RFC 5869 (HKDF), RFC 2104 (HMAC-SHA256), RFC 8439 (ChaCha20-Poly1305) and
// draft-irtf-cfrg-xchacha-03 (the 24-byte nonce, which may be random).
//
// A purpose is a constant in the code such as "access_token". Keys of
// different purposes are independent, so what was made for one can never be
// used for another; whose it is (issuer, user, …) goes into aad or parts.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"
)

// MinMasterKey is the least length of a master key in bytes.
const MinMasterKey = 32

// The sealed form: version, key id, nonce, ciphertext with its tag.
const (
	version     = 1
	keyIDLength = 4
	headerSize  = 1 + keyIDLength
	nonceSize   = chacha20poly1305.NonceSizeX
	// Overhead is how much longer a sealed text is than its plain text.
	Overhead = headerSize + nonceSize + chacha20poly1305.Overhead
)

// ErrSealed is Open's only error: telling wrong key, wrong purpose, wrong
// additional data and damage apart would help only an attacker.
var ErrSealed = errors.New("seal: not sealed by us for this purpose, or damaged")

// Keyring holds the master keys. It is safe for concurrent use.
type Keyring struct {
	masters []master
	// derived is copied on write: purposes are a few constants, so after the
	// first requests it is read only, without a lock or an allocation.
	derived atomic.Pointer[map[string][]purposeKeys]
	grow    sync.Mutex
}

type master struct {
	id     [keyIDLength]byte
	secret []byte
}

// purposeKeys are one master key's keys for one purpose.
type purposeKeys struct {
	aead cipher.AEAD
	macs *sync.Pool // of *macState
}

// macState is pooled because setting up an HMAC costs as much as a short MAC,
// and its buffers would escape to the heap.
type macState struct {
	hash   hash.Hash
	length [8]byte
	sum    [sha256.Size]byte
}

// ParseMasterKey reads a master key from configuration: base64, standard or
// URL alphabet, with or without padding, of at least 32 bytes.
func ParseMasterKey(text string) ([]byte, error) {
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if key, err := encoding.DecodeString(text); err == nil {
			return key, checkMaster(key)
		}
	}
	return nil, errors.New("master key is not base64; make one with: openssl rand -base64 32")
}

func checkMaster(key []byte) error {
	if len(key) < MinMasterKey {
		return fmt.Errorf("master key is %d bytes, and needs at least %d; make one with: openssl rand -base64 32", len(key), MinMasterKey)
	}
	return nil
}

// NewKeyring takes the master keys, each at least 32 bytes. The first seals
// and makes MACs; all of them open and check, so that a key can be replaced
// while what it sealed is still about.
func NewKeyring(masters ...[]byte) (*Keyring, error) {
	if len(masters) == 0 {
		return nil, errors.New("no master key given; make one with: openssl rand -base64 32")
	}
	k := &Keyring{}
	for i, secret := range masters {
		if err := checkMaster(secret); err != nil {
			return nil, fmt.Errorf("master key %d: %w", i+1, err)
		}
		m := master{secret: append([]byte(nil), secret...)}
		id, err := derive(secret, "key id", keyIDLength)
		if err != nil {
			return nil, fmt.Errorf("master key %d: %w", i+1, err)
		}
		copy(m.id[:], id)
		if k.find(m.id) >= 0 {
			return nil, fmt.Errorf("master key %d is given twice", i+1)
		}
		k.masters = append(k.masters, m)
	}
	k.derived.Store(&map[string][]purposeKeys{})
	return k, nil
}

// derive is HKDF-SHA256 (RFC 5869) with an info that names product, use and purpose.
func derive(secret []byte, info string, length int) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, "latchkey/1 "+info, length)
}

func (k *Keyring) find(id [keyIDLength]byte) int {
	for i := range k.masters {
		if k.masters[i].id == id {
			return i
		}
	}
	return -1
}

// keys returns the purpose's keys, one for each master key in order.
func (k *Keyring) keys(purpose string) []purposeKeys {
	if keys, ok := (*k.derived.Load())[purpose]; ok {
		return keys
	}
	return k.deriveFor(purpose)
}

func (k *Keyring) deriveFor(purpose string) []purposeKeys {
	k.grow.Lock()
	defer k.grow.Unlock()
	known := *k.derived.Load()
	if keys, ok := known[purpose]; ok {
		return keys
	}
	keys := make([]purposeKeys, len(k.masters))
	for i, m := range k.masters {
		keys[i] = newPurposeKeys(m.secret, purpose)
	}
	grown := maps.Clone(known)
	grown[purpose] = keys
	k.derived.Store(&grown)
	return keys
}

// newPurposeKeys cannot fail: both lengths are constants within HKDF's limit,
// and the AEAD takes exactly that many bytes.
func newPurposeKeys(secret []byte, purpose string) purposeKeys {
	sealKey, err := derive(secret, "seal "+purpose, chacha20poly1305.KeySize)
	must(err)
	macKey, err := derive(secret, "mac "+purpose, sha256.Size)
	must(err)
	aead, err := chacha20poly1305.NewX(sealKey)
	must(err)
	newState := func() any { return &macState{hash: hmac.New(sha256.New, macKey)} }
	return purposeKeys{aead: aead, macs: &sync.Pool{New: newState}}
}

// must stops the process on what only a broken build or a failed random
// generator can cause: to go on would mean keys or nonces that are not.
func must(err error) {
	if err != nil {
		panic("seal: " + err.Error())
	}
}

// MAC is HMAC-SHA256 over the parts under the first master key's key for the
// purpose. Each part is preceded by its length, so ("ab","c") and ("a","bc")
// differ.
func (k *Keyring) MAC(purpose string, parts ...[]byte) [32]byte {
	return k.keys(purpose)[0].mac(parts)
}

// CheckMAC reports, in constant time, whether any master key makes this MAC.
func (k *Keyring) CheckMAC(purpose string, mac []byte, parts ...[]byte) bool {
	for _, key := range k.keys(purpose) {
		if expected := key.mac(parts); hmac.Equal(expected[:], mac) {
			return true
		}
	}
	return false
}

func (p *purposeKeys) mac(parts [][]byte) [sha256.Size]byte {
	state := p.macs.Get().(*macState)
	defer p.macs.Put(state)
	state.hash.Reset()
	for _, part := range parts {
		binary.BigEndian.PutUint64(state.length[:], uint64(len(part)))
		state.hash.Write(state.length[:]) // a hash never returns an error
		state.hash.Write(part)
	}
	state.hash.Sum(state.sum[:0])
	return state.sum
}

// Seal encrypts and authenticates plain, and authenticates aad, under the
// first master key's key for the purpose, with a random nonce. It panics if
// rand fails, as there is no safe way on.
func (k *Keyring) Seal(purpose string, aad, plain []byte, rand io.Reader) []byte {
	sealed := make([]byte, headerSize+nonceSize, Overhead+len(plain))
	sealed[0] = version
	copy(sealed[1:], k.masters[0].id[:])
	nonce := sealed[headerSize:]
	_, err := io.ReadFull(rand, nonce)
	must(err)
	return k.keys(purpose)[0].aead.Seal(sealed, nonce, plain, aad)
}

// Open undoes Seal. The error is ErrSealed whatever was wrong. The header needs
// no authentication of its own: another version is refused, and another key id
// leads to a key that does not open.
func (k *Keyring) Open(purpose string, aad, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, ErrSealed
	}
	which := k.find([keyIDLength]byte(sealed[1:headerSize]))
	if which < 0 {
		return nil, ErrSealed
	}
	nonce, ciphertext := sealed[headerSize:headerSize+nonceSize], sealed[headerSize+nonceSize:]
	plain, err := k.keys(purpose)[which].aead.Open(nil, nonce, ciphertext, aad)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// secretBytes is the randomness in a new secret: 256 bits, so that one keyed
// hash of it is enough to store and no lookup can be guessed.
const secretBytes = 32

// NewSecret returns prefix followed by 43 base64url characters that hold 256
// random bits. The prefix lets people and secret scanners recognise it. It
// panics if rand fails.
func NewSecret(rand io.Reader, prefix string) string {
	random := make([]byte, secretBytes)
	_, err := io.ReadFull(rand, random)
	must(err)
	return prefix + base64.RawURLEncoding.EncodeToString(random)
}
