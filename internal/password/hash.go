package password

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"latchkey.dev/internal/oauth"
)

// cost is what a hash took to make; it is written into the hash, so that it can rise without a migration.
type cost struct {
	memory uint32 // KiB
	time   uint32
	lanes  uint8
}

// work is how much memory is written to make a hash, in KiB.
func (c cost) work() uint64 { return uint64(c.memory) * uint64(c.time) }

// standardCost is OWASP's second choice for argon2id: 19 MiB keep a cap of hashes within a small machine's memory.
func standardCost() cost { return cost{memory: 19 << 10, time: 2, lanes: 1} }

const (
	saltBytes = 16 // RFC 9106 §3.1
	keyBytes  = 32
)

// Config bounds what hashing may take.
type Config struct {
	Rand io.Reader
	// Concurrent is how many hashes run at once; each takes 19 MiB and a core for some 30 ms. 0 means 2.
	Concurrent int
	// Wait is how long a hash waits for its turn before the caller hears temporarily_unavailable. 0 means 5 s.
	Wait time.Duration
}

// Hasher makes and checks hashes. It is safe for concurrent use.
type Hasher struct {
	rand  io.Reader
	slots chan struct{}
	line  chan struct{} // who waits or works: a longer line is turned away at once
	wait  time.Duration
	cost  cost
	dummy string
}

// waitersPerSlot is how long the line may get: what it holds can be served within the usual wait.
const waitersPerSlot = 64

// New returns a Hasher.
func New(config Config) *Hasher {
	if config.Concurrent <= 0 {
		config.Concurrent = 2
	}
	if config.Wait <= 0 {
		config.Wait = 5 * time.Second
	}
	h := &Hasher{
		rand: config.Rand, slots: make(chan struct{}, config.Concurrent),
		line: make(chan struct{}, config.Concurrent*waitersPerSlot), wait: config.Wait, cost: standardCost(),
	}
	h.dummy = encode(h.cost, make([]byte, saltBytes), make([]byte, keyBytes)) // fits no password anybody can know
	return h
}

// Hash returns the hash of a password in PHC form. The error is temporarily_unavailable when too many hashes wait already.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(h.rand, salt); err != nil {
		return "", fmt.Errorf("password: no randomness: %w", err)
	}
	key, err := h.derive(ctx, h.cost, salt, password)
	if err != nil {
		return "", err
	}
	return encode(h.cost, salt, key), nil
}

// Verify tells whether the password made the hash. An empty hash, which nobody's password made, takes as long as any other, so
// that time does not tell whether a user exists. The error is as Hash's.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (bool, error) {
	unknown := hash == ""
	if unknown {
		hash = h.dummy
	}
	if isBcrypt(hash) {
		return h.verifyBcrypt(ctx, hash, password)
	}
	c, salt, want, err := decode(hash)
	if err != nil {
		return false, err
	}
	got, err := h.derive(ctx, c, salt, password)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && !unknown, nil
}

func (h *Hasher) derive(ctx context.Context, c cost, salt []byte, password string) (key []byte, err error) {
	err = h.inTurn(ctx, func() { key = argon2.IDKey(normalize(password), salt, c.time, c.memory, c.lanes, keyBytes) })
	return key, err
}

// Weak tells whether Hash would now make a better hash of the password that proved this one, which another system made, or ours when less was
// usual. A hash that takes at least as much memory and as much work is as good.
func (h *Hasher) Weak(hash, proof string) bool {
	if isBcrypt(hash) {
		return max(len(proof), len(normalize(proof))) <= bcryptReads // of a longer one only the beginning was proven
	}
	c, _, _, err := decode(hash)
	return err != nil || c.memory < h.cost.memory || c.work() < h.cost.work()
}

// Underway is how many passwords are being hashed, or wait for it.
func (h *Hasher) Underway() int { return len(h.line) }

// inTurn takes a slot for as long as it works.
func (h *Hasher) inTurn(ctx context.Context, work func()) error {
	select {
	case h.line <- struct{}{}:
		defer func() { <-h.line }()
	default:
		return busy()
	}
	patience := time.NewTimer(h.wait)
	defer patience.Stop()
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-patience.C:
		return busy()
	case <-ctx.Done():
		return ctx.Err()
	}
	work()
	return nil
}

func busy() error {
	return oauth.TemporarilyUnavailable("many people sign in at this moment; try again in a few seconds").WithRetryAfter(5 * time.Second)
}

// normalize makes the same characters typed on another keyboard the same bytes (RFC 8265 §4.2.1).
func normalize(password string) []byte { return norm.NFC.Bytes([]byte(password)) }

// encode writes the PHC string format.
func encode(c cost, salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.time, c.lanes, b64(salt), b64(key))
}

var errHash = errors.New("password: a stored hash is not argon2id in PHC form")

// Bounds of a stored hash's cost: a row that somebody tampered with must not stop the machine.
const (
	mostMemory = 256 << 10 // KiB
	mostTime   = 16
)

func decode(hash string) (c cost, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return cost{}, nil, nil, errHash
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.lanes); err != nil || n != 3 {
		return cost{}, nil, nil, errHash
	}
	if c.memory == 0 || c.memory > mostMemory || c.time == 0 || c.time > mostTime || c.lanes == 0 {
		return cost{}, nil, nil, errHash
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(key) != keyBytes || len(salt) == 0 {
		return cost{}, nil, nil, errHash
	}
	return c, salt, key, nil
}
