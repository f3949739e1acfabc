package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/lastuse"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// Config is all that a server depends on.
type Config struct {
	// Issuers are the authorization servers of this process; their hosts do not overlap.
	Issuers []*issuer.Issuer
	// Dialects are what issuers speak besides the standards, by the issuer's name.
	Dialects map[string]*dialect.Dialect
	Store    *store.Store
	Keyring  *seal.Keyring
	// Pages renders for people. It knows the brand of every issuer.
	Pages *web.Renderer
	// Mail hands mail over for delivery.
	Mail mail.Transport
	// Log takes one line a request and the background's trouble.
	Log *slog.Logger
	// Metrics takes the figures of this process; nil takes none.
	Metrics Metrics
	// Tracer follows requests across services; nil follows none.
	Tracer Tracer
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// MaxRequests bounds how many requests are handled at once; 0 means DefaultMaxRequests.
	MaxRequests int
	// MaxHashes bounds how many passwords are hashed at once; 0 means password's own default.
	MaxHashes int
	// KeepEvents is how long the audit log is kept; 0 means for ever.
	KeepEvents time.Duration
	// Hosts are further handlers by Host header; dev mode's sample app and APIs. One at a dialect's address answers what the dialect
	// says nothing about.
	Hosts map[string]http.Handler
	Clock func() time.Time
	Rand  io.Reader
}

// DefaultMaxRequests is far above what a machine serves well, and far below what would exhaust its memory.
const DefaultMaxRequests = 1024

// Metrics counts finished requests, and reads the other figures whenever it is asked for them.
type Metrics interface {
	Request(record *reqlog.Record, status int, took time.Duration)
	Counter(name, help string, read func() float64)
	Gauge(name, help string, read func() float64)
}

// Tracer begins a request's span; end finishes it with what the request turned out to be. trusted: a trusted proxy sent the request on.
type Tracer interface {
	Start(r *http.Request, trusted bool) (traced *http.Request, end func(*reqlog.Record, int))
}

// Server is every issuer of one process behind one handler. It is safe for concurrent use.
type Server struct {
	config   Config
	hosts    map[string]http.Handler
	sites    []*site
	gate     gate
	proxies  proxies
	lastUse  *lastuse.Recorder
	keyMaker *serviceaccount.KeyMaker
	sender   *mail.Sender
	draining atomic.Bool
	// failedRounds counts the background's rounds that failed.
	failedRounds atomic.Int64

	proxyAdvice sync.Once

	requestIDs requestIDs
	log        *slog.Logger
	metrics    Metrics
	tracer     Tracer
	clock      func() time.Time
}

// New wires the issuers. It makes their first signing keys when there are none.
func New(ctx context.Context, config Config) (*Server, error) {
	s := &Server{
		config: config, hosts: map[string]http.Handler{}, gate: make(gate, orDefault(config.MaxRequests, DefaultMaxRequests)),
		proxies: config.TrustedProxies, lastUse: lastuse.New(config.Store, config.Log), log: config.Log, metrics: config.Metrics,
		tracer: config.Tracer, clock: config.Clock, requestIDs: requestIDs{source: bufio.NewReader(config.Rand)},
	}
	s.keyMaker = serviceaccount.NewKeyMaker(config.Rand)
	s.sender = mail.NewSender(mail.SenderConfig{Store: config.Store, Keyring: config.Keyring, Transport: config.Mail, Log: config.Log})
	passwords := password.New(password.Config{Rand: config.Rand, Concurrent: config.MaxHashes})
	if s.metrics == nil {
		s.metrics = silence{}
	}
	s.export(passwords)
	for _, is := range config.Issuers {
		site, err := newSite(s, is, passwords)
		if err != nil {
			return nil, fmt.Errorf("issuer %s: %w", is.Name, err)
		}
		s.sites = append(s.sites, site)
		if err := s.open(site); err != nil {
			return nil, fmt.Errorf("issuer %s: %w", is.Name, err)
		}
	}
	for host, handler := range config.Hosts {
		if _, spoken := s.hosts[strings.ToLower(host)].(speaker); spoken {
			continue // its dialect hands on to it
		}
		if err := s.claim(host, handler); err != nil {
			return nil, err
		}
	}
	if err := s.missIssuers(ctx); err != nil {
		return nil, err
	}
	if err := s.ensureKeys(ctx); err != nil {
		return nil, err
	}
	return s, config.Store.PollChanges(ctx) // what changes from here on drops what was cached
}

// missIssuers warns of an issuer in the database that the configuration does not name: one that was renamed begins anew, without its apps.
func (s *Server) missIssuers(ctx context.Context) error {
	stored, err := s.config.Store.Issuers(ctx)
	for _, name := range stored {
		if !slices.ContainsFunc(s.config.Issuers, func(is *issuer.Issuer) bool { return is.Name == name }) {
			s.log.Warn("the database holds an issuer that the configuration does not name, so its apps and people are not served; "+
				"an issuer's name must never change", "issuer", name)
		}
	}
	return err
}

// ensureKeys makes the signing keys that are missing, all issuers' at once: an RSA key takes a tenth of a second and more. It opens all of
// them, so that a server with another master key than its neighbours' does not start.
func (s *Server) ensureKeys(ctx context.Context) error {
	failures := make([]error, len(s.sites))
	var making sync.WaitGroup
	for i, site := range s.sites {
		making.Go(func() {
			err := site.keys.Ensure(ctx)
			if err == nil {
				_, err = site.keys.Set(ctx)
			}
			if err != nil {
				failures[i] = fmt.Errorf("signing keys of issuer %s: %w", site.issuer.Name, err)
			}
		})
	}
	making.Wait()
	return errors.Join(failures...)
}

// open puts an issuer's site on its hosts, and its dialect in front where it speaks one.
func (s *Server) open(site *site) error {
	handlers, own := map[string]http.Handler{}, site.handler()
	for _, host := range site.issuer.Hosts {
		handlers[strings.ToLower(host)] = own
	}
	if spoken := s.config.Dialects[site.issuer.Name]; spoken != nil {
		speakers, err := site.speakers(spoken, own, s.config.Hosts)
		if err != nil {
			return err
		}
		maps.Copy(handlers, speakers)
	}
	for host, handler := range handlers {
		if err := s.claim(host, handler); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) claim(host string, handler http.Handler) error {
	host = strings.ToLower(host)
	if _, taken := s.hosts[host]; taken {
		return fmt.Errorf("the host %s is claimed twice; give each issuer hosts of its own", host)
	}
	s.hosts[host] = handler
	return nil
}

// ErrStopping is Ready's answer once the server has been told to stop.
var ErrStopping = errors.New("stopping")

// Ready tells whether requests should be sent here.
func (s *Server) Ready(ctx context.Context) error {
	if s.draining.Load() {
		return ErrStopping
	}
	return s.config.Store.Ping(ctx)
}

// export names the figures that tell an operator how near to a bound the process is, and whether its background work gets anywhere.
func (s *Server) export(passwords *password.Hasher) {
	s.metrics.Gauge("requests_in_progress", "Requests that are handled now, of at most limits.requests.",
		func() float64 { return float64(len(s.gate)) })
	s.metrics.Gauge("password_hashes_in_progress", "Passwords that are hashed now or wait for it.",
		func() float64 { return float64(passwords.Underway()) })
	s.metrics.Gauge("transactions_in_progress", "Transactions that the database carries out now or that wait for it.",
		func() float64 { return float64(s.config.Store.Underway()) })
	s.metrics.Counter("mails_sent_total", "Mails handed over to the mail server.",
		func() float64 { return float64(s.sender.Sent()) })
	s.metrics.Counter("mails_failed_total", "Attempts at handing over a mail that failed; each mail is tried for a day.",
		func() float64 { return float64(s.sender.Failed()) })
	s.metrics.Counter("background_failures_total", "Rounds of background work that the database failed: changes, pruning, mails, last uses.",
		func() float64 { return float64(s.failedRounds.Load() + s.sender.Unread() + s.lastUse.Failed()) })
}

type silence struct{}

func (silence) Request(*reqlog.Record, int, time.Duration) {}

func (silence) Counter(string, string, func() float64) {}

func (silence) Gauge(string, string, func() float64) {}

func orDefault(value, otherwise int) int {
	if value > 0 {
		return value
	}
	return otherwise
}
