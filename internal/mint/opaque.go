package mint

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// accessPurpose separates the key that seals access tokens from every other.
const accessPurpose = "access_token"

// opaqueVersion is the first byte of the sealed claims, so that their layout can change while older tokens live.
const opaqueVersion = 1

// sealed makes an opaque token: prefix, then base64url of the sealed claims. The claims are written in binary because JSON
// would cost twice the time and half as many bytes again on the wire.
func (m *Mint) sealed(access Access) string {
	draft := drafts.Get().(*[]byte)
	defer drafts.Put(draft)
	plain := appendAccess((*draft)[:0], access)
	sealed := m.Keyring.Seal(accessPurpose, m.owner, plain, m.Rand)
	*draft = base64.RawURLEncoding.AppendEncode(append(plain[:0], m.Issuer.AccessToken.AccessPrefix...), sealed)
	return string(*draft)
}

// drafts hold a token while it is made, first what is sealed and then what is sent.
var drafts = sync.Pool{New: func() any { return new([]byte) }}

func (m *Mint) opened(token string) (Access, error) {
	sealed, ok := decode(token, m.Issuer.AccessToken.AccessPrefix)
	if !ok {
		return Access{}, ErrUnreadable
	}
	plain, err := m.Keyring.Open(accessPurpose, m.owner, sealed)
	if err != nil {
		return Access{}, ErrUnreadable
	}
	return parseAccess(plain)
}

// decode takes exactly one spelling of the bytes: encoding/base64 would skip line ends.
func decode(token, prefix string) ([]byte, bool) {
	encoded, ok := strings.CutPrefix(token, prefix)
	if !ok || strings.ContainsAny(encoded, "\r\n") {
		return nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return decoded, err == nil
}

// appendAccess writes the claims one after another; parseAccess reads them in the same order.
func appendAccess(b []byte, access Access) []byte {
	b = append(b, opaqueVersion)
	for _, text := range []string{access.JTI, access.Subject, access.ClientID, access.AccountID, access.GrantID, access.FamilyID, access.ACR} {
		b = appendText(b, text)
	}
	for _, at := range []micros.Time{access.IssuedAt, access.ExpiresAt, access.AuthTime} {
		b = binary.AppendVarint(b, int64(at))
	}
	for _, list := range [][]string{access.Scopes, access.Audience, access.AMR} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, text := range list {
			b = appendText(b, text)
		}
	}
	return b
}

// appendText writes the length and the text. An identifier (UUID) is written as its 16 bytes, with a length of 0 and a 1
// behind it, which makes a token a fifth shorter.
func appendText(b []byte, text string) []byte {
	if len(text) == uuidLength {
		if id, err := store.ParseID(text); err == nil {
			return append(append(b, 0, 1), id[:]...)
		}
	}
	if text == "" {
		return append(b, 0, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

const uuidLength = 36

// accessReader reads what appendAccess wrote, in pieces of the one text. After anything wrong it is broken and returns zero values.
type accessReader struct {
	plain  []byte
	text   string // the same
	at     int
	broken bool
}

func parseAccess(plain []byte) (Access, error) {
	if len(plain) == 0 || plain[0] != opaqueVersion {
		return Access{}, ErrUnreadable
	}
	r := &accessReader{plain: plain, text: string(plain), at: 1}
	access := Access{
		JTI: r.word(), Subject: r.word(), ClientID: r.word(), AccountID: r.word(), GrantID: r.word(), FamilyID: r.word(), ACR: r.word(),
		IssuedAt: r.time(), ExpiresAt: r.time(), AuthTime: r.time(),
		Scopes: oauth.ScopeSet(r.list()), Audience: r.list(), AMR: r.list(),
	}
	if r.broken || r.at < len(plain) {
		return Access{}, ErrUnreadable
	}
	return access, nil
}

func (r *accessReader) take(n uint64) string {
	if r.broken || n > uint64(len(r.text)-r.at) {
		r.broken = true
		return ""
	}
	r.at += int(n)
	return r.text[r.at-int(n) : r.at]
}

func (r *accessReader) number() uint64 {
	n, size := binary.Uvarint(r.plain[r.at:])
	if size <= 0 {
		r.broken = true
		return 0
	}
	r.take(uint64(size))
	return n
}

func (r *accessReader) time() micros.Time {
	n, size := binary.Varint(r.plain[r.at:])
	if size <= 0 {
		r.broken = true
		return 0
	}
	r.take(uint64(size))
	return micros.Time(n)
}

func (r *accessReader) word() string {
	if n := r.number(); n > 0 || r.broken {
		return r.take(n)
	}
	if kind := r.take(1); kind == "" || kind[0] == 0 {
		return ""
	}
	var id [16]byte
	copy(id[:], r.take(uint64(len(id))))
	return store.FormatID(id)
}

func (r *accessReader) list() []string {
	n := r.number()
	if r.broken || n == 0 || n > uint64(len(r.text)-r.at) {
		r.broken = r.broken || n > 0
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.word()
	}
	return list
}
