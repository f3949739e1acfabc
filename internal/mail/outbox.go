package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// Mail is a mail as it goes out.
type Mail struct {
	// ID stays the same when the mail is sent again, so that the reader's server can tell.
	ID                      string `json:"-"`
	Issuer                  string `json:"issuer"` // the issuer's name
	To, Subject, Text, HTML string
}

// Transport hands a mail over for delivery. An error means that it should be tried again.
type Transport interface {
	Send(ctx context.Context, mail Mail) error
}

// purpose keeps sealed mails apart from everything else that is sealed.
const purpose = "mail"

// Config is what an Outbox needs.
type Config struct {
	// Issuer is the issuer's name.
	Issuer  string
	Keyring *seal.Keyring
	Pages   *web.Renderer
	Rand    io.Reader
}

// Outbox writes and queues the mails of one issuer. It is safe for concurrent use.
type Outbox struct{ config Config }

// New returns an issuer's outbox.
func New(config Config) *Outbox { return &Outbox{config} }

// Message is a mail before it is put into words.
type Message struct {
	To   string
	Lang string // the reader's language; English if it is not spoken
	Mail web.Mail
}

// Letter is a mail ready to be queued: written and sealed.
type Letter struct{ sealed []byte }

// Write puts a message into words. It takes its time, so it comes before the transaction.
func (o *Outbox) Write(message Message) (Letter, error) {
	subject, text, html, err := o.config.Pages.Mail(message.Lang, message.Mail)
	if err != nil {
		return Letter{}, fmt.Errorf("mail: %w", err)
	}
	plain, err := json.Marshal(Mail{Issuer: o.config.Issuer, To: message.To, Subject: subject, Text: text, HTML: html})
	if err != nil {
		return Letter{}, fmt.Errorf("mail: %w", err)
	}
	return Letter{o.config.Keyring.Seal(purpose, []byte(o.config.Issuer), plain, o.config.Rand)}, nil
}

// Queue puts letters into the outbox: they go out if and only if the transaction commits.
func (o *Outbox) Queue(tx *store.Tx, letters ...Letter) error {
	for _, letter := range letters {
		if err := tx.QueueMail(o.config.Issuer, letter.sealed); err != nil {
			return err
		}
	}
	return nil
}

// open undoes Write.
func open(keyring *seal.Keyring, row store.Mail) (mail Mail, err error) {
	plain, err := keyring.Open(purpose, []byte(row.Issuer), row.Sealed)
	if err != nil {
		return Mail{}, fmt.Errorf("mail: %w", err)
	}
	if err := json.Unmarshal(plain, &mail); err != nil {
		return Mail{}, fmt.Errorf("mail: %w", err)
	}
	mail.ID = row.ID
	return mail, nil
}
