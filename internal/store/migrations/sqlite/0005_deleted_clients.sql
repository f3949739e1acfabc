-- +goose Up
-- Apps that were deleted and may still have connections, which are ended in small batches.
CREATE TABLE deleted_clients (
    issuer     TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    deleted_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, client_id)
) STRICT, WITHOUT ROWID;
INSERT INTO deleted_clients (issuer, client_id, deleted_at)
SELECT grants.issuer, grants.client_id, max(grants.created_at) FROM grants
WHERE grants.revoked_at = 0 AND NOT EXISTS (SELECT 1 FROM clients WHERE clients.issuer = grants.issuer AND clients.id = grants.client_id)
GROUP BY grants.issuer, grants.client_id;

-- +goose Down
DROP TABLE deleted_clients;
