-- name: InsertClient :execrows
INSERT INTO clients (issuer, id, account_id, name, status, metadata, created_at, updated_at, revoked_before)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0)
ON CONFLICT (issuer, id) DO NOTHING;

-- name: GetClient :one
SELECT * FROM clients WHERE issuer = $1 AND id = $2;

-- name: ListClients :many
SELECT * FROM clients WHERE issuer = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: ListClientsOfAccount :many
SELECT * FROM clients WHERE issuer = $1 AND account_id = $2 ORDER BY id LIMIT $3;

-- name: UpdateClient :execrows
UPDATE clients SET name = $3, metadata = $4, updated_at = $5 WHERE issuer = $1 AND id = $2;

-- name: SetClientStatus :execrows
UPDATE clients SET status = $3, updated_at = $4 WHERE issuer = $1 AND id = $2;

-- name: RevokeClientTokens :execrows
UPDATE clients SET revoked_before = $3, updated_at = $3 WHERE issuer = $1 AND id = $2;

-- name: LockClient :one
-- As LockMember does.
UPDATE clients SET status = status WHERE issuer = $1 AND id = $2 RETURNING *;

-- name: DeleteClient :execrows
DELETE FROM clients WHERE issuer = $1 AND id = $2;

-- name: InsertClientSecret :exec
INSERT INTO client_secrets (issuer, id, client_id, hash, hint, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: ListClientSecrets :many
SELECT * FROM client_secrets WHERE issuer = $1 AND client_id = $2 ORDER BY created_at;

-- name: ExpireClientSecret :execrows
UPDATE client_secrets SET expires_at = $4 WHERE issuer = $1 AND client_id = $2 AND id = $3 AND (expires_at = 0 OR expires_at > $4);

-- name: DeleteClientSecrets :exec
DELETE FROM client_secrets WHERE issuer = $1 AND client_id = $2;

-- name: DeleteEndedSecrets :exec
DELETE FROM client_secrets WHERE issuer = $1 AND client_id = $2 AND expires_at > 0 AND expires_at <= $3;

-- name: InsertDeletedClient :exec
INSERT INTO deleted_clients (issuer, client_id, deleted_at) VALUES ($1, $2, $3)
ON CONFLICT (issuer, client_id) DO UPDATE SET deleted_at = excluded.deleted_at;

-- name: ListDeletedClients :many
SELECT * FROM deleted_clients ORDER BY issuer, client_id LIMIT 5;

-- name: RevokeGrantsOfClient :many
-- What was connected after the app was deleted belongs to another that took its identifier.
UPDATE grants SET revoked_at = sqlc.arg(now), revoke_reason = sqlc.arg(reason)
WHERE grants.revoked_at = 0 AND grants.id IN (
    SELECT g.id FROM grants AS g WHERE g.issuer = $1 AND g.client_id = $2 AND g.revoked_at = 0 AND g.created_at <= sqlc.arg(deleted_at) LIMIT 100)
RETURNING *;

-- name: ForgetDeletedClient :execrows
DELETE FROM deleted_clients WHERE deleted_clients.issuer = $1 AND deleted_clients.client_id = $2 AND NOT EXISTS (
    SELECT 1 FROM grants WHERE grants.issuer = $1 AND grants.client_id = $2 AND grants.revoked_at = 0 AND grants.created_at <= deleted_clients.deleted_at);
