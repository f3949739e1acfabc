package session

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"latchkey.dev/internal/seal"
)

const (
	devicePurpose  = "known-device"
	deviceLifetime = 365 * 24 * time.Hour
	devicePeople   = 10      // who signed in here last; a kiosk forgets the rest
	deviceLongest  = 4 << 10 // of the sealed cookie, in characters
)

// device is what the sealed cookie says: a name for this browser and who signed in with it.
type device struct {
	ID     string   `json:"id"`
	People []string `json:"people"`
}

// KnownDevice names this browser if the user signed in with it before, and is "" otherwise. The name is random and tells
// nothing but that two requests came from one browser.
func (m *Manager) KnownDevice(r *http.Request, userID string) string {
	known := m.device(r)
	if !slices.Contains(known.People, userID) {
		return ""
	}
	return known.ID
}

func (m *Manager) device(r *http.Request) (known device) {
	cookie, err := m.FindCookie(r, deviceCookie)
	if err != nil || len(cookie.Value) > deviceLongest {
		return device{}
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return device{}
	}
	plain, err := m.keyring.Open(devicePurpose, []byte(m.issuer.Name), sealed)
	if err != nil || json.Unmarshal(plain, &known) != nil {
		return device{}
	}
	return known
}

// RememberDevice adds the user to those who signed in with this browser, and renews the cookie's year.
func (m *Manager) RememberDevice(w http.ResponseWriter, r *http.Request, userID string) {
	known := m.device(r)
	if known.ID == "" {
		known.ID = seal.NewSecret(m.rand, "")
	}
	others := slices.DeleteFunc(known.People, func(id string) bool { return id == userID })
	known.People = append([]string{userID}, others[:min(len(others), devicePeople-1)]...)
	plain, err := json.Marshal(known)
	if err != nil { // strings always marshal
		return
	}
	sealed := m.keyring.Seal(devicePurpose, []byte(m.issuer.Name), plain, m.rand)
	http.SetCookie(w, m.Cookie(deviceCookie, base64.RawURLEncoding.EncodeToString(sealed), deviceLifetime))
}
