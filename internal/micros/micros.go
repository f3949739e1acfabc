// Package micros is time as the database holds it: whole microseconds since 1970 UTC, where 0 means "never" or "not yet".
// Go supplies every time, so that both engines compare the same integers and tests own the clock.
package micros

import "time"

// Time is an instant in microseconds since the Unix epoch; the zero value means never.
type Time int64

// Of is t in microseconds; the zero time.Time becomes never.
func Of(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixMicro())
}

// Time converts back, in UTC; never becomes the zero time.Time.
func (m Time) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// Never tells whether nothing happened yet.
func (m Time) Never() bool { return m == 0 }

// Unix is the instant in whole seconds, as protocol members carry it.
func (m Time) Unix() int64 { return int64(m) / 1e6 }

// Add moves the instant by d.
func (m Time) Add(d time.Duration) Time { return m + Time(d.Microseconds()) }

// Sub is how much later m is than earlier.
func (m Time) Sub(earlier Time) time.Duration { return time.Duration(m-earlier) * time.Microsecond }
