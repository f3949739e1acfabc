-- name: InsertClient :execrows
INSERT INTO clients (issuer, id, account_id, name, status, metadata, created_at, updated_at, revoked_before)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0)
ON CONFLICT (issuer, id) DO NOTHING;

-- name: GetClient :one
SELECT * FROM clients WHERE issuer = $1 AND id = $2;

-- name: ListClients :many
SELECT * FROM clients WHERE issuer = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: UpdateClient :execrows
UPDATE clients SET name = $3, metadata = $4, updated_at = $5 WHERE issuer = $1 AND id = $2;

-- name: SetClientStatus :execrows
UPDATE clients SET status = $3, updated_at = $4 WHERE issuer = $1 AND id = $2;

-- name: RevokeClientTokens :execrows
UPDATE clients SET revoked_before = $3, updated_at = $3 WHERE issuer = $1 AND id = $2;

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
