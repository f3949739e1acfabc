package browser

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"latchkey.dev/tests/running"
)

// tab is one tab of a browser profile that no other journey shares. Its methods fail the test, with a picture of what was there.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// patience is how long a person waits for a page.
const patience = 15 * time.Second

// settings are what a person's device decides about a page.
type settings struct {
	width    int64
	dark     bool
	language string // Accept-Language
	plain    bool   // without JavaScript
}

func newTab(t *testing.T, with settings) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(site.browser, chromedp.WithNewBrowserContext())
	return start(t, ctx, cancel, with)
}

// start opens the tab. The first action must not have a deadline: its end would close the tab.
func start(t *testing.T, ctx context.Context, cancel func(), with settings) *tab {
	t.Helper()
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	b := &tab{t: t, ctx: ctx}
	b.set(with)
	return b
}

// beside opens a second tab in the same profile, as a person does who middle-clicks.
func (b *tab) beside() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	return start(b.t, ctx, cancel, settings{})
}

func (b *tab) set(with settings) {
	b.t.Helper()
	if with.width == 0 {
		with.width = 1280
	}
	scheme := "light"
	if with.dark {
		scheme = "dark"
	}
	b.do(
		chromedp.EmulateViewport(with.width, 900),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}}),
		command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: with.plain}),
	)
	if with.language != "" {
		b.do(command(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
			Headers: network.Headers{"Accept-Language": with.language},
		}))
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail("%v", err)
	}
}

func (b *tab) fail(format string, arguments ...any) {
	b.t.Helper()
	b.picture("failed-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("location.href.slice(0, 80) + '\\n' + document.body.innerText")) // best effort: the test fails anyway
	b.t.Fatalf(format+"\nat %.1500s", append(arguments, text)...)
}

// open goes to an address and returns the status of what came.
func (b *tab) open(address string) int64 {
	b.t.Helper()
	return b.arrive(chromedp.Navigate(address))
}

// press clicks a link or button that leads to another page, and waits for it.
func (b *tab) press(selector string) int64 {
	b.t.Helper()
	b.expect(selector)
	return b.arrive(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

func (b *tab) arrive(step chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		b.fail("no page came: %v", err)
	}
	if response == nil {
		return 0
	}
	return response.Status
}

// lead does something that ends where a condition holds, perhaps on a page that the browser kept and does not load again.
func (b *tab) lead(script, condition string) {
	b.t.Helper()
	_ = chromedp.Do(b.ctx, discard(chromedp.Evaluate[*struct{}](script+"; null"))) // its answer may be lost with the page it leaves
	for range 100 {
		if arrived, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](condition)); err == nil && arrived {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.fail("%s did not end where %s", script, condition)
}

func (b *tab) fill(selector, value string) {
	b.t.Helper()
	b.expect(selector)
	b.do(
		chromedp.Clear(chromedp.CSS(selector), chromedp.NodeVisible),
		chromedp.SendKeys(chromedp.CSS(selector), value, chromedp.NodeVisible),
	)
}

func (b *tab) has(selector string) bool {
	b.t.Helper()
	return evaluate[bool](b, "document.querySelector("+quoted(selector)+") !== null")
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	return evaluate[string](b, "(document.querySelector("+quoted(selector)+")?.innerText ?? '').trim()")
}

func (b *tab) address() string {
	b.t.Helper()
	return evaluate[string](b, "location.href")
}

// expect fails the journey unless the page has an element, and says where it ended instead.
func (b *tab) expect(selector string) {
	b.t.Helper()
	if !b.has(selector) {
		b.fail("expected %s on the page", selector)
	}
}

func (b *tab) expectText(selector, part string) {
	b.t.Helper()
	if got := b.text(selector); !strings.Contains(got, part) {
		b.fail("expected %q in %s, which reads %q", part, selector, got)
	}
}

// picture keeps a picture of the whole page in artefacts/browser.
func (b *tab) picture(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Errorf("picture %s: %v", name, err)
		return
	}
	folder, err := running.Artefacts(filepath.Join("browser", filepath.Dir(name)))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, filepath.Base(name)+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Errorf("picture %s: %v", name, err)
	}
}

func evaluate[T any](b *tab, script string, options ...chromedp.EvaluateOption) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, options...))
	if err != nil {
		b.t.Fatalf("%.200s: %v", script, err)
	}
	return value
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `\'`) + "'" }

// command sends one command of the DevTools protocol.
func command[P, R any](c cdp.Command[P, R], parameters P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, c, parameters)
		return chromedp.Void{}, err
	}
}

func at(host, path string) string { return site.URL(host, path) }

func discard[T any](action chromedp.Action[T]) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := action(ctx, t)
		return chromedp.Void{}, err
	}
}
