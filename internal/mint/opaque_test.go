package mint

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// FuzzParseAccess feeds the reader what only the holder of the master key could seal: it must still be sound.
func FuzzParseAccess(fuzz *testing.F) {
	fuzz.Add(appendAccess(nil, Access{JTI: "x", Subject: "019c0000-0000-7000-8000-000000000000", Scopes: []string{"a", "b"}, IssuedAt: 1, ExpiresAt: 2}))
	fuzz.Add([]byte{opaqueVersion})
	fuzz.Add([]byte{opaqueVersion, 0, 0, 0, 1})
	fuzz.Add([]byte{opaqueVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	fuzz.Fuzz(func(t *testing.T, plain []byte) {
		access, err := parseAccess(plain)
		if err != nil {
			if !errors.Is(err, ErrUnreadable) {
				t.Error(err)
			}
			return
		}
		again, err := parseAccess(appendAccess(nil, access))
		first, _ := json.Marshal(access)
		second, _ := json.Marshal(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s reads back as %s, %v", first, second, err)
		}
	})
}
