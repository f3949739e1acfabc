-- name: InsertServiceAccount :execrows
INSERT INTO service_accounts (issuer, id, account_id, name, channel, scopes, client_id, exchange_id, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
ON CONFLICT DO NOTHING;

-- name: GetServiceAccount :one
SELECT * FROM service_accounts WHERE issuer = $1 AND id = $2;

-- name: GetServiceAccountByChannel :one
SELECT * FROM service_accounts WHERE issuer = $1 AND channel = $2;

-- name: ListServiceAccounts :many
SELECT * FROM service_accounts WHERE issuer = $1 AND account_id = $2 AND id > $3 ORDER BY id LIMIT $4;

-- name: LockServiceAccount :execrows
-- Serializes changes to its keys, so that racing callers cannot outnumber the limit.
UPDATE service_accounts SET updated_at = $3 WHERE issuer = $1 AND id = $2;

-- name: InsertServiceAccess :exec
INSERT INTO service_access (issuer, service_account_id, account_id, grant_id, created_at) VALUES ($1, $2, $3, $4, $5);

-- name: ListServiceAccess :many
SELECT living_access.account_id, living_access.grant_id, accounts.name AS account_name
FROM living_access JOIN accounts ON accounts.issuer = living_access.issuer AND accounts.id = living_access.account_id
WHERE living_access.issuer = $1 AND living_access.service_account_id = $2 ORDER BY living_access.account_id;

-- name: InsertServiceKey :execrows
INSERT INTO service_keys (issuer, id, service_account_id, alg, public_key, addresses, created_at, expires_at, last_used_at, revoked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)
ON CONFLICT (issuer, id) DO NOTHING;

-- name: DeleteEndedServiceKeys :exec
DELETE FROM service_keys WHERE issuer = $1 AND service_account_id = $2
  AND (revoked_at > 0 AND revoked_at <= sqlc.arg(before) OR expires_at > 0 AND expires_at <= sqlc.arg(before));

-- name: CountServiceKeys :one
SELECT count(*) FROM service_keys
WHERE issuer = $1 AND service_account_id = $2 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $3);

-- name: ListServiceKeys :many
SELECT * FROM service_keys WHERE issuer = $1 AND service_account_id = $2 AND revoked_at = 0 ORDER BY created_at, id LIMIT 1000;

-- name: GetServiceKey :one
-- A key in whatever state, and whether its service account reaches another account.
SELECT sqlc.embed(service_keys), sqlc.embed(service_accounts),
    EXISTS (SELECT 1 FROM living_access WHERE living_access.issuer = service_accounts.issuer
        AND living_access.service_account_id = service_accounts.id) AS reaches
FROM service_keys
JOIN service_accounts ON service_accounts.issuer = service_keys.issuer AND service_accounts.id = service_keys.service_account_id
WHERE service_keys.issuer = $1 AND service_keys.id = $2;

-- name: TouchServiceKey :execrows
-- Refuses a key that ended since it was read.
UPDATE service_keys SET last_used_at = sqlc.arg(now)
WHERE issuer = $1 AND id = $2 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > sqlc.arg(now));

-- name: ExpireServiceKeys :execrows
UPDATE service_keys SET expires_at = sqlc.arg(expires_at)
WHERE issuer = $1 AND service_account_id = $2 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > sqlc.arg(expires_at));

-- name: RevokeServiceKey :execrows
UPDATE service_keys SET revoked_at = sqlc.arg(now)
WHERE issuer = $1 AND service_account_id = $2 AND id = $3 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > sqlc.arg(now));

-- name: RevokeServiceKeys :execrows
UPDATE service_keys SET revoked_at = sqlc.arg(now)
WHERE issuer = $1 AND service_account_id = $2 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > sqlc.arg(now));

-- name: RevokeKeysOfExchange :exec
UPDATE service_keys SET revoked_at = $3
WHERE service_keys.issuer = $1 AND service_keys.revoked_at = 0 AND service_keys.service_account_id IN (
    SELECT made.id FROM service_accounts AS made WHERE made.issuer = $1 AND made.exchange_id = $2);

-- name: SpendAssertion :execrows
INSERT INTO assertions (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING;

-- name: InsertServiceSession :exec
INSERT INTO service_sessions (hash, id, issuer, key_id, address, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: TrimServiceSessions :exec
-- A program that signs in for every call must not fill the table: its newest sessions stay.
DELETE FROM service_sessions WHERE hash IN (
    SELECT old.hash FROM service_sessions AS old WHERE old.issuer = $1 AND old.key_id = $2
    ORDER BY old.created_at DESC, old.hash LIMIT 100 OFFSET $3);

-- name: GetServiceSession :one
SELECT sqlc.embed(service_sessions), sqlc.embed(service_keys), sqlc.embed(service_accounts),
    EXISTS (SELECT 1 FROM living_access WHERE living_access.issuer = service_accounts.issuer
        AND living_access.service_account_id = service_accounts.id) AS reaches
FROM service_sessions
JOIN service_keys ON service_keys.issuer = service_sessions.issuer AND service_keys.id = service_sessions.key_id
JOIN service_accounts ON service_accounts.issuer = service_keys.issuer AND service_accounts.id = service_keys.service_account_id
WHERE service_sessions.hash = $1 AND service_sessions.issuer = $2;

-- name: TrackCode :exec
INSERT INTO exchanges (id, issuer, client_id, account_id, user_id, grant_id, service_account_id, key_id, code_issued_at, token_created_at, key_issued_at, failed_at, failure, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, '', '', $7, 0, 0, 0, '', $8)
ON CONFLICT (id) DO NOTHING;

-- name: TrackToken :execrows
UPDATE exchanges SET token_created_at = $3 WHERE id = $1 AND issuer = $2 AND token_created_at = 0;

-- name: SpendExchange :execrows
-- The single use: one caller moves it on, and only while what the person allowed holds. Its family is locked by then.
UPDATE exchanges SET service_account_id = $3, key_id = $4, key_issued_at = $5, expires_at = 0
WHERE exchanges.id = $1 AND exchanges.issuer = $2 AND exchanges.token_created_at > 0 AND exchanges.key_issued_at = 0
  AND NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE revoked_tokens.id = sqlc.arg(token_id))
  AND EXISTS (SELECT 1 FROM families JOIN grants ON grants.id = families.grant_id
      WHERE families.id = exchanges.id AND grants.revoked_at = 0);

-- name: FailExchange :exec
UPDATE exchanges SET failed_at = $3, failure = $4 WHERE id = $1 AND issuer = $2;

-- name: GetExchange :one
SELECT * FROM exchanges WHERE id = $1 AND issuer = $2;

-- name: ListExchangesOfClient :many
SELECT * FROM exchanges WHERE issuer = $1 AND client_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4;

-- name: ListExchangesOfAccount :many
SELECT * FROM exchanges WHERE issuer = $1 AND account_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4;

-- name: ListExchangesOfDeveloper :many
-- Of every app that an account of the user owns.
SELECT exchanges.* FROM members
JOIN clients ON clients.issuer = members.issuer AND clients.account_id = members.account_id
JOIN exchanges ON exchanges.issuer = clients.issuer AND exchanges.client_id = clients.id
WHERE members.issuer = $1 AND members.user_id = $2 AND exchanges.id < sqlc.arg(before)
ORDER BY exchanges.id DESC LIMIT $3;

-- name: PruneServiceSessions :execrows
DELETE FROM service_sessions WHERE hash IN (SELECT s.hash FROM service_sessions AS s WHERE s.expires_at <= $1 ORDER BY s.expires_at LIMIT 100);

-- name: PruneAssertions :execrows
DELETE FROM assertions WHERE hash IN (SELECT a.hash FROM assertions AS a WHERE a.expires_at <= $1 ORDER BY a.expires_at LIMIT 100);

-- name: PruneExchanges :execrows
DELETE FROM exchanges WHERE id IN (SELECT e.id FROM exchanges AS e WHERE e.expires_at > 0 AND e.expires_at <= $1 ORDER BY e.expires_at LIMIT 100);

-- name: GetServiceTokenState :one
-- All that can have ended a service account's own access token since it was issued, in one read.
SELECT service_keys.revoked_at, service_keys.expires_at, service_accounts.exchange_id,
    EXISTS (SELECT 1 FROM living_access WHERE living_access.issuer = service_accounts.issuer
        AND living_access.service_account_id = service_accounts.id) AS reaches,
    EXISTS (SELECT 1 FROM revoked_tokens WHERE revoked_tokens.id = sqlc.arg(token_id)) AS token_revoked
FROM service_keys
JOIN service_accounts ON service_accounts.issuer = service_keys.issuer AND service_accounts.id = service_keys.service_account_id
WHERE service_keys.issuer = sqlc.arg(issuer) AND service_keys.id = sqlc.arg(key_id);

-- name: DeleteServiceKeysOfAccount :exec
DELETE FROM service_keys WHERE service_keys.issuer = $1 AND service_keys.service_account_id IN (
    SELECT own.id FROM service_accounts AS own WHERE own.issuer = $1 AND own.account_id = $2);

-- name: DeleteServiceAccessOfAccount :exec
DELETE FROM service_access WHERE service_access.issuer = $1 AND service_access.service_account_id IN (
    SELECT own.id FROM service_accounts AS own WHERE own.issuer = $1 AND own.account_id = $2);

-- name: DeleteServiceAccountsOfAccount :exec
DELETE FROM service_accounts WHERE issuer = $1 AND account_id = $2;

-- name: DeleteExchangesOfAccount :exec
DELETE FROM exchanges WHERE issuer = $1 AND account_id = $2;
