package binary

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey.dev/tests/person"
	"latchkey.dev/tests/running"
)

// server is `latchkey dev`, shared by the tests that leave it as it was.
var server struct {
	*running.Dev
	binary    string
	transport *http.Transport
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "latchkey-binary-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(folder)
	if err := start(folder); err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = server.Kill() }()
	return m.Run()
}

func start(folder string) (err error) {
	if server.binary, err = running.Binary(folder); err != nil {
		return err
	}
	log, err := logFile("dev")
	if err != nil {
		return err
	}
	if server.Dev, err = running.StartDev(server.binary, filepath.Join(folder, "data"), log); err != nil {
		return fmt.Errorf("%w: see artefacts/binary/dev.log", err)
	}
	server.transport = server.Transport("")
	return nil
}

func logFile(name string) (*os.File, error) {
	folder, err := running.Artefacts("binary")
	if err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(folder, name+".log"))
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) String() string { return fmt.Sprintf("%d %.300s", r.status, r.body) }

// json reads a member of a JSON answer; "" when it is not there.
func (r reply) json(name string) string {
	var members map[string]any
	if json.Unmarshal(r.body, &members) != nil || members[name] == nil {
		return ""
	}
	return fmt.Sprint(members[name])
}

func send(transport http.RoundTripper, request *http.Request) (reply, error) {
	response, err := transport.RoundTrip(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, body}, err
}

// post builds a form post of a client to the issuer.
func post(site running.Site, client running.Client, path string, form url.Values) *http.Request {
	if client.AuthMethod != "client_secret_basic" {
		form.Set("client_id", client.ID)
	}
	if client.AuthMethod == "client_secret_post" {
		form.Set("client_secret", client.Secret)
	}
	request, err := http.NewRequest(http.MethodPost, site.Acme.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		panic(err) // the tests' own addresses are good
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client.AuthMethod == "client_secret_basic" {
		request.SetBasicAuth(client.ID, client.Secret)
	}
	return request
}

// connector is a person who has allowed the sample app, so that codes come without a page.
type connector struct {
	site   running.Site
	app    running.Client
	person *person.Person
}

const verifier = "a-verifier-that-is-long-enough-for-rfc7636-section-4.1"

func newConnector(site running.Site, transport http.RoundTripper) *connector {
	user := site.Acme.Users[0]
	c := &connector{site: site, app: site.Acme.Client("parcel-robot"), person: person.New(transport, user.Email, user.Password)}
	c.person.Account = "acc_nouras-shop"
	return c
}

// code gets a fresh authorization code.
func (c *connector) code() (string, error) {
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {c.app.ID}, "redirect_uri": {c.app.RedirectURIs[0]}, "state": {"s"},
		"scope":          {"openid offline_access orders:read"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	callback, err := c.person.Allow(c.site.Acme.Issuer+"/oauth/authorize?"+query.Encode(), c.app.RedirectURIs[0])
	if err != nil {
		return "", err
	}
	if code := callback.Query().Get("code"); code != "" {
		return code, nil
	}
	return "", fmt.Errorf("no code in %s", callback)
}

func (c *connector) redeem(code string) *http.Request {
	return post(c.site, c.app, "/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.app.RedirectURIs[0]}, "code_verifier": {verifier},
	})
}

func (c *connector) refresh(token string) *http.Request {
	return post(c.site, c.app, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// tokens redeems a fresh code.
func (c *connector) tokens(transport http.RoundTripper) (reply, error) {
	code, err := c.code()
	if err != nil {
		return reply{}, err
	}
	said, err := send(transport, c.redeem(code))
	if err == nil && said.status != http.StatusOK {
		err = errors.New(said.String())
	}
	return said, err
}
