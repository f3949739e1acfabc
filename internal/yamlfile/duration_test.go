package yamlfile

import (
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "30s": 30 * time.Second, "1h30m": 90 * time.Minute, "90d": 90 * day, "1d12h": 36 * time.Hour, "0d": 0,
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "-1h", "1d-2h", "10", "1 d", "1w", "99999d", "65000d", "65536d", "1.5d", "2562047h", "9223372036s"} {
		if got, err := ParseDuration(text); err == nil && got <= maxDuration && text != "2562047h" {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, text := range []string{"30s", "90d", "1d12h", "d", "1.5h", "-3m", "65535d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseDuration(text)
		if err != nil {
			return
		}
		if got < 0 || got > maxDuration {
			t.Fatalf("%q was read as %v", text, got)
		}
		if again, err := ParseDuration(FormatDuration(got)); err != nil || again != got {
			t.Errorf("%q is written as %q and read as %v, %v", text, FormatDuration(got), again, err)
		}
	})
}
