package mail

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
)

// How sending is paced. A claim must outlast its batch, or another node sends the same mail.
const (
	claimFor   = time.Minute
	batchLimit = 50 * time.Second
	sendLimit  = 20 * time.Second
	giveUp     = 24 * time.Hour
)

// SenderConfig is what a Sender needs.
type SenderConfig struct {
	Store     *store.Store
	Keyring   *seal.Keyring
	Transport Transport
	Log       *slog.Logger
	// Every is how often the outbox is looked at; 0 means every second.
	Every time.Duration
}

// Sender delivers the mails of every issuer of a database.
type Sender struct {
	SenderConfig

	sent, failed, unread atomic.Int64
}

// NewSender returns a Sender. Any number may run, on any number of nodes.
func NewSender(config SenderConfig) *Sender {
	if config.Every <= 0 {
		config.Every = time.Second
	}
	return &Sender{SenderConfig: config}
}

// Sent is how many mails were delivered since the start.
func (s *Sender) Sent() int64 { return s.sent.Load() }

// Failed is how many attempts at delivery failed since the start; a mail is tried for a day.
func (s *Sender) Failed() int64 { return s.failed.Load() }

// Unread is how often the outbox could not be read since the start.
func (s *Sender) Unread() int64 { return s.unread.Load() }

// Run sends what is due until the context ends. What it holds at that moment is sent by whoever comes next.
func (s *Sender) Run(ctx context.Context) {
	ticker := time.NewTicker(s.Every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := s.SendDue(ctx); err != nil && ctx.Err() == nil {
			s.unread.Add(1)
			s.Log.LogAttrs(ctx, slog.LevelWarn, "outbox cannot be read", slog.String("error", err.Error()))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// SendDue sends one batch. The error is trouble with the database; a mail that cannot be delivered is logged and tried again.
func (s *Sender) SendDue(ctx context.Context) error {
	var due []store.Mail
	err := s.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		due, err = tx.ClaimMail(claimFor)
		return err
	})
	if err != nil {
		return err
	}
	batch, cancel := context.WithTimeout(ctx, batchLimit)
	defer cancel()
	for _, row := range due {
		if batch.Err() != nil || !dueNow(row.Attempts) && !s.late(row) {
			continue
		}
		if err := s.send(batch, row); err != nil {
			return err
		}
	}
	return nil
}

// dueNow spaces attempts 1, 2, 4, 8 … claims apart: a server that is down for hours is not asked every minute.
func dueNow(attempts int64) bool { return attempts&(attempts-1) == 0 }

// late: it is tried this once more, and then given up, however far apart the attempts are by now.
func (s *Sender) late(row store.Mail) bool { return s.Store.Now().Sub(row.CreatedAt) > giveUp }

func (s *Sender) send(ctx context.Context, row store.Mail) error {
	mail, err := open(s.Keyring, row)
	if err == nil {
		err = s.deliver(ctx, mail)
	}
	if err == nil {
		s.sent.Add(1)
		return s.forget(ctx, row)
	}
	s.failed.Add(1)
	reason := err.Error()
	if mail.To != "" { // servers repeat the address, which has no place in a log
		reason = strings.ReplaceAll(reason, mail.To, "(recipient)")
	}
	late := s.late(row)
	s.Log.LogAttrs(ctx, slog.LevelWarn, "mail not delivered", slog.String("issuer", row.Issuer), slog.String("mail", row.ID),
		slog.Int64("attempts", row.Attempts), slog.Bool("given_up", late), slog.String("error", reason))
	if late {
		return s.forget(ctx, row)
	}
	return nil
}

func (s *Sender) deliver(ctx context.Context, mail Mail) error {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	return s.Transport.Send(ctx, mail)
}

// forget survives the end of the batch: a mail that was delivered must not be sent again because time ran out.
func (s *Sender) forget(ctx context.Context, row store.Mail) error {
	return s.Store.InTx(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.MailSent(row.ID) })
}
