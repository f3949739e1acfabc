package serviceaccount

import (
	"encoding/json"
	"errors"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
)

// Expiry is when a key ends, as programs write it: ISO 8601, with a zone or in UTC, with a time of day or at its beginning. null
// and "" mean never.
type Expiry struct{ At micros.Time }

// isoLayouts are the forms of ISO 8601 that date libraries write by themselves.
var isoLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", time.DateOnly}

// UnmarshalJSON reads an Expiry. Its error is written for the client.
func (e *Expiry) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New("expires_at must be a string such as 2030-01-31T12:00:00Z, or null")
	}
	e.At = 0
	if text == "" {
		return nil
	}
	for _, layout := range isoLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			e.At = max(1, micros.Time(at.UnixMicro())) // 0 would be never, and is what year 1 and 1970 read as
			return nil
		}
	}
	return errors.New("expires_at must be a time such as 2030-01-31T12:00:00Z")
}

// checkExpiry: a key that has expired already is a mistake of the caller's.
func checkExpiry(at, now micros.Time) error {
	if !at.Never() && at <= now {
		return oauth.InvalidRequest("expires_at is over already")
	}
	return nil
}
