package session

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
)

// Config is what sessions of one issuer are made from.
type Config struct {
	Issuer  *issuer.Issuer
	Store   *store.Store
	Keyring *seal.Keyring
	Rand    io.Reader
}

// Manager starts, finds and ends the sessions of one issuer. It is safe for concurrent use.
type Manager struct {
	issuer  *issuer.Issuer
	store   *store.Store
	keyring *seal.Keyring
	rand    io.Reader
	secure  bool
}

// New returns the sessions of an issuer.
func New(config Config) *Manager {
	return &Manager{
		issuer: config.Issuer, store: config.Store, keyring: config.Keyring, rand: config.Rand,
		secure: strings.HasPrefix(config.Issuer.URL, "https:"),
	}
}

// Session is a living sign-in and who it is.
type Session struct {
	store.Session

	User store.User
}

// AMR lists how the person signed in (RFC 8176).
func (s *Session) AMR() []string { return strings.Fields(s.Amr) }

// Current returns the request's session; nil and no error when nobody is signed in. An error is trouble with the database.
func (m *Manager) Current(r *http.Request) (*Session, error) {
	if once, ok := r.Context().Value(onceKey{m}).(*lookup); ok {
		return once.get(r)
	}
	return m.find(r)
}

func (m *Manager) find(r *http.Request) (*Session, error) {
	secret := m.secret(r)
	if secret == "" {
		return nil, nil //nolint:nilnil // nobody is signed in, which is no error
	}
	row, user, err := m.store.Session(r.Context(), m.issuer.Name, store.Hash(secret))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // as above: an ended session is nobody
	}
	if err != nil {
		return nil, err
	}
	reqlog.From(r.Context()).User = user.ID
	return &Session{Session: row, User: user}, m.touch(r.Context(), row)
}

// touch keeps last_seen_at about right, at most one write in store.SessionIdle.
func (m *Manager) touch(ctx context.Context, row store.Session) error {
	if !store.Stale(row, m.store.Now()) {
		return nil
	}
	return m.store.InTx(ctx, func(tx *store.Tx) error { return tx.TouchSession(row.Hash) })
}

// Middleware makes everything that handles a request share one look at the database.
func (m *Manager) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), onceKey{m}, &lookup{manager: m})))
	})
}

type onceKey struct{ *Manager }

type lookup struct {
	manager *Manager
	once    sync.Once
	session *Session
	err     error
}

func (l *lookup) get(r *http.Request) (*Session, error) {
	l.once.Do(func() { l.session, l.err = l.manager.find(r) })
	return l.session, l.err
}

// Start records a sign-in of the user and returns its ID and what sets its cookies, once the transaction is durable. The session is a new
// one every time, and the browser's old one ends, so that a cookie planted before sign-in is worth nothing afterwards.
func (m *Manager) Start(tx *store.Tx, r *http.Request, userID string, amr ...string) (id string, setCookies func(http.ResponseWriter), err error) {
	if old := m.secret(r); old != "" {
		if err := tx.EndSession(store.Hash(old)); err != nil {
			return "", nil, err
		}
	}
	secret := seal.NewSecret(m.rand, "lk_ss_")
	id = tx.NewID()
	err = tx.CreateSession(store.Session{
		Hash: store.Hash(secret), ID: id, Issuer: m.issuer.Name, UserID: userID, Amr: strings.Join(amr, " "),
		UserAgent: bounded(r.UserAgent()), Address: reqlog.From(r.Context()).Address, ExpiresAt: tx.Now().Add(m.issuer.Lifetimes.Session),
	})
	if err != nil {
		return "", nil, err
	}
	return id, func(w http.ResponseWriter) {
		http.SetCookie(w, m.Cookie(sessionCookie, secret, m.issuer.Lifetimes.Session))
		m.RememberDevice(w, r, userID)
	}, nil
}

// End signs the browser out: its row goes and its cookie too. One that was not signed in is not an error.
func (m *Manager) End(w http.ResponseWriter, r *http.Request) error {
	current, err := m.Current(r)
	if err != nil {
		return err
	}
	if current != nil {
		if err := m.end(r.Context(), current); err != nil {
			return err
		}
	}
	http.SetCookie(w, m.Cookie(sessionCookie, "", -time.Second))
	return nil
}

func (m *Manager) end(ctx context.Context, current *Session) error {
	return m.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.EndSession(current.Hash); err != nil {
			return err
		}
		return tx.Record(store.Event{Issuer: m.issuer.Name, Type: store.EventUserSignedOut, UserID: current.UserID, Detail: map[string]string{"session": current.ID}})
	})
}

// bounded keeps a browser's name for itself to what the security page can show.
func bounded(userAgent string) string {
	const enough = 300
	if len(userAgent) > enough {
		return userAgent[:enough]
	}
	return userAgent
}
