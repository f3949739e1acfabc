package store

// ForList is how tests see what PostgreSQL is asked when many look something up at once.
var ForList = forList
