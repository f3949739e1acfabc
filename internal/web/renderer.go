package web

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"time"
)

// Config is what a Renderer is made from.
type Config struct {
	Rand   io.Reader        // for nonces; required
	Clock  func() time.Time // for "3 days ago"; required
	Brands []Brand          // one per issuer
}

// Renderer renders pages and mails. It is immutable and safe for concurrent use.
type Renderer struct {
	rand     io.Reader
	clock    func() time.Time
	speakers map[string]func() *speaker // by language
	brands   map[string]brandLook
	static   *staticFiles
}

// New parses the templates, checks the brands and prepares the static files. Nothing is read from disk.
func New(cfg Config) (*Renderer, error) {
	if cfg.Rand == nil || cfg.Clock == nil {
		return nil, fmt.Errorf("web: Config needs Rand and Clock")
	}
	static, err := loadStatic()
	if err != nil {
		return nil, fmt.Errorf("web: static files: %w", err)
	}
	brands, err := prepareBrands(cfg.Brands, static)
	if err != nil {
		return nil, err
	}
	static.zip = nil
	speakers, err := loadSpeakers(cfg.Clock, static)
	if err != nil {
		return nil, err
	}
	return &Renderer{rand: cfg.Rand, clock: cfg.Clock, speakers: speakers, brands: brands, static: static}, nil
}

// Static serves /static/: the stylesheets, the script and the sample logos.
func (re *Renderer) Static() http.Handler { return re.static }

// StaticFile is Static for a path that it has, and nil for any other.
func (re *Renderer) StaticFile(path string) http.Handler {
	if re.static.files[path] == nil {
		return nil
	}
	return re.static
}

// Render writes page with status. It renders into memory first: on an error nothing has been written yet.
func (re *Renderer) Render(w http.ResponseWriter, r *http.Request, status int, page Page) error {
	nonce, err := re.nonce()
	if err != nil {
		return err
	}
	f := re.frame(r, page, nonce)
	body, err := re.document(f)
	if err != nil {
		return err
	}
	setHeaders(w.Header(), f)
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	// The client may be gone; there is no one left to tell.
	_, _ = w.Write(body)
	return nil
}

// nonce returns 128 random bits for the page's script (CSP Level 3 §7.1).
func (re *Renderer) nonce() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(re.rand, b[:]); err != nil {
		return "", fmt.Errorf("web: nonce: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// frame is what the templates see.
type frame struct {
	Chrome    Chrome
	Brand     brandLook
	View      Page
	Title     string
	Lang, Dir string
	Languages []LanguageChoice
	Nav       []NavItem
	Section   Section
	ErrorCode string
	Problem   bool
	Nonce     string
	Content   template.HTML
	meta      meta
	speaker   *speaker
}

func (re *Renderer) frame(r *http.Request, page Page, nonce string) *frame {
	m := page.page()
	chrome := ChromeFrom(r.Context())
	chrome.Lang = re.LanguageOf(r)
	sp := re.speakers[chrome.Lang]()
	return &frame{
		Chrome: chrome, Brand: re.brand(chrome.Issuer), View: page, Title: sp.plain(m.title.key, m.title.args...),
		Lang: chrome.Lang, Dir: sp.dir(), Languages: languageChoices(re.Languages(chrome.Issuer), r.URL.Query(), m.flow.R, chrome.Lang), Nav: nav(), Section: m.section, ErrorCode: m.errorCode,
		Problem: m.problem, Nonce: nonce, meta: m, speaker: sp,
	}
}

// document renders the page's own template and then the layout around it.
func (re *Renderer) document(f *frame) ([]byte, error) {
	var content, whole bytes.Buffer
	if err := f.speaker.templates.ExecuteTemplate(&content, f.meta.template, f); err != nil {
		return nil, fmt.Errorf("web: page %s in %s: %w", f.meta.template, f.Lang, err)
	}
	f.Content = template.HTML(content.String()) // escaped by the first execution
	if err := f.speaker.templates.ExecuteTemplate(&whole, string(f.meta.layout), f); err != nil {
		return nil, fmt.Errorf("web: layout of %s in %s: %w", f.meta.template, f.Lang, err)
	}
	return whole.Bytes(), nil
}
