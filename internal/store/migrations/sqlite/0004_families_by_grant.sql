-- +goose Up
-- Nothing asks for a connection's families: they end with it, and are pruned by their own end.
DROP INDEX families_by_grant;

-- +goose Down
CREATE INDEX families_by_grant ON families (grant_id);
