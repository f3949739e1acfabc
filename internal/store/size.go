package store

import "context"

// Size is how many bytes the database takes: for SQLite its pages, whether they stand in the file or still in the log.
func (s *Store) Size(ctx context.Context) (size int64, err error) {
	query := "SELECT pg_database_size(current_database())"
	if _, embedded := s.engine.(*sqliteEngine); embedded {
		query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
	}
	err = s.engine.reader().QueryRow(ctx, query).Scan(&size)
	return size, s.fail(err)
}
