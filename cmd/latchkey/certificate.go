package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"latchkey.dev/internal/config"
	"latchkey.dev/internal/issuer"
)

// certificate is the public listener's, replaced without a restart when it is renewed.
type certificate struct {
	files   config.TLS
	hosts   []string // that it should be for
	clock   func() time.Time
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]
}

func loadCertificate(loaded *config.Config, clock func() time.Time, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: loaded.TLS, hosts: servedHosts(loaded.Issuers), clock: clock, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	if err != nil {
		return err //nolint:wrapcheck // it names the file and what is wrong with it
	}
	c.current.Store(&pair)
	c.warn(pair.Leaf)
	return nil
}

// endsSoon is when a certificate that renews itself was renewed long ago.
const endsSoon = 14 * 24 * time.Hour

// warn tells what clients would refuse. The certificate is served all the same: a proxy in front may not look at it.
func (c *certificate) warn(leaf *x509.Certificate) {
	ends := leaf.NotAfter.UTC().Format(time.RFC3339)
	switch left := leaf.NotAfter.Sub(c.clock()); {
	case left < 0:
		c.log.Warn("the certificate has ended", "file", c.files.CertFile, "ended", ends)
	case left < endsSoon:
		c.log.Warn("the certificate ends soon", "file", c.files.CertFile, "ends", ends)
	}
	var missing []string
	for _, host := range c.hosts {
		if leaf.VerifyHostname(host) != nil {
			missing = append(missing, host)
		}
	}
	if len(missing) > 0 {
		c.log.Warn("the certificate is not for all hosts of the issuers", "file", c.files.CertFile, "missing", strings.Join(missing, ", "))
	}
}

// servedHosts are the names, without a port, that clients look for in the certificate.
func servedHosts(issuers []*issuer.Issuer) (names []string) {
	for _, is := range issuers {
		for _, host := range append(slices.Clone(is.Hosts), slices.Sorted(maps.Values(is.DialectHosts))...) {
			if name := (&url.URL{Host: host}).Hostname(); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// listener speaks TLS 1.2 and newer with Go's own choice of ciphers (RFC 9325 §3.1). Its socket stays in reach for stopping.
func (c *certificate) listener(plain net.Listener) net.Listener {
	encrypted := tls.NewListener(plain, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	})
	socket, ok := plain.(syscall.Conn)
	if !ok {
		return encrypted
	}
	return struct {
		net.Listener
		syscall.Conn
	}{encrypted, socket}
}

// reloadOnHangup reads the files again on SIGHUP, until ctx ends. Files that do not fit together leave the certificate before in
// place.
func (c *certificate) reloadOnHangup(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer signal.Ignore(syscall.SIGHUP) // requests under way are still being answered: Stop would let the next one end the process
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				c.reload()
			}
		}
	}()
}

func (c *certificate) reload() {
	if err := c.load(); err != nil {
		c.log.Error("the certificate was not read again; the one before stays", "error", err)
		return
	}
	c.log.Info("the certificate was read again")
}
