package running

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Dev is `latchkey dev` that runs beside a test, with its data in a folder that outlives it.
type Dev struct {
	*Process
	Site
	Data string // the folder

	binary string
	log    io.Writer
}

// Site is where `latchkey dev` answers, and its sample platforms.
type Site struct {
	Address string // host:port, at which every *.localhost name answers
	// Nodes are all addresses, where several serve the same; requests are sprayed over those that take them.
	Nodes     []string
	Acme      Platform // the one without a dialect
	Platforms map[string]Platform
}

// Platform is one issuer as DATA/dev.json describes it.
type Platform struct {
	Issuer  string            `json:"issuer"`
	Hosts   map[string]string `json:"hosts"`
	Users   []User            `json:"users"`
	Clients []Client          `json:"clients"`

	ServiceAccounts []ServiceAccount `json:"service_accounts"`
}

// ServiceAccount is a sample service account's key.
type ServiceAccount struct {
	KeyID       string `json:"key_id"`
	PrivateKey  string `json:"private_key"`
	Channel     string `json:"channel_identifier"`
	ProjectCode string `json:"project_code"`
	Type        string `json:"type"`
}

// User is a sample person.
type User struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Client is a sample app; a public one has no secret.
type Client struct {
	ID           string   `json:"client_id"`
	Secret       string   `json:"client_secret"`
	AccountID    string   `json:"account_id"` // whose app it is
	RedirectURIs []string `json:"redirect_uris"`
	AuthMethod   string   `json:"token_endpoint_auth_method"`
	Scope        string   `json:"scope"`
}

// Client returns a sample app by its client_id.
func (p *Platform) Client(id string) Client {
	i := slices.IndexFunc(p.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}
	}
	return p.Clients[i]
}

// StartDev starts the binary's dev mode at a free address, with its data in the folder.
func StartDev(binary, data string, log io.Writer) (*Dev, error) {
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	d := &Dev{Site: Site{Address: address}, Data: data, binary: binary, log: log}
	err = d.Restart()
	return d, err
}

// Restart starts it at the same address on the same data, after it has ended.
func (d *Dev) Restart() (err error) {
	if d.Process, err = Start(d.binary, d.log, "dev", "--addr", d.Address, "--data", d.Data); err != nil {
		return err
	}
	if err := d.Until(20*time.Second, d.answers); err != nil {
		return errors.Join(err, d.Kill())
	}
	return d.readManifest()
}

// answers asks the front page, which answers once everything is there.
func (d *Dev) answers(ctx context.Context) bool {
	transport := d.Transport("")
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL("localhost", "/"), http.NoBody)
	if err != nil {
		return false
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (d *Dev) readManifest() error {
	text, err := os.ReadFile(filepath.Join(d.Data, "dev.json"))
	if err != nil {
		return err
	}
	var manifest struct {
		Issuers map[string]Platform `json:"issuers"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return fmt.Errorf("dev.json: %w", err)
	}
	d.Acme, d.Platforms = manifest.Issuers["acme"], manifest.Issuers
	return nil
}

// URL is an address on one of dev mode's hosts, such as "acme.localhost".
func (s Site) URL(host, path string) string {
	_, port, _ := net.SplitHostPort(s.Address) // FreeAddress made it
	return "http://" + host + ":" + port + path
}

// Transport reaches every *.localhost name, whatever the system's resolver knows, from the given loopback address ("" lets the system
// choose). Limits that count by address see one person an address.
func (s Site) Transport(from string) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			if len(s.Nodes) > 0 {
				return s.dialAny(ctx, dialer)
			}
			return dialer.DialContext(ctx, network, s.Address)
		},
		MaxIdleConnsPerHost: 64,
		DisableCompression:  true,
		DisableKeepAlives:   len(s.Nodes) > 0,
	}
}

// dialAny reaches a node that takes connections, as a load balancer does.
func (s Site) dialAny(ctx context.Context, dialer *net.Dialer) (conn net.Conn, err error) {
	for _, i := range rand.Perm(len(s.Nodes)) {
		if conn, err = dialer.DialContext(ctx, "tcp", s.Nodes[i]); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// ErrNoMail is met without a fault of the product when a node ends: dev mode's mailbox is the memory of the node that sent.
var ErrNoMail = errors.New("no mail with a code came")

// CodeFor reads the six digits of the newest mail to an address out of the page that dev mode shows instead of sending.
func (s Site) CodeFor(transport http.RoundTripper, email string) (string, error) {
	for range 100 {
		text, err := s.mails(transport)
		if err != nil {
			return "", err
		}
		if code := codeIn(text, email); code != "" {
			return code, nil
		}
		time.Sleep(20 * time.Millisecond) // the mail is sent after the answer
	}
	return "", fmt.Errorf("%w for %s", ErrNoMail, email)
}

func (s Site) mails(transport http.RoundTripper) (string, error) {
	request, err := http.NewRequest(http.MethodGet, s.URL("localhost", "/dev/mail"), http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func codeIn(page, email string) string {
	_, after, found := strings.Cut(page, "To "+email+",")
	if !found {
		return ""
	}
	row, _, _ := strings.Cut(after, "</li>")
	_, code, _ := strings.Cut(row, `<code class="copy">`)
	code, _, _ = strings.Cut(code, "<")
	return code
}

// Kill ends the process as a power cut would, and waits until it is gone.
func (p *Process) Kill() error {
	err := p.command.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Terminate asks the process to end and returns its exit code; one that stays longer than the limit is killed.
func (p *Process) Terminate(limit time.Duration) (code int, err error) {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case <-p.ended:
		return p.command.ProcessState.ExitCode(), nil
	case <-time.After(limit):
		return 0, errors.Join(fmt.Errorf("latchkey did not stop within %s of SIGTERM", limit), p.Kill())
	}
}

// ID is the process's number, under which the system keeps its figures.
func (p *Process) ID() int { return p.command.Process.Pid }
