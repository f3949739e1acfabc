package jwk

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// The typ values of our tokens. One can never pass for another (RFC 8725 §3.11).
const (
	TypJWT         = "JWT"    // ID Token
	TypAccessToken = "at+jwt" // RFC 9068 §2.1
)

// ErrNoKey says that the set has no current key of an algorithm.
var ErrNoKey = errors.New("no current signing key for this algorithm")

// ErrToken is Verify's only error: the token is not one that this set signed
// with that typ.
var ErrToken = errors.New("not a token that these keys signed")

// Set is an issuer's keys. It is immutable and safe for concurrent use.
type Set struct {
	keys []signingKey
	jwks []byte
}

// signingKey is a key with everything that signing needs prepared.
type signingKey struct {
	Key
	public  crypto.PublicKey
	headers map[string]string // encoded JOSE header by typ
	turns   chan struct{}     // how many sign at once; nil is any number
}

// NewSet checks that every key fits its algorithm, that no kid comes twice and
// that an algorithm has at most one current key, and prepares the JWKS.
func NewSet(keys []Key) (*Set, error) {
	s := &Set{}
	for _, k := range keys {
		if err := s.add(k); err != nil {
			return nil, fmt.Errorf("signing key %s: %w", k.KID, err)
		}
	}
	slices.SortStableFunc(s.keys, func(a, b signingKey) int { return a.order() - b.order() })
	jwks, err := s.marshal()
	s.jwks = jwks
	return s, err
}

func (s *Set) add(k Key) error {
	if k.Private == nil {
		return errors.New("the private key is missing")
	}
	public := k.Private.Public()
	switch alg, err := algOf(public); {
	case err != nil:
		return err
	case alg != k.Alg:
		return fmt.Errorf("the algorithm is %s, but the key is for %s", k.Alg, alg)
	case k.KID == "" || strings.ContainsFunc(k.KID, notBase64URL):
		return errors.New("the kid is not base64url")
	}
	for _, other := range s.keys {
		if other.KID == k.KID {
			return errors.New("the kid is given twice")
		}
		if other.Alg == k.Alg && other.State == StateCurrent && k.State == StateCurrent {
			return fmt.Errorf("%s already has a current key", k.Alg)
		}
	}
	prepared := signingKey{Key: k, public: public, headers: map[string]string{}}
	if k.Alg == RS256 {
		prepared.turns = make(chan struct{}, runtime.GOMAXPROCS(0))
	}
	for _, typ := range []string{TypJWT, TypAccessToken} {
		prepared.headers[typ] = newHeader(k.Alg, k.KID, typ)
	}
	s.keys = append(s.keys, prepared)
	return nil
}

func notBase64URL(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// order puts current keys first: some clients take the first key that fits.
func (k signingKey) order() int {
	return slices.Index([]State{StateCurrent, StateNext, StatePrevious, StateRetired}, k.State)
}

// newHeader is the encoded JOSE header (RFC 7515 §4.1). The order of the
// members is part of the token format: Verify compares the header as text.
// None of the three needs escaping: alg and typ are constants, kid is base64url.
func newHeader(alg Alg, kid, typ string) string {
	return encode([]byte(`{"alg":"` + string(alg) + `","kid":"` + kid + `","typ":"` + typ + `"}`))
}

func (k *signingKey) header(typ string) string {
	if prepared, ok := k.headers[typ]; ok {
		return prepared
	}
	return newHeader(k.Alg, k.KID, typ)
}

// marshal is the JWKS document (RFC 7517 §5), public halves only.
func (s *Set) marshal() ([]byte, error) {
	document := struct {
		Keys []publicKey `json:"keys"`
	}{Keys: []publicKey{}}
	for _, k := range s.keys {
		if k.State == StateRetired {
			continue
		}
		public, err := newPublicKey(k.public)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", k.KID, err)
		}
		public.Use, public.Alg, public.KID = "sig", k.Alg, k.KID
		document.Keys = append(document.Keys, public)
	}
	return json.Marshal(document)
}

// JWKS is the JSON document of every published key's public half. It is made
// once; do not change it.
func (s *Set) JWKS() []byte { return s.jwks }

// Current returns the key that signs with alg.
func (s *Set) Current(alg Alg) (Key, bool) {
	if k := s.current(alg); k != nil {
		return k.Key, true
	}
	return Key{}, false
}

func (s *Set) current(alg Alg) *signingKey {
	for i := range s.keys {
		if s.keys[i].Alg == alg && s.keys[i].State == StateCurrent {
			return &s.keys[i]
		}
	}
	return nil
}

// withHeader returns the key whose encoded header for typ this is, nil when none has it.
func (s *Set) withHeader(header, typ string) *signingKey {
	for i := range s.keys {
		if s.keys[i].header(typ) == header {
			return &s.keys[i]
		}
	}
	return nil
}
