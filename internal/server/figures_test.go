package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"testing"
	"time"

	"latchkey.dev/internal/lastuse"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/storetest"
)

// noted keeps the figures by name.
type noted struct {
	silence

	read map[string]func() float64
}

func (n noted) Counter(name, _ string, read func() float64) { n.read[name] = read }

func (n noted) Gauge(name, _ string, read func() float64) { n.read[name] = read }

// TestFiguresTellWhatIsUnderWay holds one of each, and reads the figures meanwhile.
func TestFiguresTellWhatIsUnderWay(t *testing.T) {
	opened, err := store.Open(t.Context(), store.Config{URL: storetest.SQLite(t), Clock: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	keyring, err := seal.NewKeyring(make([]byte, seal.MinMasterKey))
	if err != nil {
		t.Fatal(err)
	}
	log, passwords := slog.New(slog.DiscardHandler), password.New(password.Config{Rand: rand.Reader})
	figures := noted{read: map[string]func() float64{}}
	s := &Server{
		config: Config{Store: opened}, gate: make(gate, 2), lastUse: lastuse.New(opened, log), log: log, metrics: figures,
		sender: mail.NewSender(mail.SenderConfig{Store: opened, Keyring: keyring, Log: log}),
	}
	s.export(passwords)
	want := func(wanted map[string]float64) {
		t.Helper()
		for name, read := range figures.read {
			if got := read(); got != wanted[name] {
				t.Errorf("%s is %v, want %v", name, got, wanted[name])
			}
		}
	}
	want(nil)
	s.gate.enter()
	err = opened.InTx(t.Context(), func(tx *store.Tx) error {
		want(map[string]float64{"requests_in_progress": 1, "transactions_in_progress": 1})
		return tx.QueueMail("acme", []byte("nothing that could be opened"))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.gate.leave()
	if err := s.sender.SendDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(map[string]float64{"mails_failed_total": 1})
	s.failOnce(t.Context())
	want(map[string]float64{"mails_failed_total": 1, "background_failures_total": 1})
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	s.lastUse.Touch("grant")
	s.lastUse.Run(ended) // writes once more
	want(map[string]float64{"mails_failed_total": 1, "background_failures_total": 2})
	ctx, stop := context.WithCancel(t.Context())
	go s.sender.Run(ctx)
	for figures.read["background_failures_total"]() == 2 {
		time.Sleep(time.Millisecond) // the test's own limit ends this
	}
	stop()
	if most := mostWhile(figures.read["password_hashes_in_progress"], func() { _, _ = passwords.Hash(t.Context(), "yellow window nine") }); most != 1 {
		t.Errorf("%v passwords were hashed at once, want 1", most)
	}
}

// failOnce is background work of two rounds.
func (s *Server) failOnce(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	outcome := errors.New("the disk is full")
	s.every(ctx, time.Millisecond, "fail", func() error {
		if outcome == nil {
			stop()
		}
		failed := outcome
		outcome = nil
		return failed
	})
}

// mostWhile is the largest that a figure was while something was done.
func mostWhile(figure func() float64, do func()) (most float64) {
	done := make(chan struct{})
	go func() {
		do()
		close(done)
	}()
	for {
		select {
		case <-done:
			return most
		default:
			most = max(most, figure())
		}
	}
}
