package portal

import (
	"latchkey.dev/internal/store"
)

// Tells tells whether the activity page has words for a type of event.
func Tells(kind store.EventType) bool {
	_, ok := tellings[kind]
	return ok
}
