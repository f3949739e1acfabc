package device

import (
	"crypto/rand"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRFC8628_6_1_CodesAreEightLettersThatMakeNoWord(t *testing.T) {
	shape := regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{8}$`)
	seen, letters := map[string]bool{}, map[rune]int{}
	for range 5000 {
		code, err := newUserCode(rand.Reader)
		if err != nil || !shape.MatchString(code) || seen[code] {
			t.Fatalf("%q, %v", code, err)
		}
		seen[code] = true
		for _, letter := range code {
			letters[letter]++
		}
	}
	for letter, count := range letters { // 2000 expected of each; five standard deviations are 218
		if count < 1780 || count > 2220 {
			t.Errorf("%c is drawn %d times of 40000, want about 2000", letter, count)
		}
	}
	if _, err := newUserCode(iotest.ErrReader(iotest.ErrTimeout)); err == nil {
		t.Error("a code without randomness")
	}
}

func TestRFC8628_6_1_CodesAreReadHoweverTheyAreTyped(t *testing.T) {
	for _, typed := range []string{
		"WDJB-MJHT", "wdjb-mjht", "WdJbMjHt", " wdjb mjht ", "w-d-j-b-m-j-h-t", "WDJB‑MJHT", "WDJB–MJHT", "WDJB\u00a0MJHT", "WDJB−MJHT",
	} {
		if code, err := readUserCode(typed); err != nil || code != "WDJBMJHT" {
			t.Errorf("%q is read as %q, %v", typed, code, err)
		}
	}
	for _, typed := range []string{
		"", "-", "WDJB-MJH", "WDJB-MJHTX", "WDJB-MJHA", "WDJB-MJH1", "WDJB_MJHT", "WDJB-MJH\x00", "ＷＤＪＢＭＪＨＴ", "ẆDJBMJH", strings.Repeat("-", 200) + "WDJBMJHT",
	} {
		if code, err := readUserCode(typed); err == nil {
			t.Errorf("%q is read as %q", typed, code)
		}
	}
}

func FuzzReadUserCode(f *testing.F) {
	for _, typed := range []string{"WDJB-MJHT", "wdjbmjht", " w d j b ", "", "ſ", "K", "\xff", "WDJB\u2010MJHT", "A\u0300"} {
		f.Add(typed)
	}
	shape := regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{8}$`)
	f.Fuzz(func(t *testing.T, typed string) {
		code, err := readUserCode(typed)
		if err != nil {
			return
		}
		if !shape.MatchString(code) {
			t.Fatalf("%q is read as %q", typed, code)
		}
		if again, err := readUserCode(strings.ToLower(formatUserCode(code))); err != nil || again != code {
			t.Errorf("%q is read as %q, and as people see it as %q, %v", typed, code, again, err)
		}
	})
}
