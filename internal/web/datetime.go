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

// onDate writes the day as a part of a sentence: "on 3 August 2026".
func (t *tongue) onDate(at time.Time) string {
	return t.fill(t.sentence("date.on", nil), []any{"date", t.date(at)}, func(v any) string { return fmt.Sprint(v) })
}

// relative writes how long ago or ahead a moment is; beyond a month it is the date, which date writes.
func (t *tongue) relative(at, now time.Time, date func(time.Time) string) string {
	ago := now.Sub(at)
	if ago < 0 {
		return t.ahead(-ago, at, date)
	}
	switch {
	case ago < time.Minute:
		return t.sentence("ago.moment", nil)
	case ago < time.Hour:
		return t.plain("ago.minutes", "n", int(ago/time.Minute))
	case ago < 24*time.Hour:
		return t.plain("ago.hours", "n", int(ago/time.Hour))
	case ago < 30*24*time.Hour:
		return t.plain("ago.days", "n", int(ago/(24*time.Hour)))
	}
	return date(at)
}

// ahead writes how far off at is, rounded up: who waits that long is never early.
func (t *tongue) ahead(wait time.Duration, at time.Time, date func(time.Time) string) string {
	switch {
	case wait < 10*time.Second:
		return t.sentence("ahead.moment", nil)
	case wait <= time.Hour:
		return t.plain("ahead.minutes", "n", ceil(wait, time.Minute))
	case wait <= 24*time.Hour:
		return t.plain("ahead.hours", "n", ceil(wait, time.Hour))
	case wait <= 30*24*time.Hour:
		return t.plain("ahead.days", "n", ceil(wait, 24*time.Hour))
	}
	return date(at)
}

func ceil(d, unit time.Duration) int { return int((d + unit - 1) / unit) }

// timeElement is a <time> with the relative words inside and the full date in its title.
func (t *tongue) timeElement(at, now time.Time, date func(time.Time) string) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, at.UTC().Format(time.RFC3339),
		template.HTMLEscapeString(t.dateTime(at)), template.HTMLEscapeString(t.relative(at, now, date))))
}
