package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/storetest"
	"latchkey.dev/internal/web"
)

type rig struct {
	t      *testing.T
	now    time.Time
	store  *store.Store
	outbox *Outbox
	sender *Sender
	sent   []Mail
	fail   error
	after  func() // runs once a mail was sent, where it is set
	log    bytes.Buffer
}

func (r *rig) Send(_ context.Context, mail Mail) error {
	if r.after != nil {
		defer r.after()
	}
	if r.fail == nil {
		r.sent = append(r.sent, mail)
	}
	return r.fail
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	clock := func() time.Time { return r.now }
	opened, err := store.Open(t.Context(), store.Config{URL: storetest.SQLite(t), Clock: clock, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	keyring, err := seal.NewKeyring(make([]byte, seal.MinMasterKey))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := web.New(web.Config{Rand: rand.Reader, Clock: clock, Brands: []web.Brand{{Issuer: "acme", Title: "Acme"}}})
	if err != nil {
		t.Fatal(err)
	}
	r.store = opened
	r.outbox = New(Config{Issuer: "acme", Keyring: keyring, Pages: pages, Rand: rand.Reader})
	r.sender = NewSender(SenderConfig{Store: opened, Keyring: keyring, Transport: r, Log: slog.New(slog.NewJSONHandler(&r.log, nil))})
	return r
}

func (r *rig) queue(code string, refuse error) {
	r.t.Helper()
	letter, err := r.outbox.Write(Message{To: "ann@example.org", Lang: "fr", Mail: web.VerifyMail{Issuer: "acme", Code: code, Minutes: 30}})
	if err != nil {
		r.t.Fatal(err)
	}
	if bytes.Contains(letter.sealed, []byte(code)) {
		r.t.Error("the code can be read in the outbox")
	}
	err = r.store.InTx(r.t.Context(), func(tx *store.Tx) error {
		return errors.Join(r.outbox.Queue(tx, letter), refuse)
	})
	if !errors.Is(err, refuse) {
		r.t.Fatal(err)
	}
}

func (r *rig) sendDue() {
	r.t.Helper()
	if err := r.sender.SendDue(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func TestAMailGoesOutOnceAndOnlyIfItsTransactionCommits(t *testing.T) {
	r := newRig(t)
	r.queue("111111", errors.New("changed my mind"))
	r.queue("222222", nil)
	r.sendDue()
	r.now = r.now.Add(time.Hour)
	r.sendDue()
	if len(r.sent) != 1 {
		t.Fatalf("sent %d mails", len(r.sent))
	}
	mail := r.sent[0]
	if mail.To != "ann@example.org" || mail.Issuer != "acme" || mail.ID == "" || !strings.Contains(mail.Text, "222222") || !strings.Contains(mail.HTML, "222222") || !strings.Contains(mail.Subject, "Acme") {
		t.Errorf("mail = %+v", mail)
	}
}

func TestAMailThatFailsIsTriedAgainEverMoreSeldomForADay(t *testing.T) {
	r := newRig(t)
	r.fail = errors.New("550 <ann@example.org> is over quota")
	r.queue("333333", nil)
	tries := func() int { return strings.Count(r.log.String(), "mail not delivered") }
	for range 64 {
		r.sendDue()
		r.now = r.now.Add(claimFor)
	}
	if tries() != 7 { // at claims 1, 2, 4, 8, 16, 32, 64
		t.Errorf("tried %d times in 64 claims", tries())
	}
	if log := r.log.String(); strings.Contains(log, "ann@example.org") || strings.Contains(log, "333333") {
		t.Errorf("the log says too much: %s", log)
	}
	r.now = r.now.Add(giveUp)
	r.sendDue() // claim 65
	if !strings.Contains(r.log.String(), `"given_up":true`) {
		t.Error("not given up after a day")
	}
	r.fail = nil
	r.sendDue()
	if len(r.sent) != 0 {
		t.Error("sent after it was given up")
	}
	r.queue("444444", nil)
	r.sendDue()
	if r.sender.Sent() != 1 || r.sender.Failed() != 8 {
		t.Errorf("counted %d sent and %d failed, want 1 and 8", r.sender.Sent(), r.sender.Failed())
	}
}

func TestTwoSendersDoNotSendTheSameMail(t *testing.T) {
	r := newRig(t)
	r.queue("444444", nil)
	r.fail = errors.New("slow")
	r.sendDue()
	r.fail = nil
	r.sendDue() // another node, while the first one's claim holds
	if len(r.sent) != 0 {
		t.Error("a claimed mail was sent by another")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	r.queue("555555", nil)
	r.sender.Every = time.Hour // a next round would not come
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.after = cancel
	r.sender.Run(ctx)
	if len(r.sent) != 1 {
		t.Errorf("sent %d", len(r.sent))
	}
}
