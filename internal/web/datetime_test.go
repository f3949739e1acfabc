package web

import (
	"strings"
	"testing"
	"time"
)

func TestDatesInEachLanguage(t *testing.T) {
	at := time.Date(2026, time.August, 1, 9, 5, 0, 0, time.FixedZone("Gulf", 4*60*60))
	re := newRenderer(t)
	for lang, want := range map[string]string{
		"en": "1 August 2026, 05:05 UTC", "ar": "1 أغسطس 2026، 05:05 UTC", "vi": "1 tháng 8, 2026 lúc 05:05 UTC", "fr": "1er août 2026 à 05:05 UTC",
	} {
		if got := re.speakers[lang]().dateTime(at); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

func TestRelativeTimes(t *testing.T) {
	re := newRenderer(t)
	for _, c := range []struct {
		lang   string
		offset time.Duration
		want   string
	}{
		{"en", 0, "just now"}, {"en", -59 * time.Second, "just now"}, {"en", -time.Minute, "1 minute ago"}, {"en", -119 * time.Second, "1 minute ago"},
		{"en", -23 * time.Hour, "23 hours ago"}, {"en", -24 * time.Hour, "1 day ago"}, {"en", -29 * day, "29 days ago"}, {"en", -30 * day, "4 July 2026"},
		{"en", 5 * time.Second, "in a moment"}, {"en", 11 * time.Second, "in 1 minute"}, {"en", 14*time.Minute + time.Second, "in 15 minutes"},
		{"en", time.Hour, "in 60 minutes"}, {"en", 61 * time.Minute, "in 2 hours"}, {"en", 7 * day, "in 7 days"}, {"en", 40 * day, "12 September 2026"},
		{"fr", -3 * time.Hour, "il y a 3 heures"}, {"vi", -2 * day, "2 ngày trước"}, {"ar", -2 * time.Minute, "قبل دقيقتين"},
	} {
		if got := re.speakers[c.lang]().relative(midday().Add(c.offset), midday(), re.speakers[c.lang]().date); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.lang, c.offset, got, c.want)
		}
	}
}

// In a sentence a date needs its preposition: "Connected on 3 March".
func TestADateInASentenceHasItsPreposition(t *testing.T) {
	re := newRenderer(t)
	for lang, want := range map[string]string{"en": "on 4 July 2026", "fr": "le 4 juillet 2026", "vi": "ngày 4 tháng 7, 2026", "ar": "في 4 يوليو 2026"} {
		if got := re.speakers[lang]().relative(midday().Add(-30*day), midday(), re.speakers[lang]().onDate); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
	old := AccountDetail{Connections: []Connection{{App: ledgerly(), ConnectedAt: midday().Add(-400 * day)}}}
	if body := get(t, re, "/?lang=fr", old).Body.String(); !strings.Contains(body, "Connectée <time") || !strings.Contains(body, ">le 29 juin 2025</time>") {
		t.Errorf("an app that was connected long ago: %s", body)
	}
}

func TestTimeElementCarriesTheFullDate(t *testing.T) {
	sp := newRenderer(t).speakers["en"]()
	got := string(sp.timeElement(midday().Add(-time.Hour), midday(), sp.date))
	if want := `<time datetime="2026-08-03T11:00:00Z" title="3 August 2026, 11:00 UTC">1 hour ago</time>`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestNumbersInEachLanguage(t *testing.T) {
	re := newRenderer(t)
	for lang, want := range map[string]string{"en": "1,204,000", "ar": "1,204,000", "vi": "1.204.000", "fr": "1\u202f204\u202f000"} {
		got := strings.ReplaceAll(re.speakers[lang]().number(1204000), "\u00a0", "\u202f") // either space is right in French
		if got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

func TestDevicesInWords(t *testing.T) {
	sp := newRenderer(t).speakers["en"]()
	edge := chromeWin + " Edg/140.0"
	for agent, want := range map[string]string{
		firefoxLinux: "Firefox on Linux", safariPhone: "Safari on iPhone", chromeWin: "Chrome on Windows", edge: "Edge on Windows",
		"curl/8.5.0": "curl", "": "Unknown browser", "\xff": "Unknown browser",
	} {
		if got := sp.device(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}
