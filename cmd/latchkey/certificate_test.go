package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey.dev/internal/config"
	"latchkey.dev/internal/issuer"
)

// writeCertificate makes a pair whose serial number tells one from the next.
func writeCertificate(t *testing.T, files config.TLS, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{files.CertFile: {Type: "CERTIFICATE", Bytes: der}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func serialAt(t *testing.T, address string) int64 {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) // the test looks at the certificate itself
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestCertificateIsReadAgain: a renewed certificate is served after SIGHUP; one that does not fit its key changes nothing.
func TestCertificateIsReadAgain(t *testing.T) {
	files := config.TLS{CertFile: filepath.Join(t.TempDir(), "cert.pem"), KeyFile: filepath.Join(t.TempDir(), "key.pem")}
	writeCertificate(t, files, 1)
	certificate, err := loadCertificate(&config.Config{TLS: files}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := certificate.listener(plain)
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = conn.(*tls.Conn).Handshake(); conn.Close() }()
		}
	}()
	certificate.reloadOnHangup(t.Context())
	if got := serialAt(t, plain.Addr().String()); got != 1 {
		t.Fatalf("serial %d", got)
	}
	writeCertificate(t, files, 2)
	waitForSerial(t, plain.Addr().String(), 2)
	if err := os.WriteFile(files.KeyFile, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := certificate.load(); err == nil {
		t.Error("a broken key was read")
	}
	waitForSerial(t, plain.Addr().String(), 2)
}

func waitForSerial(t *testing.T, address string, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if serialAt(t, address) == want {
			return
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the certificate %d is not served", want)
}

// TestCertificateThatClientsRefuse: it is served all the same, and every reading of the files tells what is wrong with it. It is for
// localhost and ends in an hour.
func TestCertificateThatClientsRefuse(t *testing.T) {
	files := config.TLS{CertFile: filepath.Join(t.TempDir(), "cert.pem"), KeyFile: filepath.Join(t.TempDir(), "key.pem")}
	writeCertificate(t, files, 1)
	here := &issuer.Issuer{Hosts: []string{"localhost:8443"}}
	elsewhere := &issuer.Issuer{
		Hosts: []string{"localhost", "login.acme.example", "[::1]:8443"}, DialectHosts: map[string]string{"api": "api.acme.example"},
	}
	const day = 24 * time.Hour
	for what, test := range map[string]struct {
		issuers []*issuer.Issuer
		later   time.Duration
		want    []string
	}{
		"nothing":     {[]*issuer.Issuer{here}, -15 * day, nil},
		"ends soon":   {[]*issuer.Issuer{here}, -13 * day, []string{"ends soon", "ends="}},
		"ended":       {[]*issuer.Issuer{here}, 2 * time.Hour, []string{"has ended", "ended="}},
		"other hosts": {[]*issuer.Issuer{here, elsewhere}, -15 * day, []string{"is not for all hosts", `missing="login.acme.example, ::1, api.acme.example"`}},
	} {
		t.Run(what, func(t *testing.T) {
			var said bytes.Buffer
			clock := func() time.Time { return time.Now().Add(test.later) }
			certificate, err := loadCertificate(&config.Config{TLS: files, Issuers: test.issuers}, clock, slog.New(slog.NewTextHandler(&said, nil)))
			if err != nil {
				t.Fatal(err)
			}
			wantWarning(t, &said, test.want)
			certificate.reload()
			wantWarning(t, &said, test.want)
		})
	}
}

// wantWarning takes what was logged, and wants one warning with some words in it, or none.
func wantWarning(t *testing.T, said *bytes.Buffer, words []string) {
	t.Helper()
	text := said.String()
	said.Reset()
	if got := strings.Count(text, "level=WARN"); got != min(1, len(words)) {
		t.Errorf("%d warnings: %s", got, text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("no %q in %s", word, text)
		}
	}
}
