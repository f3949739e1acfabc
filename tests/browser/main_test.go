package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"latchkey.dev/tests/running"
)

// site is `latchkey dev` with a fresh database, shared by all journeys; each has a browser profile, and most have a user, of its own.
var site struct {
	*running.Dev
	browser context.Context
	axe     string // the source of axe-core, "" where npm has not installed it
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
	if err := startDev(folder); err != nil {
		return broken(err)
	}
	defer site.Stop()
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

func startDev(folder string) error {
	binary, err := running.Binary(folder)
	if err != nil {
		return err
	}
	artefacts, err := running.Artefacts("browser")
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(artefacts, "dev.log"))
	if err != nil {
		return err
	}
	if site.Dev, err = running.StartDev(binary, filepath.Join(folder, "data"), log); err != nil {
		return fmt.Errorf("%w: see artefacts/browser/dev.log", err)
	}
	return nil
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
