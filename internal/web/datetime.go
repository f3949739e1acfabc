package web

import (
	"fmt"
	"html/template"
	"time"
)

// Times are shown in UTC and say so: the server does not know the reader's clock, and a wrong hour would be worse than a
// stated one.

// date writes the day: "3 August 2026".
func (t *tongue) date(at time.Time) string {
	at = at.UTC()
	return t.fill(t.sentence("date.day", nil), []any{
		"day", t.dayOfMonth(at.Day()), "month", t.sentence(fmt.Sprintf("date.month%d", int(at.Month())), nil), "year", fmt.Sprint(at.Year()),
	}, func(v any) string { return fmt.Sprint(v) })
}

// dayOfMonth is the number of the day; French says "1er" for the first.
func (t *tongue) dayOfMonth(day int) string {
	if t.lang == "fr" && day == 1 {
		return "1er"
	}
	return fmt.Sprint(day)
}

// dateTime writes day and time: "3 August 2026, 14:05 UTC".
func (t *tongue) dateTime(at time.Time) string {
	return t.fill(t.sentence("date.full", nil), []any{"date", t.date(at), "time", at.UTC().Format("15:04")}, func(v any) string { return fmt.Sprint(v) })
}

// relative writes how long ago or ahead a moment is; beyond a month it is the date.
func (t *tongue) relative(at, now time.Time) string {
	ago := now.Sub(at)
	family := "ago"
	if ago < 0 {
		family, ago = "ahead", -ago
	}
	switch {
	case ago < time.Minute:
		return t.sentence(family+".moment", nil)
	case ago < time.Hour:
		return t.plain(family+".minutes", "n", int(ago.Minutes()))
	case ago < 24*time.Hour:
		return t.plain(family+".hours", "n", int(ago.Hours()))
	case ago < 30*24*time.Hour:
		return t.plain(family+".days", "n", int(ago.Hours()/24))
	}
	return t.date(at)
}

// timeElement is a <time> with the relative words inside and the full date in its title.
func (t *tongue) timeElement(at, now time.Time) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, at.UTC().Format(time.RFC3339),
		template.HTMLEscapeString(t.dateTime(at)), template.HTMLEscapeString(t.relative(at, now))))
}
