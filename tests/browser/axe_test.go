package browser

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

// violation is one rule that a page breaks, as axe-core reports it.
type violation struct {
	Rule  string   `json:"rule"`
	Help  string   `json:"help"`
	Where []string `json:"where"`
}

func (v violation) String() string {
	return fmt.Sprintf("%s (%s) at %s", v.Rule, v.Help, strings.Join(v.Where, " ; "))
}

// WCAG 2.2 AA contains everything before it.
const audit = `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then(result =>
	result.violations.map(v => ({rule: v.id, help: v.help, where: v.nodes.map(n => n.target.join(' ') + ' ' + n.html.slice(0, 160))})))`

// accessible checks the page with axe-core, where npm has installed it.
func (b *tab) accessible(page string) {
	b.t.Helper()
	for _, v := range b.violations() {
		b.t.Errorf("%s: %s", page, v)
	}
}

// violations are what axe-core finds on the page; it needs the page's JavaScript to be on.
func (b *tab) violations() []violation {
	b.t.Helper()
	if site.axe == "" {
		return nil
	}
	b.do(discard(chromedp.Evaluate[*struct{}](site.axe + "; null")))
	return evaluate[[]violation](b, audit, chromedp.EvalAwaitPromise)
}
