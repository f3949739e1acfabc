package mail

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mailServer speaks just enough SMTP (RFC 5321) to take one mail; it offers no TLS.
func mailServer(t *testing.T) (port int, received <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	taken := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		taken <- converse(conn)
	}()
	_, text, _ := net.SplitHostPort(listener.Addr().String())
	port, _ = strconv.Atoi(text)
	return port, taken
}

func converse(conn net.Conn) string {
	reader := textproto.NewReader(bufio.NewReader(conn))
	fmt.Fprint(conn, "220 test\r\n")
	message := ""
	for {
		line, err := reader.ReadLine()
		if err != nil {
			return message
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			fmt.Fprint(conn, "250-test\r\n250 8BITMIME\r\n")
		case "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			lines, _ := reader.ReadDotLines()
			message = strings.Join(lines, "\n")
			fmt.Fprint(conn, "250 taken\r\n")
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return message
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func TestRFC5322_AMailIsTextAndHTMLFromTheSender(t *testing.T) {
	port, received := mailServer(t)
	smtp, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: port, Security: NoTLS, From: "Acme <no-reply@acme.example>", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	mail := Mail{ID: "0190-id", To: "ann@example.org", Subject: "Mã của bạn", Text: "code 123456", HTML: "<p>123456</p>"}
	if err := smtp.Send(t.Context(), mail); err != nil {
		t.Fatal(err)
	}
	message := <-received
	for _, want := range []string{
		`From: "Acme" <no-reply@acme.example>`, "To: <ann@example.org>", "Message-ID: <0190-id@acme.example>", "Auto-Submitted: auto-generated",
		"Date: Fri, 02 Jan 2026 03:04:05 +0000", "Subject: =?UTF-8?q?", "text/plain", "text/html", "code 123456",
	} {
		if !strings.Contains(message, want) {
			t.Errorf("no %q in\n%s", want, message)
		}
	}
}

func TestRFC8314_3_NoMailInClear(t *testing.T) {
	port, _ := mailServer(t)
	smtp, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: port, From: "no-reply@acme.example", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := smtp.Send(t.Context(), Mail{ID: "1", To: "ann@example.org"}); err == nil {
		t.Error("a server without STARTTLS got the mail")
	}
	for _, config := range []SMTPConfig{
		{Host: "smtp.acme.example", Port: 25, Security: NoTLS, From: "no-reply@acme.example"},
		{Host: "smtp.acme.example", Port: 25, Security: "ssl", From: "no-reply@acme.example"},
		{Host: "smtp.acme.example", Port: 25, From: "Acme"},
	} {
		if _, err := NewSMTP(config); err == nil {
			t.Errorf("NewSMTP(%+v) is fine", config)
		}
	}
}

func TestNoHeaderIsInjectedByARecipientOrSubject(t *testing.T) {
	smtp, err := NewSMTP(SMTPConfig{Host: "127.0.0.1", Port: 1, Security: NoTLS, From: "no-reply@acme.example", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := smtp.Send(t.Context(), Mail{To: "ann@example.org\r\nBcc: eve@example.org"}); err == nil || !strings.Contains(err.Error(), "recipient") {
		t.Errorf("err = %v", err)
	}
}
