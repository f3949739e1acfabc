package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"latchkey.dev/internal/config"
)

// certificate is the public listener's, replaced without a restart when it is renewed.
type certificate struct {
	files   config.TLS
	current atomic.Pointer[tls.Certificate]
}

func loadCertificate(files config.TLS) (*certificate, error) {
	c := &certificate{files: files}
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
	return nil
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
func (c *certificate) reloadOnHangup(ctx context.Context, log *slog.Logger) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer signal.Ignore(syscall.SIGHUP) // requests under way are still being answered: Stop would let the next one end the process
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				c.reload(log)
			}
		}
	}()
}

func (c *certificate) reload(log *slog.Logger) {
	if err := c.load(); err != nil {
		log.Error("the certificate was not read again; the one before stays", "error", err)
		return
	}
	log.Info("the certificate was read again")
}
