package password

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey.dev/internal/oauth"
)

func TestAHashFitsItsPasswordOnly(t *testing.T) {
	h := New(Config{Rand: rand.Reader})
	hash, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash = %s", hash)
	}
	for password, want := range map[string]bool{"correct horse": true, "Correct horse": false, "": false} {
		if got, err := h.Verify(t.Context(), hash, password); got != want || err != nil {
			t.Errorf("Verify(%q) = %v, %v; want %v", password, got, err, want)
		}
	}
	again, _ := h.Hash(t.Context(), "correct horse")
	if again == hash {
		t.Error("two hashes of one password are equal: the salt is not random")
	}
}

func TestRFC8265_4_2_1_AccentsTypedDifferentlyAreOnePassword(t *testing.T) {
	h := New(Config{Rand: rand.Reader})
	hash, err := h.Hash(t.Context(), "caf\u00e9 au lait")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := h.Verify(t.Context(), hash, "cafe\u0301 au lait"); !ok || err != nil {
		t.Errorf("Verify = %v, %v", ok, err)
	}
}

// Hashes of other systems, which may not have composed the characters that were typed.
func TestABcryptHashThatWasBroughtFitsItsPasswordOnly(t *testing.T) {
	h := New(Config{Rand: rand.Reader})
	decomposed, err := bcrypt.GenerateFromPassword([]byte("cafe\u0301 au lait"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		hash, password string
		want           bool
	}{
		{"$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abc", true}, // jBCrypt's test vector
		{"$2y$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abc", true}, // as PHP writes it
		{"$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abC", false},
		{string(decomposed), "cafe\u0301 au lait", true},
	} {
		if err := CheckBrought(test.hash); err != nil {
			t.Errorf("%s: %v", test.hash, err)
		}
		if got, err := h.Verify(t.Context(), test.hash, test.password); got != test.want || err != nil {
			t.Errorf("%s, %q: %v, %v", test.hash, test.password, got, err)
		}
	}
	for _, hash := range []string{"", "5f4dcc3b5aa765d61d8327deb882cf99", "$2b$12$", "$2b$20$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "$argon2id$v=19$m=999999999,t=2,p=1$c2FsdA$a2V5"} {
		if CheckBrought(hash) == nil {
			t.Errorf("%q is taken", hash)
		}
	}
}

func TestAnUnknownUserNeverFits(t *testing.T) {
	h := New(Config{Rand: rand.Reader})
	if ok, err := h.Verify(t.Context(), "", "anything at all"); ok || err != nil {
		t.Errorf("Verify = %v, %v", ok, err)
	}
}

func TestAnUnknownUserTakesAsLongAsAKnownOne(t *testing.T) {
	h := New(Config{Rand: rand.Reader})
	hash, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	took := func(hash string) time.Duration {
		started := time.Now()
		_, _ = h.Verify(t.Context(), hash, "anything at all")
		return time.Since(started)
	}
	known, unknown := took(hash), took("")
	for range 50 { // the quickest of many: on a busy machine a single one says nothing
		if known < 2*unknown && unknown < 2*known {
			return
		}
		known, unknown = min(known, took(hash)), min(unknown, took(""))
	}
	t.Errorf("known %v, unknown %v", known, unknown)
}

func TestATamperedHashIsAnErrorAndCostsNothing(t *testing.T) {
	h := New(Config{Rand: rand.Reader})
	for _, hash := range []string{
		"x", "$argon2i$v=19$m=19456,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=4294967295,t=2,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=19456,t=4000000000,p=1$AAAA$AAAA", "$argon2id$v=19$m=19456,t=2,p=0$AAAA$AAAA", "$argon2id$v=16$m=19456,t=2,p=1$AAAA$AAAA",
	} {
		if ok, err := h.Verify(t.Context(), hash, "x"); ok || err == nil {
			t.Errorf("Verify(%s) = %v, %v", hash, ok, err)
		}
	}
}

func TestTooManyAtOnceWaitAndThenHearSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{Rand: rand.Reader, Concurrent: 1, Wait: time.Second})
		h.slots <- struct{}{} // somebody else's hash that takes long
		started := time.Now()
		_, err := h.Hash(t.Context(), "correct horse")
		if busy := (*oauth.Error)(nil); !errors.As(err, &busy) || busy.Code != oauth.CodeTemporarilyUnavailable || busy.RetryAfter == 0 {
			t.Errorf("err = %v", err)
		}
		if waited := time.Since(started); waited != time.Second {
			t.Errorf("waited %v", waited)
		}
		<-h.slots
		if _, err := h.Hash(t.Context(), "correct horse"); err != nil {
			t.Errorf("after the rush: %v", err)
		}
	})
}

func TestALongLineIsTurnedAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{Rand: rand.Reader, Concurrent: 1, Wait: time.Hour})
		h.slots <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		for range waitersPerSlot {
			waiting.Go(func() { _, _ = h.Hash(ctx, "x") })
		}
		synctest.Wait()
		started := time.Now()
		if _, err := h.Hash(ctx, "x"); err == nil || time.Since(started) != 0 {
			t.Errorf("err = %v after %v", err, time.Since(started))
		}
		cancel()
		waiting.Wait()
	})
}

func TestPolicy(t *testing.T) {
	for password, want := range map[string]Problem{
		"short":                  TooShort,
		"ninechars":              TooShort,
		"tencharsok":             "",
		"mười ký tự":             "",
		strings.Repeat("xy", 65): TooLong,
		"password123":            Common,
		"PassWord123":            Common,
		"aaaaaaaaaaaa":           Common,
		"noura@example.org":      Personal,
		"noura12345":             Personal,
		"salem12345":             Personal,
		"example1noura":          Personal,
		"noura likes green tea":  "",
		"purple envelope seven":  "",
	} {
		if got := Check(password, "noura@example.org", "Noura Al Salem"); got != want {
			t.Errorf("Check(%q) = %q, want %q", password, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, hash string) {
		if c, salt, key, err := decode(hash); err == nil && (c.memory > mostMemory || c.time > mostTime || len(salt) == 0 || len(key) != keyBytes) {
			t.Errorf("decode(%q) = %+v", hash, c)
		}
	})
}

func TestAHashIsWeakWhereOursWouldBeBetter(t *testing.T) {
	const bcrypted = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"
	salted := "$" + base64.RawStdEncoding.EncodeToString(make([]byte, saltBytes)) + "$" + base64.RawStdEncoding.EncodeToString(make([]byte, keyBytes))
	h := New(Config{Rand: rand.Reader})
	for _, test := range []struct {
		hash, proof string
		want        bool
	}{
		{bcrypted, "abc", true},
		{bcrypted, strings.Repeat("a", 72), true},
		{bcrypted, strings.Repeat("a", 73), false}, // anybody's who knows 72 of them
		{bcrypted, strings.Repeat("e\u0301", 30), false},
		{"$argon2id$v=19$m=19456,t=2,p=1" + salted, "abc", false},
		{"$argon2id$v=19$m=47104,t=1,p=1" + salted, "abc", false}, // OWASP's first choice
		{"$argon2id$v=19$m=65536,t=1,p=4" + salted, "abc", false},
		{"$argon2id$v=19$m=19456,t=1,p=1" + salted, "abc", true},
		{"$argon2id$v=19$m=8192,t=16,p=1" + salted, "abc", true},
	} {
		if got := h.Weak(test.hash, test.proof); got != test.want {
			t.Errorf("%s of %d bytes: weak is %t", test.hash, len(test.proof), got)
		}
	}
}
