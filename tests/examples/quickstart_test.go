package examples

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"latchkey.dev/tests/person"
)

// quickstart is one program that a newcomer runs.
type quickstart struct {
	name     string // of its variables in dev mode
	platform string
	client   string
	command  func(t *testing.T) *exec.Cmd
	address  string // where it listens
}

func quickstarts() []quickstart {
	return []quickstart{
		{"noon", "noon", "quickstart-go", goProgram("noon"), "http://127.0.0.1:8091"},
		{"noon-python", "noon", "quickstart-python", python, "http://127.0.0.1:8092"},
		{"noon-node", "noon", "quickstart-node", node, "http://127.0.0.1:8093"},
		{"noorle", "noorle", "app_quickstart", goProgram("noorle"), "http://127.0.0.1:8094"},
		{"noonlight", "noonlight", "quickstart", goProgram("noonlight"), "http://127.0.0.1:8096"},
		{"tiki", "tiki", "2718281828459045", goProgram("tiki"), "http://127.0.0.1:8097"},
	}
}

// TestQuickstarts: a person connects, the program uses the API, the person disconnects, and the program notices and offers to connect
// again. What it logs holds no secret.
func TestQuickstarts(t *testing.T) {
	for _, q := range quickstarts() {
		t.Run(q.name, func(t *testing.T) {
			stop := q.start(t)
			who := q.person(t)
			page := browse(t, who, open(t, who, link(t, open(t, who, q.address+"/"), "connect")), q.address)
			if !page.HasElement("connected") {
				t.Fatalf("not connected:\n%.3000s", page.Text)
			}
			if replay := open(t, who, page.URL.String()); replay.Status != http.StatusBadRequest {
				t.Errorf("the same callback again: %d", replay.Status)
			}
			if page = open(t, who, link(t, page, "use")); !page.HasElement("used") {
				t.Fatalf("the API was not used:\n%.3000s", page.Text)
			}
			disconnect(t, who, q.platform, q.client)
			if page = open(t, who, link(t, page, "use")); page.Status != http.StatusUnauthorized || page.Link("again") == "" {
				t.Errorf("after Disconnect: %d\n%.3000s", page.Status, page.Text)
			}
			keepsQuiet(t, stop(), q)
		})
	}
}

// TestQuickstartsRefuseAForgedCallback: without the state that this browser began with, nothing is traded.
func TestQuickstartsRefuseAForgedCallback(t *testing.T) {
	for _, q := range quickstarts() {
		t.Run(q.name, func(t *testing.T) {
			q.start(t)
			who := q.person(t)
			open(t, who, link(t, open(t, who, q.address+"/"), "connect"))
			platform := dev.Platforms[q.platform]
			callback := platform.Client(q.client).RedirectURIs[0]
			for _, query := range []string{"?code=stolen&state=forged", "?code=stolen", "?code=stolen&state="} {
				if page := open(t, who, callback+query); page.Status != http.StatusBadRequest || !page.HasElement("failed") {
					t.Errorf("%s: %d\n%.2000s", query, page.Status, page.Text)
				}
			}
		})
	}
}

// TestQuickstartsNoticeADenial: the person says no at the platform, and the program says so.
func TestQuickstartsNoticeADenial(t *testing.T) {
	for _, q := range quickstarts() {
		t.Run(q.name, func(t *testing.T) {
			q.start(t)
			who := q.person(t)
			begun := open(t, who, link(t, open(t, who, q.address+"/"), "connect"))
			start := begun.URL
			if begun.Location != nil {
				start = begun.Location
			}
			location, err := who.Deny(start.String(), q.address)
			if err != nil {
				t.Fatal(err)
			}
			if page := open(t, who, location.String()); page.Status != http.StatusForbidden || !strings.Contains(page.Text, "access_denied") {
				t.Errorf("%d\n%.2000s", page.Status, page.Text)
			}
		})
	}
}

// TestQuickstartsOutliveAnOutage: while the platform cannot answer, what the program holds stays good for later.
func TestQuickstartsOutliveAnOutage(t *testing.T) {
	for _, q := range quickstarts() {
		variable, asks := map[string]string{"noonlight": "NOONLIGHT_API_URL", "tiki": "TIKI_API_URL"}[q.name], dev.Platforms[q.platform].Hosts["api"]
		if variable == "" {
			continue
		}
		t.Run(q.name, func(t *testing.T) {
			var out atomic.Bool
			between := httptest.NewServer(outage(t, asks, &out))
			t.Cleanup(between.Close)
			run := q.command
			q.command = func(t *testing.T) *exec.Cmd {
				t.Helper()
				command := run(t)
				command.Env = append(command.Env, variable+"="+between.URL)
				return command
			}
			q.start(t)
			who := q.person(t)
			page := browse(t, who, open(t, who, link(t, open(t, who, q.address+"/"), "connect")), q.address)
			use := link(t, page, "use")
			out.Store(true)
			if page := open(t, who, use); page.Status != http.StatusBadGateway {
				t.Errorf("while it is out: %d\n%.2000s", page.Status, page.Text)
			}
			out.Store(false)
			if page := open(t, who, use); !page.HasElement("used") {
				t.Errorf("afterwards: %d\n%.2000s", page.Status, page.Text)
			}
		})
	}
}

// outage hands requests on to dev mode. While it is out, an API takes no token and the token endpoint is not available.
func outage(t *testing.T, base string, out *atomic.Bool) http.Handler {
	t.Helper()
	to := mustParse(t, base)
	transport := dev.Transport("")
	t.Cleanup(transport.CloseIdleConnections)
	through := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !out.Load():
			through.ServeHTTP(w, r)
		case strings.HasSuffix(r.URL.Path, "/token"):
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

// TestNombaQuickstart has no person: it runs through.
func TestNombaQuickstart(t *testing.T) {
	command := goProgram("nomba")(t)
	output, err := command.CombinedOutput()
	for _, want := range []string{"Token issued for business", "Balance: 152340.50 NGN", "Token refreshed.", "Token revoked.", "with a new token"} {
		if err != nil || !bytes.Contains(output, []byte(want)) {
			t.Fatalf("%v: %q is not in\n%s", err, want, output)
		}
	}
	if leaks(string(output), dev.Platforms["nomba"].Clients[0].Secret) != "" {
		t.Errorf("it prints a secret:\n%s", output)
	}
}

// start runs the program until the test ends, or until stop, which returns all that the program printed.
func (q quickstart) start(t *testing.T) (stop func() string) {
	t.Helper()
	var log bytes.Buffer
	command := q.command(t)
	command.Stdout, command.Stderr = &log, &log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceValue(func() string {
		_ = command.Process.Kill()
		_ = command.Wait() // also for what it printed to be read
		return log.String()
	})
	t.Cleanup(func() {
		if printed := stop(); t.Failed() {
			t.Logf("%s printed:\n%s", q.name, printed)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(q.address + "/")
		if err == nil {
			response.Body.Close()
			return stop
		}
	}
	t.Fatalf("%s does not answer at %s", q.name, q.address)
	return nil
}

// person is Noura at a browser that reaches dev mode and the program.
func (q quickstart) person(t *testing.T) *person.Person {
	t.Helper()
	platform := dev.Platforms[q.platform]
	transport := dev.Transport("")
	t.Cleanup(transport.CloseIdleConnections)
	return person.New(both{transport}, platform.Users[0].Email, platform.Users[0].Password)
}

// both reaches *.localhost at dev mode, and everything else where it is.
type both struct{ dev http.RoundTripper }

func (b both) RoundTrip(request *http.Request) (*http.Response, error) {
	if strings.HasPrefix(request.URL.Host, "127.0.0.1:") {
		return http.DefaultTransport.RoundTrip(request)
	}
	return b.dev.RoundTrip(request)
}

func link(t *testing.T, page *person.Page, id string) string {
	t.Helper()
	address := page.Link(id)
	if address == "" {
		t.Fatalf("there is no #%s on %s:\n%.3000s", id, page.URL, page.Text)
	}
	return address
}

// keepsQuiet holds a program's log to the checklist: no token, no secret, no key.
func keepsQuiet(t *testing.T, log string, q quickstart) {
	t.Helper()
	platform := dev.Platforms[q.platform]
	if leak := leaks(log, platform.Client(q.client).Secret); leak != "" {
		t.Errorf("the log holds %s:\n%s", leak, log)
	}
}

var secrets = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}|lk_(at|rt|cs)_[A-Za-z0-9_-]{10,}|refresh_[A-Za-z0-9_-]{20,}|PRIVATE KEY|code=[A-Za-z0-9_-]{20,}`)

func leaks(text, secret string) string {
	if strings.Contains(text, secret) {
		return "the client's secret"
	}
	return secrets.FindString(text)
}

// environment is a newcomer's: nothing but where dev mode is.
func environment() []string {
	return append(os.Environ(), "LATCHKEY_DEV="+dev.URL("localhost", ""))
}

var built sync.Map // name → path

// goProgram is what `go run` would run.
func goProgram(name string) func(*testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		t.Helper()
		build, _ := built.LoadOrStore(name, sync.OnceValues(func() (string, error) {
			path := filepath.Join(folder, "quickstart-"+name)
			output, err := exec.Command("go", "build", "-o", path, "latchkey.dev/examples/"+name).CombinedOutput()
			if err != nil {
				return "", errors.New(string(output))
			}
			return path, nil
		}))
		path, err := build.(func() (string, error))()
		if err != nil {
			t.Fatal(err)
		}
		command := exec.Command(path)
		command.Env = environment()
		return command
	}
}

// python runs in a virtual environment under .cache, made the first time where pip can.
func python(t *testing.T) *exec.Cmd {
	t.Helper()
	virtual, err := filepath.Abs("../../.cache/python")
	if err != nil {
		t.Fatal(err)
	}
	if reason := pythonPackages(virtual); reason != "" {
		t.Skip("skipped the Noon quickstart in Python: " + reason)
	}
	command := exec.Command(filepath.Join(virtual, "bin", "python"), "../../examples/noon/python/app.py")
	command.Env = environment()
	return command
}

func pythonPackages(virtual string) (reason string) {
	requirements := "../../examples/noon/python/requirements.txt"
	stamp := filepath.Join(virtual, "stamp")
	wanted, err := os.ReadFile(requirements)
	if err != nil {
		return err.Error()
	}
	if made, err := os.ReadFile(stamp); err == nil && bytes.Equal(made, wanted) {
		return ""
	}
	if _, err := exec.LookPath("python3"); err != nil {
		return "python3 is not installed"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	for _, arguments := range [][]string{
		{"python3", "-m", "venv", virtual},
		{filepath.Join(virtual, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements},
	} {
		if output, err := exec.CommandContext(ctx, arguments[0], arguments[1:]...).CombinedOutput(); err != nil {
			return "its packages could not be installed: " + lastLine(output)
		}
	}
	if err := os.WriteFile(stamp, wanted, 0o600); err != nil {
		return err.Error()
	}
	return ""
}

func lastLine(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[len(lines)-1]
}

func node(t *testing.T) *exec.Cmd {
	t.Helper()
	if err := exec.Command("node", "-e", "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)").Run(); err != nil {
		t.Skip("skipped the Noon quickstart in Node: no Node 20")
	}
	command := exec.Command("node", "../../examples/noon/node/app.mjs")
	command.Env = environment()
	return command
}
