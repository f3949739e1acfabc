-- name: InsertDeviceCode :execrows
INSERT INTO device_codes (hash, issuer, user_code, client_id, grant_id, family_id, data, poll_interval, next_poll_at, created_at, expires_at, allowed_at, denied_at, used_at)
VALUES ($1, $2, $3, $4, '', '', $5, $6, 0, $7, $8, 0, 0, 0)
ON CONFLICT DO NOTHING;

-- name: GetDeviceCode :one
SELECT * FROM device_codes WHERE hash = $1 AND issuer = $2;

-- name: FindDeviceCode :one
SELECT * FROM device_codes WHERE issuer = $1 AND user_code = $2;

-- name: GetGrantAndUser :one
SELECT sqlc.embed(grants), users.suspended_at AS user_suspended_at
FROM grants JOIN users ON users.issuer = grants.issuer AND users.id = grants.user_id
WHERE grants.id = $1 AND grants.issuer = $2;

-- name: PollDevice :execrows
UPDATE device_codes SET next_poll_at = CAST(sqlc.arg(now) AS bigint) + poll_interval
WHERE hash = $1 AND issuer = $2 AND allowed_at = 0 AND denied_at = 0 AND expires_at > sqlc.arg(now) AND next_poll_at <= sqlc.arg(soon);

-- name: SlowDevice :execrows
UPDATE device_codes SET poll_interval = poll_interval + sqlc.arg(more), next_poll_at = CAST(sqlc.arg(now) AS bigint) + poll_interval + sqlc.arg(more)
WHERE hash = $1 AND issuer = $2 AND allowed_at = 0 AND denied_at = 0 AND expires_at > sqlc.arg(now);

-- name: AllowDevice :execrows
-- The answer of whoever comes first; nobody changes it.
UPDATE device_codes SET allowed_at = sqlc.arg(now), grant_id = sqlc.arg(grant_id), family_id = sqlc.arg(family_id), data = sqlc.arg(data)
WHERE hash = $1 AND issuer = $2 AND allowed_at = 0 AND denied_at = 0 AND expires_at > sqlc.arg(now);

-- name: DenyDevice :execrows
UPDATE device_codes SET denied_at = sqlc.arg(now)
WHERE hash = $1 AND issuer = $2 AND allowed_at = 0 AND denied_at = 0 AND expires_at > sqlc.arg(now);

-- name: RedeemDeviceCode :execrows
UPDATE device_codes SET used_at = $2 WHERE hash = $1 AND allowed_at > 0 AND used_at = 0 AND expires_at > $2
  AND EXISTS (SELECT 1 FROM grants WHERE grants.id = device_codes.grant_id AND grants.revoked_at = 0);

-- name: PruneDeviceCodes :execrows
DELETE FROM device_codes WHERE hash IN (SELECT d.hash FROM device_codes AS d WHERE d.expires_at <= $1 ORDER BY d.expires_at LIMIT 100);

-- name: InsertRegistration :exec
INSERT INTO registrations (issuer, client_id, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: GetRegistration :one
SELECT * FROM registrations WHERE issuer = $1 AND client_id = $2;

-- name: CountUnusedRegistrations :one
SELECT count(*) FROM (SELECT 1 FROM registrations WHERE issuer = $1 AND expires_at > 0 LIMIT $2) AS unused;

-- name: UseRegistration :exec
UPDATE registrations SET expires_at = 0 WHERE issuer = $1 AND client_id = $2 AND expires_at > 0;

-- name: DeleteRegistration :exec
DELETE FROM registrations WHERE issuer = $1 AND client_id = $2;

-- name: PruneRegistrations :many
-- The outer condition is asked again of a row that somebody just connected.
DELETE FROM registrations WHERE registrations.expires_at > 0 AND registrations.expires_at <= $1 AND (registrations.issuer, registrations.client_id) IN (
    SELECT r.issuer, r.client_id FROM registrations AS r WHERE r.expires_at > 0 AND r.expires_at <= $1 ORDER BY r.expires_at LIMIT 100)
RETURNING issuer, client_id;
