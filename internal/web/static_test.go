package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func TestStylesAreSmall(t *testing.T) {
	re := newRenderer(t)
	total := len(re.static.files[re.static.url("style.css")].body) + len(re.static.files[re.brands["acme"].Stylesheet].body)
	if total > 20*1024 {
		t.Errorf("%d bytes of CSS, at most 20 KB", total)
	}
}

func TestStylesUseColoursFromTokensOnly(t *testing.T) {
	css, err := os.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, _ := strings.Cut(string(css), "*,::before")
	for i, line := range strings.Split(rules, "\n") {
		if strings.Contains(line, "#") {
			t.Errorf("line %d has a colour of its own: %s", i, line)
		}
	}
	for _, physical := range []string{"margin-left", "margin-right", "padding-left", "padding-right", "text-align:left", "text-align:right", "float:"} {
		if strings.Contains(rules, physical) {
			t.Errorf("%s does not mirror", physical)
		}
	}
}

func TestStaticFilesAreKeptForEverUnderTheirHash(t *testing.T) {
	re := newRenderer(t)
	url := re.static.url("style.css")
	w := httptest.NewRecorder()
	re.Static().ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	again := httptest.NewRequest(http.MethodGet, url, nil)
	again.Header.Set("If-None-Match", w.Header().Get("ETag"))
	w = httptest.NewRecorder()
	re.Static().ServeHTTP(w, again)
	if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("with its ETag: %d", w.Code)
	}
}

func TestStaticFilesAreCompressedWhenAskedFor(t *testing.T) {
	re := newRenderer(t)
	r := httptest.NewRequest(http.MethodGet, re.static.url("style.css"), nil)
	r.Header.Set("Accept-Encoding", "br, gzip")
	w := httptest.NewRecorder()
	re.Static().ServeHTTP(w, r)
	z, err := gzip.NewReader(w.Body)
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatal(err, w.Header())
	}
	if body, err := io.ReadAll(z); err != nil || !bytes.Equal(body, re.static.files[re.static.url("style.css")].body) {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

func TestStaticRefusesWhatItDoesNotHave(t *testing.T) {
	re := newRenderer(t)
	for target, want := range map[string]int{"/static/": 404, "/static/../messages/en.yaml": 404, "/static/icons/lock.svg": 404, "/static/sample/parcel-robot.svg": 200} {
		w := httptest.NewRecorder()
		re.Static().ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
	w := httptest.NewRecorder()
	re.Static().ServeHTTP(w, httptest.NewRequest(http.MethodPost, re.static.url("style.css"), nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestEveryIconInTheTemplatesExists(t *testing.T) {
	re := newRenderer(t)
	names := []string{"users"}
	for _, k := range append(eventKinds(), "unknown") {
		names = append(names, eventIcon(k))
	}
	for _, item := range nav() {
		names = append(names, navIcon(item.Section))
	}
	files, _ := templateFiles.ReadDir("templates")
	for _, f := range files {
		body, _ := templateFiles.ReadFile("templates/" + f.Name())
		for _, part := range strings.Split(string(body), `{{icon "`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			names = append(names, name)
		}
	}
	for _, name := range names {
		if re.static.icon(name) == "" {
			t.Errorf("no icon %q", name)
		}
	}
}
