package yamlfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as people write it: "10m", "1h30m", "90d". A day is 24 hours.
type Duration time.Duration

const (
	day         = 24 * time.Hour
	maxDuration = 100 * 365 * day // far below where arithmetic on microseconds could overflow
)

// ParseDuration reads days in front of what time.ParseDuration reads.
func ParseDuration(text string) (time.Duration, error) {
	days, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		days, rest = "0", text
	}
	count, err := strconv.ParseUint(days, 10, 16)
	if err != nil || text == "" {
		return 0, errDuration(text)
	}
	total := time.Duration(count) * day
	if rest != "" {
		part, err := time.ParseDuration(rest)
		if err != nil || part < 0 {
			return 0, errDuration(text)
		}
		total = min(total, maxDuration+1) + min(part, maxDuration+1)
	}
	if total > maxDuration {
		return 0, errors.New("is longer than 100 years: write less")
	}
	return total, nil
}

func errDuration(text string) error {
	return fmt.Errorf("%q is not a length of time: write it like 30s, 10m, 12h or 90d", text)
}

// FormatDuration writes d as ParseDuration reads it.
func FormatDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	text = strings.TrimSuffix(text, "m0s") + map[bool]string{true: "m"}[strings.HasSuffix(text, "m0s")]
	return strings.TrimSuffix(text, "h0m") + map[bool]string{true: "h"}[strings.HasSuffix(text, "h0m")]
}
