// Package dev is the whole product on one command, for trying it and for building against it: an embedded database, sample
// platforms with people, accounts and apps, stand-ins for the APIs they protect, a sample app, and mail shown on a page.
// Nothing in it is real, and it refuses to be reached from another machine.
package dev

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/server"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// Config says where dev mode listens and where it keeps its data.
type Config struct {
	// Addr is a loopback address with a port; port 0 takes a free one.
	Addr string
	// Data is the folder of the database, its master key and dev.json. Empty means a temporary one that goes with the server.
	Data string
	// Database is where the data goes instead: the URL of an empty PostgreSQL, or of one that dev mode has used before with the
	// same Data.
	Database string
	// Ready is told what to open, once everything runs.
	Ready func(Places) error
	Log   *slog.Logger
	// Metrics counts requests; nil counts nothing.
	Metrics server.Metrics
	Clock   func() time.Time
	Rand    io.Reader
}

// Places are what to open first, and who to sign in as.
type Places struct {
	Front         string `json:"url"`
	App           string `json:"app_url"`
	ConnectedApps string `json:"connected_apps_url"`
	Mail          string `json:"mail_url"`
	Email         string `json:"email"`
	Password      string `json:"password"`
	// Manifest is the file that has everything for scripts.
	Manifest string `json:"manifest"`
}

// AddressError refuses an address that dev mode does not listen on.
type AddressError struct{ message string }

func (e *AddressError) Error() string { return e.message }

// dev is a running dev mode while it is put together.
type dev struct {
	Config
	sites     sites
	temporary bool
	store     *store.Store
	keyring   *seal.Keyring
	mails     *mailbox
	client    *http.Client
}

// sites names every host of dev mode; browsers and curl resolve *.localhost by themselves.
type sites struct{ port string }

func (s sites) url(name string) string {
	if name == "" {
		return "http://localhost:" + s.port
	}
	return "http://" + name + ".localhost:" + s.port
}

// Run serves until ctx ends. It returns an error that a person can act on.
func Run(ctx context.Context, config Config) error {
	listener, err := listen(ctx, config.Addr)
	if err != nil {
		return err
	}
	d := &dev{Config: config, mails: &mailbox{clock: config.Clock}}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	d.sites = sites{port: port}
	d.client = loopbackClient(listener.Addr().String())
	if err := d.openData(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer d.closeData()
	srv, err := d.build(ctx)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return errors.Join(d.Ready(d.places()), srv.Serve(ctx, listener))
}

// listen refuses every address that another machine could reach: the sample passwords are printed on the front page.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &AddressError{fmt.Sprintf("--addr %q is not HOST:PORT; try 127.0.0.1:8080", addr)}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, &AddressError{fmt.Sprintf("dev mode listens on this machine only, and %q can be reached from others; use 127.0.0.1, or `latchkey serve` for production", host)}
	}
	listener, err := server.Listen(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another port with --addr 127.0.0.1:PORT", addr, err)
	}
	return listener, nil
}

// loopbackClient reaches every *.localhost name at our own address: not every resolver knows them (RFC 6761 §6.3).
func loopbackClient(addr string) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 16,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, addr)
		},
	}
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func (d *dev) openData(ctx context.Context) (err error) {
	if d.Data == "" {
		d.temporary = true
		if d.Data, err = os.MkdirTemp("", "latchkey-dev-"); err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
	}
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if d.keyring, err = loadKeyring(filepath.Join(d.Data, "master.key"), d.Rand); err != nil {
		return err
	}
	database := cmp.Or(d.Database, "sqlite:"+filepath.Join(d.Data, "latchkey.db"))
	if _, err := store.Migrate(ctx, database); err != nil {
		return err
	}
	d.store, err = store.Open(ctx, store.Config{URL: database, Clock: d.Clock, Rand: d.Rand})
	return err
}

// shownDatabase is where the data is. Of a URL, the parameters may hold a password as well.
func (d *dev) shownDatabase() string {
	at, err := url.Parse(d.Database)
	if err != nil || d.Database == "" {
		return d.Data
	}
	if at.RawQuery = ""; at.User != nil {
		at.User = url.User(at.User.Username())
	}
	return at.String()
}

func (d *dev) closeData() {
	if err := d.store.Close(); err != nil {
		d.Log.Error("close the database", "error", err)
	}
	if d.temporary {
		_ = os.RemoveAll(d.Data) // what stays in the temporary folder the system clears
	}
}

// loadKeyring makes the folder's master key the first time.
func loadKeyring(path string, random io.Reader) (*seal.Keyring, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		master := make([]byte, 32)
		if _, err := io.ReadFull(random, master); err != nil {
			return nil, fmt.Errorf("make a master key: %w", err)
		}
		text = []byte(base64.StdEncoding.EncodeToString(master) + "\n")
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	master, err := seal.ParseMasterKey(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("master key in %s: %w", path, err)
	}
	return seal.NewKeyring(master)
}

func (d *dev) places() Places {
	return Places{
		Front: d.sites.url("") + "/", App: d.sites.url("app") + "/", ConnectedApps: d.sites.url("acme") + "/connected", Mail: d.sites.url("") + "/dev/mail",
		Email: "noura@acme.example", Password: Password, Manifest: filepath.Join(d.Data, "dev.json"),
	}
}

// brands are how the pages of each platform look.
func brands(platforms []*platform) []web.Brand {
	var all []web.Brand
	for _, p := range platforms {
		all = append(all, web.BrandOf(p.issuer))
	}
	return all
}
