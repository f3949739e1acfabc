package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"latchkey.dev/tests/running"
)

// site is `latchkey dev` with a fresh database, shared by all journeys; each has a browser profile, and most have a user, of its own.
var site struct {
	address string // host:port, at which every *.localhost name answers
	browser context.Context
	dev     devFile
	axe     string // the source of axe-core, "" where npm has not installed it
}

// devFile is what `latchkey dev` writes to DATA/dev.json for people's own automation.
type devFile struct {
	Issuers map[string]struct {
		Issuer   string            `json:"issuer"`
		Hosts    map[string]string `json:"hosts"`
		Users    []devUser         `json:"users"`
		Accounts []json.RawMessage `json:"accounts"`
		Clients  []devClient       `json:"clients"`
	} `json:"issuers"`
}

type devUser struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

type devClient struct {
	Name         string   `json:"name"`
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
	RedirectURIs []string `json:"redirect_uris"`
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	program := chromium()
	if program == "" {
		fmt.Println("skipped: browser journeys: no Chromium")
		return 0
	}
	folder, err := os.MkdirTemp("", "latchkey-browser-")
	if err != nil {
		return broken(err)
	}
	defer os.RemoveAll(folder)
	server, err := startDev(folder)
	if err != nil {
		return broken(err)
	}
	defer server.Stop()
	axe, _ := os.ReadFile("../clients/node_modules/axe-core/axe.min.js") // its absence is a skip that the tests name
	site.axe = string(axe)
	stop, err := startBrowser(program)
	if err != nil {
		return broken(err)
	}
	defer stop()
	return m.Run()
}

func broken(err error) int {
	fmt.Println(err)
	return 1
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func startDev(folder string) (*running.Process, error) {
	binary, err := running.Binary(folder)
	if err != nil {
		return nil, err
	}
	if site.address, err = running.FreeAddress(); err != nil {
		return nil, err
	}
	artefacts, err := running.Artefacts("browser")
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(artefacts, "dev.log"))
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	server, err := running.Start(binary, log, "dev", "--addr", site.address, "--data", data)
	if err != nil {
		return nil, err
	}
	ready := func(ctx context.Context) bool { return readDevFile(filepath.Join(data, "dev.json")) && answers(ctx) }
	if err := server.Until(20*time.Second, ready); err != nil {
		return nil, fmt.Errorf("%w: see artefacts/browser/dev.log", err)
	}
	return server, nil
}

func readDevFile(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && json.Unmarshal(text, &site.dev) == nil
}

func answers(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+site.address+"/", http.NoBody)
	if err != nil {
		return false
	}
	request.Host = "localhost:" + port()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode < http.StatusInternalServerError
}

// startBrowser starts one Chromium that calls nobody but the site.
func startBrowser(program string) (stop func(), err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP *.localhost 127.0.0.1, MAP localhost 127.0.0.1"),
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopBrowser := chromedp.NewContext(allocator)
	site.browser = ctx //nolint:fatcontext // the browser outlives this function and ends with the tests
	return func() { stopBrowser(); stopAllocator() }, chromedp.Do(ctx)
}
