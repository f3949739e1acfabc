package session

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/seal"
)

func FuzzDeviceCookie(f *testing.F) {
	keyring, err := seal.NewKeyring(make([]byte, seal.MinMasterKey))
	if err != nil {
		f.Fatal(err)
	}
	m := New(Config{Issuer: &issuer.Issuer{Name: "acme"}, Keyring: keyring, Rand: strings.NewReader(strings.Repeat("n", 256))}) // the same in every process
	answer := httptest.NewRecorder()
	m.RememberDevice(answer, httptest.NewRequest(http.MethodGet, "/", nil), "ann")
	good := answer.Result().Cookies()[0].Value
	f.Add(good)
	f.Add("")
	f.Add(good[:len(good)-2])
	f.Fuzz(func(t *testing.T, value string) {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header.Set("Cookie", deviceCookie+"="+value)
		if known := m.KnownDevice(request, "ann"); known != "" && !strings.Contains(value, good) {
			t.Errorf("%q is believed to be a browser of Ann's", value)
		}
	})
}
