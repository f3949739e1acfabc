package wire

import "net/http"

// Redirect takes the browser to a location. It has no body, so that a code is nowhere but in the Location, and nothing of it
// is kept or passed on. After a post the status is 303, so that what was typed is not posted again (RFC 9700 §4.12).
func Redirect(w http.ResponseWriter, r *http.Request, location string) {
	status := http.StatusFound
	if r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	h := w.Header()
	h.Set("Location", location)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
}
