-- name: ListSigningKeys :many
SELECT * FROM signing_keys WHERE issuer = $1 ORDER BY created_at, kid;

-- name: ListIssuers :many
SELECT DISTINCT issuer FROM signing_keys ORDER BY issuer;

-- name: InsertSigningKey :exec
INSERT INTO signing_keys (issuer, kid, alg, state, private_sealed, created_at, activated_at, retired_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: SetSigningKeyState :exec
UPDATE signing_keys SET state = $3, activated_at = $4, retired_at = $5 WHERE issuer = $1 AND kid = $2;

-- name: DeleteSigningKey :exec
DELETE FROM signing_keys WHERE issuer = $1 AND kid = $2;

-- name: BumpChange :exec
INSERT INTO changes (topic, version) VALUES ($1, 1)
ON CONFLICT (topic) DO UPDATE SET version = changes.version + 1;

-- name: ListChanges :many
SELECT * FROM changes;
