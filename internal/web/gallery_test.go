package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// visit opens an entry of the gallery as a document.
func visit(t *testing.T, re *Renderer, name, lang string) (*httptest.ResponseRecorder, *html.Node) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, GalleryPath+"/"+name+"?lang="+lang, nil)
	r = r.WithContext(WithChrome(r.Context(), Chrome{Issuer: "acme"}))
	re.Gallery().ServeHTTP(w, r)
	body := w.Body.String()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return w, doc
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func value(n *html.Node, name string) string {
	v, _ := attr(n, name)
	return v
}

func elements(doc *html.Node, tags ...string) []*html.Node {
	var found []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (len(tags) == 0 || slices.Contains(tags, n.Data)) {
			found = append(found, n)
		}
	}
	return found
}

func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestEveryGalleryEntryInEveryLanguage(t *testing.T) {
	re := newRenderer(t)
	for _, e := range galleryEntries(midday(), "en") {
		for _, lang := range languages() {
			t.Run(e.Name+"/"+lang, func(t *testing.T) {
				w, doc := visit(t, re, e.Name, lang)
				if w.Code != e.Status {
					t.Fatalf("status %d, want %d: %s", w.Code, e.Status, w.Body)
				}
				checkDocument(t, doc, lang)
				checkWords(t, w.Body.String())
				if e.Page != nil {
					checkPage(t, doc, e, re)
				}
			})
		}
	}
}

func checkDocument(t *testing.T, doc *html.Node, lang string) {
	t.Helper()
	root := elements(doc, "html")[0]
	if value(root, "lang") != lang || (value(root, "dir") == "rtl") != (lang == "ar") {
		t.Errorf("<html lang=%q dir=%q>", value(root, "lang"), value(root, "dir"))
	}
	checkIDs(t, doc)
	checkHeadings(t, doc)
}

func checkIDs(t *testing.T, doc *html.Node) {
	t.Helper()
	ids := map[string]bool{}
	for _, n := range elements(doc) {
		if id, ok := attr(n, "id"); ok {
			if id == "" || ids[id] || strings.ContainsAny(id, " \t") {
				t.Errorf("id %q is empty, doubled or not one word", id)
			}
			ids[id] = true
		}
	}
	for _, n := range elements(doc) {
		for _, name := range []string{"for", "aria-labelledby", "aria-describedby", "aria-controls"} {
			for id := range strings.FieldsSeq(value(n, name)) {
				if !ids[id] {
					t.Errorf("<%s %s=%q> points nowhere", n.Data, name, id)
				}
			}
		}
		if href := value(n, "href"); strings.HasPrefix(href, "#") && !ids[href[1:]] {
			t.Errorf("link to %s points nowhere", href)
		}
	}
}

// checkHeadings wants one h1, and no level left out.
func checkHeadings(t *testing.T, doc *html.Node) {
	t.Helper()
	last, tops := 0, 0
	for _, n := range elements(doc, "h1", "h2", "h3", "h4") {
		level := int(n.Data[1] - '0')
		if level == 1 {
			tops++
		}
		if level > last+1 {
			t.Errorf("heading %q of level %d follows level %d", words(n), level, last)
		}
		if words(n) == "" {
			t.Errorf("<%s> is empty", n.Data)
		}
		last = level
	}
	if tops != 1 {
		t.Errorf("%d headings of level 1, want 1", tops)
	}
}

// checkWords finds what was left unsaid: placeholders, markers and message keys.
func checkWords(t *testing.T, body string) {
	t.Helper()
	for _, pattern := range []string{`\{[a-z]+\}`, `\*\*`, `%!`, `\b(sign_in|consent|problem|event|error|mail|scope)\.[a-z_.]+\b`} {
		if found := regexp.MustCompile(pattern).FindString(body); found != "" {
			t.Errorf("%q is on the page", found)
		}
	}
}

func checkPage(t *testing.T, doc *html.Node, e GalleryEntry, re *Renderer) {
	t.Helper()
	checkForms(t, doc)
	checkNothingInline(t, doc)
	checkAssets(t, doc, re)
	mains := elements(doc, "main")
	if len(mains) != 1 || len(elements(doc, "header")) != 1 || len(elements(doc, "footer")) != 1 {
		t.Fatal("want exactly one main, header and footer")
	}
	m := e.Page.page()
	if value(mains[0], "data-error") != m.errorCode || (m.errorCode != "") != (value(mains[0], "id") == "error") {
		t.Errorf("main is #%s data-error=%q, want the code %q", value(mains[0], "id"), value(mains[0], "data-error"), m.errorCode)
	}
}

// checkForms wants a label or a name of its own for everything that can be filled in or pressed.
func checkForms(t *testing.T, doc *html.Node) {
	t.Helper()
	labels := map[string]bool{}
	for _, n := range elements(doc, "label") {
		labels[value(n, "for")] = words(n) != ""
	}
	for _, n := range elements(doc, "input", "select", "textarea") {
		_, hidden := attr(n, "hidden")
		if value(n, "type") != "hidden" && !hidden && !labels[value(n, "id")] {
			t.Errorf("field %q has no label", value(n, "name"))
		}
	}
	for _, n := range elements(doc, "button", "a", "summary") {
		if words(n) == "" {
			t.Errorf("<%s> #%s says nothing", n.Data, value(n, "id"))
		}
	}
	for _, n := range elements(doc, "form") {
		if value(n, "action") == "" || (value(n, "method") != "post" && value(n, "method") != "get") {
			t.Errorf("form with action %q and method %q", value(n, "action"), value(n, "method"))
		}
	}
}

// checkNothingInline holds what the Content-Security-Policy would refuse.
func checkNothingInline(t *testing.T, doc *html.Node) {
	t.Helper()
	for _, n := range elements(doc) {
		if n.Data == "style" || (n.Data == "script" && (value(n, "nonce") == "" || words(n) != "")) {
			t.Errorf("inline <%s>", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s>", n.Data, a.Key)
			}
		}
	}
}

func checkAssets(t *testing.T, doc *html.Node, re *Renderer) {
	t.Helper()
	for _, n := range elements(doc, "link", "script", "img") {
		url := value(n, "href") + value(n, "src")
		w := httptest.NewRecorder()
		re.Static().ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", url, w.Code)
		}
	}
}

func TestTitlesSayErrorWhenSomethingIsWrong(t *testing.T) {
	re := newRenderer(t)
	for _, e := range galleryEntries(midday(), "en") {
		if e.Page == nil {
			continue
		}
		_, doc := visit(t, re, e.Name, "en")
		title := words(elements(doc, "title")[0])
		if strings.HasPrefix(title, "Error: ") != e.Page.page().problem || !strings.HasSuffix(title, " – Acme") {
			t.Errorf("%s is titled %q", e.Name, title)
		}
	}
}

func TestMistakesAreSaidAtTheFieldAndLinkedFromTheSummary(t *testing.T) {
	_, doc := visit(t, newRenderer(t), "sign-up/errors", "en")
	for _, n := range elements(doc, "input") {
		if id := value(n, "id"); id != "" && (value(n, "aria-invalid") != "true" || !strings.Contains(value(n, "aria-describedby"), id+"-error")) {
			t.Errorf("#%s: aria-invalid=%q aria-describedby=%q", id, value(n, "aria-invalid"), value(n, "aria-describedby"))
		}
	}
	var linked []string
	for _, n := range elements(doc, "a") {
		linked = append(linked, value(n, "href"))
	}
	for _, want := range []string{"#name", "#email", "#password"} {
		if !slices.Contains(linked, want) {
			t.Errorf("the summary does not link %s", want)
		}
	}
}

func TestStableHandles(t *testing.T) {
	re := newRenderer(t)
	for name, ids := range map[string][]string{
		"sign-in/for-app":     {"email", "password", "sign-in"},
		"sign-up/fresh":       {"name", "email", "password", "sign-up"},
		"choose-account/many": {"account-acc_noura", "account-acc_harbour"},
		"consent/first":       {"allow", "deny"},
		"device/enter":        {"user_code", "continue"},
		"device/consent":      {"allow", "deny", "user-code"},
		"device/allowed":      {"device-allowed"},
		"device/denied":       {"device-denied"},
		"connected/many":      {"disconnect-parcel-robot", "disconnect-parcel-robot-acc_harbour", "disconnect-ledgerly"},
		"disconnect/account":  {"disconnect-parcel-robot"},
	} {
		w, _ := visit(t, re, name, "ar")
		for _, id := range ids {
			if !strings.Contains(w.Body.String(), ` id="`+id+`"`) {
				t.Errorf("%s has no #%s", name, id)
			}
		}
	}
}

func TestConsentPostsOnlyOptionalScopes(t *testing.T) {
	_, doc := visit(t, newRenderer(t), "consent/first", "en")
	var scopes []string
	for _, n := range elements(doc, "input") {
		if value(n, "name") == "scope" {
			_, ticked := attr(n, "checked")
			if value(n, "type") != "checkbox" || !ticked {
				t.Errorf("scope %s is not a ticked box", value(n, "value"))
			}
			scopes = append(scopes, value(n, "value"))
		}
	}
	if !slices.Equal(scopes, []string{"products:read"}) {
		t.Errorf("scopes %v", scopes)
	}
}

func TestConsentPutsNewAndSensitiveFirst(t *testing.T) {
	s := samples{now: midday(), lang: "en"}
	c := s.firstConsent()
	if groups := c.Groups(); groups[0].Title != "Orders" || !groups[0].Permissions[0].Sensitive || groups[len(groups)-1].Title != "" {
		t.Errorf("first consent: %+v", groups)
	}
	if asked := s.changedConsent().Asked(); asked[0].Scope != "payouts:write" || !asked[1].New {
		t.Errorf("changed consent: %+v", asked)
	}
}

func TestGalleryIndexLinksEveryEntry(t *testing.T) {
	w, _ := visit(t, newRenderer(t), "", "en")
	body, _ := io.ReadAll(w.Body)
	seen := map[string]bool{}
	for _, e := range galleryEntries(midday(), "en") {
		if seen[e.Name] || !strings.Contains(string(body), GalleryPath+"/"+e.Name+"?") {
			t.Errorf("%s is doubled or not linked", e.Name)
		}
		seen[e.Name] = true
	}
	if w, _ := visit(t, newRenderer(t), "no/such", "en"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown entry answers %d", w.Code)
	}
}
