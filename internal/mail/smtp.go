package mail

import (
	"context"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// How a connection to the mail server is protected.
const (
	StartTLS    = "starttls" // required, not merely offered (RFC 8314 §3)
	ImplicitTLS = "tls"
	NoTLS       = "none" // to this machine only
)

// SMTPConfig is the server that takes mail for delivery.
type SMTPConfig struct {
	Host               string
	Port               int
	Security           string // StartTLS, ImplicitTLS or NoTLS; empty means StartTLS
	Username, Password string // empty when the server asks for none
	// From is the sender, perhaps with a name: "Acme <no-reply@acme.example>".
	From  string
	Clock func() time.Time
}

// SMTP is a Transport that hands mails to a server. Each goes over a connection of its own: mails are few.
type SMTP struct {
	config SMTPConfig
	from   *netmail.Address
	client *gomail.Client
}

// NewSMTP checks the settings; it does not connect.
func NewSMTP(config SMTPConfig) (*SMTP, error) {
	from, err := netmail.ParseAddress(config.From)
	if err != nil {
		return nil, fmt.Errorf("mail: sender %q: %w", config.From, err)
	}
	protection, err := protection(config)
	if err != nil {
		return nil, err
	}
	options := append([]gomail.Option{gomail.WithPort(config.Port), gomail.WithTimeout(sendLimit)}, protection...)
	if config.Username != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(config.Username), gomail.WithPassword(config.Password))
	}
	client, err := gomail.NewClient(config.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return &SMTP{config: config, from: from, client: client}, nil
}

// protection refuses to speak in clear with anything but this machine: mails carry codes and links that sign people in.
func protection(config SMTPConfig) ([]gomail.Option, error) {
	switch config.Security {
	case "", StartTLS:
		return []gomail.Option{gomail.WithTLSPolicy(gomail.TLSMandatory)}, nil
	case ImplicitTLS:
		return []gomail.Option{gomail.WithSSL()}, nil
	case NoTLS:
		if OnThisMachine(config.Host) {
			return []gomail.Option{gomail.WithTLSPolicy(gomail.NoTLS)}, nil
		}
		return nil, fmt.Errorf("mail: security %q is for a server on this machine; use %q with %s", NoTLS, StartTLS, config.Host)
	default:
		return nil, fmt.Errorf("mail: security %q is not known; use %q, %q or %q", config.Security, StartTLS, ImplicitTLS, NoTLS)
	}
}

// OnThisMachine tells whether mails to a server stay here, so that they may go in clear.
func OnThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send is Transport.
func (s *SMTP) Send(ctx context.Context, mail Mail) error {
	message := gomail.NewMsg()
	if err := message.From(s.from.String()); err != nil {
		return fmt.Errorf("mail: sender: %w", err)
	}
	if err := message.To(mail.To); err != nil {
		return fmt.Errorf("mail: recipient: %w", err)
	}
	_, domain, _ := strings.Cut(s.from.Address, "@")
	message.SetMessageIDWithValue(mail.ID + "@" + domain)
	message.SetDateWithValue(s.config.Clock())
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no holiday notes in return
	message.Subject(mail.Subject)
	message.SetBodyString(gomail.TypeTextPlain, mail.Text)
	message.AddAlternativeString(gomail.TypeTextHTML, mail.HTML)
	if err := s.client.DialAndSendWithContext(ctx, message); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}
