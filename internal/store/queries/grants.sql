-- name: GetGrant :one
SELECT * FROM grants WHERE id = $1 AND issuer = $2;

-- name: FindGrant :one
SELECT * FROM grants WHERE issuer = $1 AND user_id = $2 AND account_id = $3 AND client_id = $4 AND revoked_at = 0;

-- name: InsertGrant :execrows
-- Nothing is inserted beside a connection that lives, or under an identifier that one had which was ended meanwhile.
INSERT INTO grants (id, issuer, user_id, account_id, client_id, scopes, declined, version, created_at, updated_at, last_used_at, revoked_at, revoke_reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, 0, 0, '')
ON CONFLICT DO NOTHING;

-- name: UpdateGrant :execrows
-- The version makes it the consent that was read that is changed, not one given meanwhile.
UPDATE grants SET scopes = $3, declined = $4, updated_at = $5, version = version + 1
WHERE id = $1 AND version = $2 AND revoked_at = 0;

-- name: TouchGrant :exec
UPDATE grants SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2;

-- name: RevokeGrant :one
UPDATE grants SET revoked_at = $3, revoke_reason = $4 WHERE id = $1 AND issuer = $2 AND revoked_at = 0 RETURNING *;

-- name: RevokeGrantsOfMember :many
UPDATE grants SET revoked_at = $4, revoke_reason = $5
WHERE issuer = $1 AND account_id = $2 AND user_id = $3 AND revoked_at = 0 RETURNING *;

-- name: RevokeGrantsOfUser :many
-- A small batch of them, with one app or with any.
UPDATE grants SET revoked_at = sqlc.arg(now), revoke_reason = sqlc.arg(reason)
WHERE grants.revoked_at = 0 AND grants.id IN (
    SELECT g.id FROM grants AS g
    WHERE g.issuer = $1 AND g.user_id = $2 AND g.revoked_at = 0 AND (g.client_id = sqlc.arg(client_id) OR sqlc.arg(client_id) = '') LIMIT 100)
RETURNING *;

-- name: ListGrantsOfUser :many
SELECT grants.*, accounts.name AS account_name
FROM grants JOIN accounts ON accounts.issuer = grants.issuer AND accounts.id = grants.account_id
WHERE grants.issuer = $1 AND grants.user_id = $2 AND grants.revoked_at = 0
ORDER BY grants.created_at DESC, grants.id LIMIT $3;

-- name: ListGrantsOfUserWithApp :many
-- In the order of the index that tells a person's connections: an app may have a million others.
SELECT * FROM grants WHERE issuer = $1 AND user_id = $2 AND client_id = $3 AND revoked_at = 0 ORDER BY account_id LIMIT $4;

-- name: ListGrantsOfAccount :many
SELECT grants.*, users.name AS user_name, users.email AS user_email
FROM grants JOIN users ON users.issuer = grants.issuer AND users.id = grants.user_id
WHERE grants.issuer = $1 AND grants.account_id = $2 AND grants.revoked_at = 0
ORDER BY grants.created_at DESC, grants.id LIMIT $3;

-- name: ListGrantsOfClient :many
-- What an app holds for itself has no user.
SELECT grants.*, CAST(COALESCE(users.name, '') AS TEXT) AS user_name, CAST(COALESCE(users.email, '') AS TEXT) AS user_email
FROM grants LEFT JOIN users ON users.issuer = grants.issuer AND users.id = grants.user_id
WHERE grants.issuer = $1 AND grants.client_id = $2 AND grants.revoked_at = 0 AND grants.id > sqlc.arg(after)
ORDER BY grants.id LIMIT sqlc.arg(page);

-- name: CountGrantsOfClient :one
SELECT count(*) FROM (SELECT 1 FROM grants WHERE grants.issuer = $1 AND grants.client_id = $2 AND grants.revoked_at = 0 LIMIT $3) AS alive;

-- name: InsertCode :exec
INSERT INTO codes (hash, issuer, client_id, grant_id, family_id, data, created_at, expires_at, used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)
ON CONFLICT (hash) DO NOTHING;

-- name: InsertCodeOfMember :execrows
-- One statement decides that the role which allows the code is still the member's.
INSERT INTO codes (hash, issuer, client_id, grant_id, family_id, data, created_at, expires_at, used_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, 0 FROM members
WHERE members.issuer = $2 AND members.account_id = sqlc.arg(account_id) AND members.user_id = sqlc.arg(user_id) AND members.role = sqlc.arg(role);

-- name: GetCode :one
SELECT sqlc.embed(codes), sqlc.embed(grants), users.suspended_at AS user_suspended_at
FROM codes JOIN grants ON grants.id = codes.grant_id JOIN users ON users.issuer = grants.issuer AND users.id = grants.user_id
WHERE codes.hash = $1 AND codes.issuer = $2;

-- name: InsertFamilyOfCode :exec
-- What a code buys. The family's key is where racing redemptions meet; what follows in the same transaction happens when it is there.
INSERT INTO families (id, issuer, grant_id, client_id, user_id, account_id, scopes, data, generation, rotated_at, created_at, expires_at, revoked_at, revoke_reason)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10, 0, '' FROM codes JOIN grants ON grants.id = codes.grant_id
WHERE codes.hash = sqlc.arg(code_hash) AND codes.family_id = $1 AND codes.used_at = 0 AND codes.expires_at > $9 AND grants.revoked_at = 0
ON CONFLICT (id) DO NOTHING;

-- name: InsertEventOfCode :exec
INSERT INTO events (id, issuer, at, type, user_id, account_id, client_id, grant_id, request_id, address, data)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM codes JOIN families ON families.id = codes.family_id
WHERE codes.hash = sqlc.arg(code_hash) AND codes.used_at = 0;

-- name: ConsumeCode :execrows
UPDATE codes SET used_at = $2 WHERE hash = $1 AND used_at = 0
  AND EXISTS (SELECT 1 FROM families WHERE families.id = codes.family_id);

-- name: InsertFamily :exec
INSERT INTO families (id, issuer, grant_id, client_id, user_id, account_id, scopes, data, generation, rotated_at, created_at, expires_at, revoked_at, revoke_reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10, 0, '');

-- name: GetFamily :one
-- A client's own family has no user.
SELECT sqlc.embed(families), sqlc.embed(grants), CAST(COALESCE(users.suspended_at, 0) AS BIGINT) AS user_suspended_at
FROM families JOIN grants ON grants.id = families.grant_id LEFT JOIN users ON users.issuer = grants.issuer AND users.id = grants.user_id
WHERE families.id = $1 AND families.issuer = $2 AND (families.user_id = '' OR users.id IS NOT NULL);

-- name: RotateFamily :execrows
-- Nothing that has an index changes, so that a rotation writes one page, and PostgreSQL one version of the row and nothing else.
UPDATE families SET generation = sqlc.arg(next), rotated_at = sqlc.arg(now)
WHERE families.id = $1 AND families.generation = $2 AND families.revoked_at = 0 AND families.expires_at > sqlc.arg(now)
  AND EXISTS (SELECT 1 FROM grants WHERE grants.id = families.grant_id AND grants.revoked_at = 0);

-- name: RotateFamilyUntil :execrows
UPDATE families SET generation = sqlc.arg(next), rotated_at = sqlc.arg(now), expires_at = sqlc.arg(expires_at)
WHERE families.id = $1 AND families.generation = $2 AND families.revoked_at = 0 AND families.expires_at > sqlc.arg(now)
  AND EXISTS (SELECT 1 FROM grants WHERE grants.id = families.grant_id AND grants.revoked_at = 0);

-- name: LockFamily :execrows
-- Who buys with a family's token and who ends the family take turns here. Without it neither sees on PostgreSQL what the other has not committed.
UPDATE families SET generation = generation WHERE id = $1 AND issuer = $2 AND revoked_at = 0;

-- name: RevokeFamily :execrows
UPDATE families SET revoked_at = $3, revoke_reason = $4 WHERE id = $1 AND issuer = $2 AND revoked_at = 0;

-- name: RevokeToken :exec
INSERT INTO revoked_tokens (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING;

-- name: GetUserTokenState :one
-- All that can have ended an access token of a family since it was issued, in one read. A client's own has no user.
SELECT families.revoked_at AS family_revoked_at, families.revoke_reason AS family_reason,
    grants.revoked_at AS grant_revoked_at, grants.revoke_reason AS grant_reason, grants.scopes AS grant_scopes,
    clients.status AS client_status, clients.revoked_before, CAST(COALESCE(users.suspended_at, 0) AS BIGINT) AS user_suspended_at,
    EXISTS (SELECT 1 FROM revoked_tokens WHERE revoked_tokens.id = sqlc.arg(token_id)) AS token_revoked
FROM families
JOIN grants ON grants.id = families.grant_id
JOIN clients ON clients.issuer = families.issuer AND clients.id = families.client_id
LEFT JOIN users ON users.issuer = families.issuer AND users.id = families.user_id
WHERE families.id = sqlc.arg(family_id) AND families.issuer = sqlc.arg(issuer) AND (families.user_id = '' OR users.id IS NOT NULL);

-- name: GetUserOfToken :one
-- GetUserTokenState, with the person behind the token. The issuer is the connection's: were it the family's, PostgreSQL would take all
-- users of the issuer that was asked for, as long as they are few, and merge them.
SELECT families.revoked_at AS family_revoked_at, families.revoke_reason AS family_reason,
    grants.revoked_at AS grant_revoked_at, grants.revoke_reason AS grant_reason, grants.scopes AS grant_scopes,
    clients.status AS client_status, clients.revoked_before, users.suspended_at AS user_suspended_at,
    EXISTS (SELECT 1 FROM revoked_tokens WHERE revoked_tokens.id = sqlc.arg(token_id)) AS token_revoked,
    users.id AS user_id, users.email, users.email_verified_at, users.name, users.locale, users.updated_at
FROM families
JOIN grants ON grants.id = families.grant_id
JOIN clients ON clients.issuer = grants.issuer AND clients.id = families.client_id
JOIN users ON users.issuer = grants.issuer AND users.id = families.user_id
WHERE families.id = sqlc.arg(family_id) AND families.issuer = sqlc.arg(issuer);

-- name: GetClientTokenState :one
SELECT clients.status AS client_status, clients.revoked_before,
    EXISTS (SELECT 1 FROM revoked_tokens WHERE revoked_tokens.id = sqlc.arg(token_id)) AS token_revoked
FROM clients WHERE clients.issuer = sqlc.arg(issuer) AND clients.id = sqlc.arg(client_id);
