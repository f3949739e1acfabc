package clients

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey.dev/tests/running"
)

// server is `latchkey serve` over https, shared by all clients.
var server struct {
	issuer        string
	authorityFile string // the certificate authority's certificate, in PEM
	client        *http.Client
	fixtures      []fixture
	mcp           string  // where TestMCP listens, which the issuer has to know beforehand
	api           fixture // the credentials of the API behind it
}

// fixture is all that a client library is given, as an integrator would be.
type fixture struct {
	Name         string `json:"name"`
	Issuer       string `json:"issuer"`
	Email        string `json:"email"`
	Password     string `json:"password"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	RedirectURI  string `json:"redirect_uri"`
	Scope        string `json:"scope"`
}

const (
	email    = "noura@example.com"
	password = "a long enough passphrase"
	redirect = "https://client.example/callback"
	scope    = "openid profile email offline_access orders:read"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "latchkey-clients-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(folder)
	process, err := start(folder)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer process.Stop()
	return m.Run()
}

// start does what an operator does: a key, a configuration, a database, a user, two clients, and serve.
func start(folder string) (*running.Process, error) {
	address, err := running.FreeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address) // FreeAddress made it
	server.issuer = "https://localhost:" + port
	if server.mcp, err = running.FreeAddress(); err != nil {
		return nil, err
	}
	if err := writeCertificates(folder); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "latchkey.yaml"), []byte(configuration(address)), 0o600); err != nil {
		return nil, err
	}
	binary, err := running.Binary(folder)
	if err != nil {
		return nil, err
	}
	o := operator{binary: binary, folder: folder}
	if err := o.prepare(); err != nil {
		return nil, err
	}
	return o.serve()
}

func configuration(address string) string {
	return fmt.Sprintf(`
listen: %s
admin: { listen: "127.0.0.1:0" }
tls: { cert_file: server.pem, key_file: server.key }
database: sqlite:latchkey.db
master_key_file: master.key
mail: { host: 127.0.0.1, port: 2525, security: none, from: no-reply@acme.example }
issuers:
  - name: acme
    url: %s
    title: Acme
    audience: https://api.acme.example
    resources: ["http://%s/mcp"]
    device: true
    registration: true
    scopes:
      - name: orders:read
        title: { en: See your orders }
        detail: { en: "With customers' names and addresses." }
      - name: orders:write
        title: { en: Change your orders }
      - name: reports:read
        machine: true
        title: { en: See market reports }
        detail: { en: None of them about a shop. }
`, address, server.issuer, server.mcp)
}

// operator runs commands in the folder of the configuration.
type operator struct{ binary, folder string }

func (o operator) prepare() error {
	key, err := o.run("", "key", "generate-master")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.folder, "master.key"), key, 0o600); err != nil {
		return err
	}
	if _, err := o.run("", "migrate", "up", "--config", "latchkey.yaml"); err != nil {
		return err
	}
	var user struct {
		ID string `json:"id"`
	}
	if err := o.create(&user, password+"\n", "user", "create", "--email", email, "--name", "Noura Haddad", "--account", "Noura’s Shop"); err != nil {
		return err
	}
	return errors.Join(
		o.create(&server.api, "", "client", "create", "--name", "Orders API", "--grant-type", "client_credentials", "--introspects"),
		o.addClient("confidential", "client_secret_basic", scope+" reports:read", "client_credentials"),
		o.addClient("post", "client_secret_post", scope),
		o.addClient("public", "none", scope))
}

func (o operator) addClient(name, method, allowed string, grantTypes ...string) error {
	var client struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	grantTypes = append(grantTypes, "authorization_code", "refresh_token")
	err := o.create(&client, "", "client", "create", "--name", name, "--redirect-uri", redirect, "--scope", allowed,
		"--auth-method", method, "--grant-type", strings.Join(grantTypes, ","))
	server.fixtures = append(server.fixtures, fixture{
		Name: name, Issuer: server.issuer, Email: email, Password: password,
		ClientID: client.ClientID, ClientSecret: client.ClientSecret, RedirectURI: redirect, Scope: scope,
	})
	return err
}

// create runs a command for the issuer and reads the JSON that it answers.
func (o operator) create(into any, input string, arguments ...string) error {
	output, err := o.run(input, append(arguments, "--config", "latchkey.yaml", "--issuer", "acme", "--json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal(output, into)
}

func (o operator) run(input string, arguments ...string) ([]byte, error) {
	command := exec.Command(o.binary, arguments...)
	command.Dir, command.Stdin = o.folder, strings.NewReader(input)
	output, err := command.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("latchkey %s: %w\n%s", strings.Join(arguments, " "), err, failed.Stderr)
	}
	return output, err
}

func (o operator) serve() (*running.Process, error) {
	artefacts, err := running.Artefacts("clients")
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(artefacts, "serve.log"))
	if err != nil {
		return nil, err
	}
	process, err := running.Start(o.binary, log, "serve", "--config", filepath.Join(o.folder, "latchkey.yaml"))
	if err != nil {
		return nil, err
	}
	if err := process.Until(10*time.Second, answers); err != nil {
		return nil, fmt.Errorf("%w: see artefacts/clients/serve.log", err)
	}
	return process, nil
}

func answers(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.issuer+"/.well-known/openid-configuration", http.NoBody)
	if err != nil {
		return false
	}
	response, err := server.client.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// writeCertificates makes an authority and the server's certificate for localhost, for this run only.
func writeCertificates(folder string) error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	authority := certificate("Latchkey tests", 1)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	if server.authorityFile, err = sign(folder, "authority.pem", authority, authority, &authorityKey.PublicKey, authorityKey); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	own := certificate("localhost", 2)
	own.DNSNames, own.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	own.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if _, err := sign(folder, "server.pem", own, authority, &key.PublicKey, authorityKey); err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(folder, "server.key"), "PRIVATE KEY", pkcs8); err != nil {
		return err
	}
	return trustAuthority()
}

func certificate(name string, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func sign(folder, name string, subject, by *x509.Certificate, key *ecdsa.PublicKey, with *ecdsa.PrivateKey) (string, error) {
	der, err := x509.CreateCertificate(rand.Reader, subject, by, key, with)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, name)
	return path, writePEM(path, "CERTIFICATE", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// trustAuthority makes the HTTP client of the Go libraries, which trusts nobody else.
func trustAuthority() error {
	text, err := os.ReadFile(server.authorityFile)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	server.client = &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
	}
	return nil
}

func confidential() fixture { return named("confidential") }

func named(name string) fixture {
	for _, f := range server.fixtures {
		if f.Name == name {
			return f
		}
	}
	return fixture{}
}
