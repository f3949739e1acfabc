package store

// ForList is how tests see what PostgreSQL is asked when many look something up at once.
var ForList = forList

// Queued is how many decisions wait until those that travel to PostgreSQL are back.
func (s *Store) Queued() int { return len(s.engine.(*postgresEngine).decisions.queue) }
