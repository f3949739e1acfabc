package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey.dev/tests/person"
	"latchkey.dev/tests/running"
)

var rounds = flag.Int("rounds", 300, "how many rounds of the same thing sent to all nodes at once")

const (
	issuer   = "https://login.acme.example"
	redirect = "https://parcelrobot.example/callback"
	email    = "noura@acme.example"
	password = "a long passphrase"
)

// binary is built once for all tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(running.Tests(m, &binary))
}

// installation is a configuration with a database, and the nodes that run on it.
type installation struct {
	t        *testing.T
	folder   string
	database string
	more     string // of the configuration
	nodes    []*node
	app, api client
}

// client is an app as `client create` prints it.
type client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// node is one `latchkey serve`. TLS would end at a proxy; here requests reach it in plain text, with the Host header of the issuer.
type node struct {
	*running.Process

	number         int
	address, admin string
	transport      *http.Transport
}

// install migrates a database and makes a person and two apps in it.
func install(t *testing.T, database string) *installation {
	t.Helper()
	in := &installation{t: t, folder: t.TempDir(), database: database}
	in.write("master.key", in.latchkey("", "key", "generate-master"))
	in.configure("latchkey.yaml", "127.0.0.1:0", "127.0.0.1:0")
	in.latchkey("", "migrate")
	in.latchkey(password+"\n", "user", "create", "--email", email, "--name", "Noura", "--account", "Noura's Shop")
	in.app = in.client("--name", "Parcel Robot", "--redirect-uri", redirect, "--scope", "openid offline_access orders:read", "--reviewed")
	in.api = in.client("--name", "Orders API", "--grant-type", "client_credentials", "--introspects")
	return in
}

func (in *installation) client(options ...string) (c client) {
	in.t.Helper()
	out := in.latchkey("", append([]string{"client", "create", "--json"}, options...)...)
	if err := json.Unmarshal([]byte(out), &c); err != nil || c.Secret == "" {
		in.t.Fatalf("client create: %v: %s", err, out)
	}
	return c
}

func (in *installation) write(name, text string) {
	in.t.Helper()
	if err := os.WriteFile(filepath.Join(in.folder, name), []byte(text), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

func (in *installation) configure(name, listen, admin string) {
	in.t.Helper()
	in.write(name, fmt.Sprintf(`
listen: %s
admin: { listen: "%s" }
database: %q
master_key_file: master.key
mail: { host: 127.0.0.1, port: 2525, security: none, from: no-reply@acme.example }
log: { level: warn }
issuers:
  - name: acme
    url: %s
    title: Acme
    scopes: [{ name: "orders:read", title: { en: See your orders } }, { name: reports, title: { en: Read reports }, machine: true }]
%s`, listen, admin, in.database, issuer, in.more))
}

// latchkey runs a command to its end.
func (in *installation) latchkey(input string, args ...string) string {
	in.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Stdin = in.folder, strings.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		in.t.Fatalf("latchkey %v: %v\n%s", args, err, &stderr)
	}
	return string(out)
}

// start adds nodes; they are stopped when the test ends.
func (in *installation) start(count int) {
	in.t.Helper()
	for range count {
		n := &node{number: len(in.nodes), address: in.free(), admin: in.free()}
		in.configure(n.configuration(), n.address, n.admin)
		in.launch(n)
		in.nodes = append(in.nodes, n)
	}
}

// restart stops nodes as an operator does, and starts each again with what the files say now.
func (in *installation) restart(nodes ...*node) {
	in.t.Helper()
	for _, n := range nodes {
		if code, err := n.Terminate(10 * time.Second); err != nil || code != 0 {
			in.t.Fatal(code, err)
		}
		in.launch(n)
	}
}

func (in *installation) launch(n *node) {
	in.t.Helper()
	started, err := running.Start(binary, in.log(n.number), "serve", "--config", filepath.Join(in.folder, n.configuration()))
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { _ = started.Kill() })
	n.Process, n.transport = started, direct(n.address)
	if err := n.Until(20*time.Second, n.ready); err != nil {
		in.t.Fatalf("node %d: %v: see artefacts/nodes", n.number, err)
	}
}

func (in *installation) free() string {
	in.t.Helper()
	address, err := running.FreeAddress()
	if err != nil {
		in.t.Fatal(err)
	}
	return address
}

func (in *installation) log(number int) io.Writer {
	in.t.Helper()
	folder, err := running.Artefacts("nodes")
	if err != nil {
		in.t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(folder, fmt.Sprintf("%s-%d.log", in.t.Name(), number)))
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { _ = file.Close() })
	return file
}

func (n *node) configuration() string { return fmt.Sprintf("node-%d.yaml", n.number) }

func (n *node) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.admin+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// direct reaches a node in plain text, whatever the URL says, as the proxy that ends TLS does.
func direct(address string) *http.Transport {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
	}
	return &http.Transport{DialContext: dial, DialTLSContext: dial, MaxIdleConnsPerHost: 64, DisableCompression: true}
}

// answer is what the endpoints for machines say.
type answer struct {
	status       int
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error"`
	Reason       string `json:"reason"`
	Active       bool   `json:"active"`
}

func (a answer) String() string { return fmt.Sprintf("%d %s %s", a.status, a.Error, a.Reason) }

// ask posts a form to a node as a client.
func (n *node) ask(c client, path string, form url.Values) (answer, error) {
	request, err := http.NewRequest(http.MethodPost, issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	return n.send(request)
}

func (n *node) send(request *http.Request) (answer, error) {
	response, err := n.transport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	said := answer{status: response.StatusCode}
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &said)
	}
	return said, err
}

func (n *node) redeem(c client, code, verifier string) (answer, error) {
	return n.ask(c, "/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
}

func (n *node) refresh(c client, token string) (answer, error) {
	return n.ask(c, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (n *node) introspect(api client, token string) (answer, error) {
	return n.ask(api, "/oauth/introspect", url.Values{"token": {token}})
}

func (n *node) userinfo(token string) (answer, error) {
	request, err := http.NewRequest(http.MethodGet, issuer+"/oauth/userinfo", http.NoBody)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return n.send(request)
}

// visit is the person at a browser that reaches this node.
func (n *node) visit() *person.Person { return person.New(n.transport, email, password) }
