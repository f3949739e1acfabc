package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store/dbsql"
)

// Config says where the database is and lends the store its clock and its randomness.
type Config struct {
	// URL is "sqlite:PATH" or "postgres://…".
	URL string
	// Clock gives the time of every transaction.
	Clock func() time.Time
	// Rand is where identifiers come from.
	Rand io.Reader
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	engine  engine
	read    *dbsql.Queries
	clock   func() time.Time
	rand    io.Reader
	changes changes

	underway atomic.Int64
}

// engine is what differs between SQLite and PostgreSQL.
type engine interface {
	reader() dbsql.DBTX
	// inTx commits fn's work durably before it returns nil. fn may run more than once.
	inTx(ctx context.Context, fn func(dbsql.DBTX) error) error
	// decide is inTx for an fn that asks for the outcome of its last statement at most.
	decide(ctx context.Context, fn func(dbsql.DBTX) error) error
	// notify tells other processes that a topic changed, where the database can; listen hears them.
	notify(ctx context.Context, topic string)
	listen(ctx context.Context, heard func() error) error
	// look tells whether what was opened is still what the next process would open.
	look() error
	// unavailable tells trouble with the database from a refusal.
	unavailable(err error) bool
	close() error
}

// Open connects to the database. It does not migrate: see Migrate and CheckSchema.
func Open(ctx context.Context, config Config) (*Store, error) {
	engine, err := openEngine(ctx, config.URL)
	if err != nil {
		return nil, err
	}
	return &Store{engine: engine, read: dbsql.New(engine.reader()), clock: config.Clock, rand: config.Rand}, nil
}

func openEngine(ctx context.Context, url string) (engine, error) {
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		return openSQLite(rest)
	case "postgres", "postgresql":
		return openPostgres(ctx, url)
	default:
		return nil, errors.New(`store: the database must be "sqlite:PATH" or "postgres://USER@HOST/NAME"`)
	}
}

// Close waits for transactions under way and releases the database.
func (s *Store) Close() error { return s.engine.close() }

// Now is the store's clock.
func (s *Store) Now() micros.Time { return micros.Of(s.clock()) }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.read.ListChanges(ctx)
	return s.fail(err)
}

// Tx is a transaction: everything in it happens at Now, or not at all.
type Tx struct {
	q   *dbsql.Queries
	ctx context.Context
	now micros.Time
	s   *Store

	changed []string // topics
	made    int      // identifiers
}

// Now is the time of the whole transaction.
func (tx *Tx) Now() micros.Time { return tx.now }

// Underway is how many transactions run, or wait for their turn.
func (s *Store) Underway() int64 { return s.underway.Load() }

// InTx runs fn in a transaction and returns nil only when its work is durable. fn must not do anything slow, and must be
// ready to run again.
func (s *Store) InTx(ctx context.Context, fn func(*Tx) error) error {
	return s.carry(ctx, s.engine.inTx, fn)
}

// Decide is InTx for a decision about one row and what follows from it, which PostgreSQL commits in one round trip, with those of others: its
// first statement names the row first, and only the last statement's outcome may be asked for. What fn returns after that undoes nothing.
func (s *Store) Decide(ctx context.Context, fn func(*Tx) error) error {
	return s.carry(ctx, s.engine.decide, fn)
}

func (s *Store) carry(ctx context.Context, how func(context.Context, func(dbsql.DBTX) error) error, fn func(*Tx) error) error {
	s.underway.Add(1)
	defer s.underway.Add(-1)
	var tx *Tx
	err := how(ctx, func(db dbsql.DBTX) error {
		tx = &Tx{q: dbsql.New(db), ctx: ctx, now: s.Now(), s: s}
		return fn(tx)
	})
	if err != nil {
		return s.fail(err)
	}
	s.announce(ctx, tx.changed)
	return nil
}

// fail marks trouble with the database, so that no caller can mistake it for a refusal.
func (s *Store) fail(err error) error {
	if err == nil { // hence before what errors.As moves to the heap
		return nil
	}
	var already *UnavailableError
	if errors.As(err, &already) || !s.engine.unavailable(err) {
		return err
	}
	return &UnavailableError{cause: err}
}

// one wraps a read of one row.
func one[T any](s *Store, row T, err error) (T, error) {
	row, err = found(row, err)
	return row, s.fail(err)
}

// NewID is an identifier as Store.NewID makes it, of the transaction's own time, so that rows are ordered by their identifiers as by when they
// were made; of those that one transaction makes, the first few come in their turn.
func (tx *Tx) NewID() string {
	id := tx.s.newID(tx.now, min(tx.made, lastTurn))
	tx.made++
	return id
}

// NewID is a time-ordered identifier (UUIDv7, RFC 9562 §5.7) for rows that never leave the house by themselves.
func (s *Store) NewID() string { return s.newID(s.Now(), 0) }

// Where UUIDv7 has its first random bits, ours have the microsecond (RFC 9562 §6.2, method 3) and the last two of them a turn within it.
const (
	turnBits = 2
	lastTurn = 1<<turnBits - 1
)

func (s *Store) newID(at micros.Time, turn int) string {
	var id [16]byte
	random(s.rand, id[8:])
	ms, us := uint64(at)/1000, uint64(at)%1000
	binary.BigEndian.PutUint64(id[:8], ms<<16|7<<12|us<<turnBits|uint64(turn))
	id[8] = id[8]&0x3f | 0x80
	return FormatID(id)
}

// idGroups are how many of a UUID's bytes stand between its hyphens (RFC 9562 §4).
var idGroups = [...]int{4, 2, 2, 2, 6}

// idLength is how long a UUID is as text.
const idLength = 36

// FormatID writes 16 bytes as a UUID.
func FormatID(id [16]byte) string {
	text := formatID(id)
	return string(text[:])
}

func formatID(id [16]byte) (text [idLength]byte) {
	rest, at := id[:], 0
	for _, size := range idGroups {
		if at > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], rest[:size])
		rest = rest[size:]
	}
	return text
}

// ParseID reads a UUID back into its 16 bytes, in the one spelling that FormatID writes.
func ParseID(text string) (id [16]byte, err error) {
	if len(text) == idLength {
		rest, at := id[:], 0
		for _, size := range idGroups { // what is no digit leaves zeros, which are not what was read
			_, _ = hex.Decode(rest, []byte(text[at:at+2*size]))
			rest, at = rest[size:], at+2*size+1
		}
		if same := formatID(id); string(same[:]) == text {
			return id, nil
		}
	}
	return [16]byte{}, fmt.Errorf("store: %q is not an identifier", text)
}

// NewPublicID is a random identifier (128 bits) behind a prefix, for what people and apps see: it tells no time and no count.
func (s *Store) NewPublicID(prefix string) string {
	var id [16]byte
	random(s.rand, id[:])
	return prefix + base64.RawURLEncoding.EncodeToString(id[:])
}

// NewPublicID is Store.NewPublicID, where only the transaction is at hand.
func (tx *Tx) NewPublicID(prefix string) string { return tx.s.NewPublicID(prefix) }

// random fills b. The system's randomness cannot fail on the platforms that Go supports; a test's reader must be long enough.
func random(source io.Reader, b []byte) {
	if _, err := io.ReadFull(source, b); err != nil {
		panic(fmt.Sprintf("store: no randomness: %v", err))
	}
}

// Hash keys a random secret (a code, a session, a link): 256 random bits need no slow hash and no salt.
func Hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// requestOf names the request that an event belongs to.
func requestOf(ctx context.Context) (id, address string) {
	record := reqlog.From(ctx)
	return record.RequestID, record.Address
}
