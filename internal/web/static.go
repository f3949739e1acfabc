package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed static icons
var staticTree embed.FS

// staticFile is one file under /static/.
type staticFile struct {
	body, gzipped []byte
	contentType   string
	etag          string
	hashed        bool // its name changes with its content: it may be kept for ever
}

// staticFiles serves /static/. Every file has a name with its hash, and keeps its plain name beside it.
type staticFiles struct {
	files map[string]*staticFile // by URL path
	urls  map[string]string      // plain name → hashed URL
	icons map[string]template.HTML
	zip   *gzip.Writer // reused while loading: each one holds 800 KB
}

func loadStatic() (*staticFiles, error) {
	s := &staticFiles{files: map[string]*staticFile{}, urls: map[string]string{}, icons: map[string]template.HTML{}}
	s.zip, _ = gzip.NewWriterLevel(nil, gzip.BestCompression) // the level is valid
	err := fs.WalkDir(staticTree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := staticTree.ReadFile(name)
		if err != nil {
			return err
		}
		s.take(name, body)
		return nil
	})
	return s, err
}

func (s *staticFiles) take(name string, body []byte) {
	if icon, ok := strings.CutPrefix(name, "icons/"); ok {
		s.icons[strings.TrimSuffix(icon, ".svg")] = template.HTML(bytes.TrimSpace(body))
		return
	}
	plain := strings.TrimPrefix(name, "static/")
	s.urls[plain] = s.add(plain, body)
	unhashed := *s.files[s.urls[plain]]
	unhashed.hashed = false
	s.files["/static/"+plain] = &unhashed
}

// add keeps a file under a name with its hash and returns that URL.
func (s *staticFiles) add(name string, body []byte) string {
	sum := sha256.Sum256(body)
	hash := base64.RawURLEncoding.EncodeToString(sum[:9])
	ext := path.Ext(name)
	url := "/static/" + strings.TrimSuffix(name, ext) + "-" + hash + ext
	s.files[url] = &staticFile{body: body, gzipped: s.squeeze(body), contentType: contentType(ext), etag: `"` + hash + `"`, hashed: true}
	return url
}

func contentType(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "application/octet-stream"
}

func (s *staticFiles) squeeze(body []byte) []byte {
	var b bytes.Buffer
	s.zip.Reset(&b)
	_, _ = s.zip.Write(body) // a bytes.Buffer does not fail
	_ = s.zip.Close()
	return b.Bytes()
}

// url returns the hashed URL of a file by its plain name.
func (s *staticFiles) url(name string) string { return s.urls[name] }

// icon returns an icon's SVG; an unknown name gives none.
func (s *staticFiles) icon(name string) template.HTML { return s.icons[name] }

// ServeHTTP serves a file from memory.
func (s *staticFiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := s.files[r.URL.Path]
	if f == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f.headers(w.Header())
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	f.write(w, r)
}

func (f *staticFile) headers(h http.Header) {
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("X-Content-Type-Options", "nosniff")
	// An SVG opened by itself is a document: it may not run anything.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "public, max-age=300")
	if f.hashed {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
}

func (f *staticFile) write(w http.ResponseWriter, r *http.Request) {
	body := f.body
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && len(f.gzipped) < len(body) {
		w.Header().Set("Content-Encoding", "gzip")
		body = f.gzipped
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the client may be gone
}
