package oauth

import (
	"database/sql/driver"
	"fmt"
	"strings"
)

// Value writes the set as its text (driver.Valuer), so that the database holds what the wire shows.
func (s ScopeSet) Value() (driver.Value, error) { return s.String(), nil }

// Scan reads back what Value wrote (sql.Scanner).
func (s *ScopeSet) Scan(source any) error {
	switch text := source.(type) {
	case string:
		*s = strings.Fields(text)
	case []byte:
		*s = strings.Fields(string(text))
	default:
		return fmt.Errorf("oauth: a scope set cannot be read from %T", source)
	}
	return nil
}
