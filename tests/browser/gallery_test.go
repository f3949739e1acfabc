package browser

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// views are the devices on which every page is looked at: each width, both colours, and a language from right to left.
// PICTURES=all looks at every combination.
func views() []view {
	if os.Getenv("PICTURES") != "all" {
		return []view{{360, false, "en"}, {768, false, "ar"}, {1280, true, "fr"}}
	}
	var all []view
	for _, width := range []int64{360, 768, 1280} {
		for _, language := range []string{"en", "ar", "vi", "fr"} {
			all = append(all, view{width, false, language}, view{width, true, language})
		}
	}
	return all
}

type view struct {
	width    int64
	dark     bool
	language string
}

func (v view) String() string {
	colour := map[bool]string{false: "light", true: "dark"}[v.dark]
	return fmt.Sprintf("%d-%s-%s", v.width, colour, v.language)
}

// Every page in every state: accessible (WCAG 2.2 AA), no sideways scrolling, and a picture to look at.
func TestGallery(t *testing.T) {
	pages := galleryPages(t)
	if len(pages) < 30 {
		t.Fatalf("the gallery lists only %d pages: %q", len(pages), pages)
	}
	for _, v := range views() {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			b := newTab(t, settings{width: v.width, dark: v.dark, language: v.language})
			for _, page := range pages {
				b.visit(page, v)
			}
		})
	}
}

func (b *tab) visit(page string, v view) {
	b.t.Helper()
	name := strings.TrimPrefix(page, "/dev/gallery/")
	b.open(at("localhost", page+"?lang="+url.QueryEscape(v.language)))
	b.accessible(name)
	if over := evaluate[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		b.t.Errorf("%s is %d px wider than the screen", name, over)
	}
	if got := evaluate[string](b, "document.documentElement.lang"); got != v.language {
		b.t.Errorf("%s is in %q, want %q", name, got, v.language)
	}
	b.picture("gallery/" + strings.ReplaceAll(name, "/", "-") + "-" + v.String())
}

func galleryPages(t *testing.T) []string {
	t.Helper()
	b := newTab(t, settings{})
	b.open(at("localhost", "/dev/gallery"))
	return evaluate[[]string](b, `[...document.querySelectorAll('main a[href^="/dev/gallery/"]')].map(a => a.pathname)`)
}

// The audit itself: a page made wrong on purpose must not pass.
func TestAuditFindsWhatIsWrong(t *testing.T) {
	b := newTab(t, settings{})
	b.open(at("localhost", galleryPages(t)[0]))
	if site.axe == "" {
		t.Skip("skipped: accessibility: axe-core is not installed, run tests/install")
	}
	evaluate[*struct{}](b, "document.documentElement.removeAttribute('lang'); null")
	found := b.violations()
	if len(found) != 1 || found[0].Rule != "html-has-lang" {
		t.Errorf("a page without a language gave %v", found)
	}
}
