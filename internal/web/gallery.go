package web

import (
	"net/http"
	"strings"
	"time"
)

// GalleryPath is where Gallery is mounted.
const GalleryPath = "/dev/gallery"

// GalleryEntry is one page or mail in one state, under a stable name such as "consent/changed".
type GalleryEntry struct {
	Name   string
	Status int
	Page   Page // nil for a mail
	Mail   Mail // nil for a page
	User   User // who is signed in there
}

// galleryEntries lists every page in every state, and the mails. Its moments are counted from now; the permissions of its
// apps are worded in lang. Names do not depend on either.
func galleryEntries(now time.Time, lang string) []GalleryEntry {
	s := samples{now: now, lang: lang}
	var entries []GalleryEntry
	for _, list := range [][]GalleryEntry{s.signingIn(), s.passwords(), s.choosing(), s.consents(), s.devices(), s.troubles(), s.connections(), s.activities(), s.settings(), s.accounts(), s.exchanges(), s.sandboxes(), s.mails()} {
		entries = append(entries, list...)
	}
	return entries
}

// Gallery shows every page and mail in every state: an index at /dev/gallery, and each at /dev/gallery/<name>?lang=.
// For development only.
func (re *Renderer) Gallery() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.Trim(strings.TrimPrefix(r.URL.Path, GalleryPath), "/")
		entries := galleryEntries(re.clock(), re.LanguageOf(r))
		if name == "" {
			re.show(w, r, http.StatusOK, galleryIndex{Entries: entries})
			return
		}
		for _, e := range entries {
			if e.Name == name {
				re.exhibit(w, r, e)
				return
			}
		}
		re.show(w, r, http.StatusNotFound, NotFound{})
	})
}

func (re *Renderer) exhibit(w http.ResponseWriter, r *http.Request, e GalleryEntry) {
	if e.Mail != nil {
		re.exhibitMail(w, r, e.Mail)
		return
	}
	chrome := ChromeFrom(r.Context())
	chrome.User, chrome.Lang = e.User, ""
	if chrome.RequestID == "" {
		chrome.RequestID = "7F3K-92"
	}
	re.show(w, r.WithContext(WithChrome(r.Context(), chrome)), e.Status, e.Page)
}

func (re *Renderer) exhibitMail(w http.ResponseWriter, r *http.Request, m Mail) {
	_, _, html, err := re.Mail(re.LanguageOf(r), m)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// Mail programs know no stylesheet files, so a mail's styles are inline.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:")
	_, _ = w.Write([]byte(html)) // the client may be gone
}

// show renders for the developer, who may see what went wrong.
func (re *Renderer) show(w http.ResponseWriter, r *http.Request, status int, page Page) {
	if err := re.Render(w, r, status, page); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// galleryIndex lists the gallery. It is for developers, in English only.
type galleryIndex struct{ Entries []GalleryEntry }

func (galleryIndex) page() meta {
	return meta{template: "gallery", layout: cardLayout, title: say("gallery.title")}
}

// galleryGroup is the states of one page.
type galleryGroup struct {
	Name    string
	Entries []GalleryEntry
}

// Groups returns the entries by what stands before the slash.
func (g galleryIndex) Groups() []galleryGroup {
	var groups []galleryGroup
	for _, e := range g.Entries {
		name, _, _ := strings.Cut(e.Name, "/")
		if len(groups) == 0 || groups[len(groups)-1].Name != name {
			groups = append(groups, galleryGroup{Name: name})
		}
		last := &groups[len(groups)-1]
		last.Entries = append(last.Entries, e)
	}
	return groups
}
