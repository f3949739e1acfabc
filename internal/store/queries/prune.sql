-- name: PruneCodes :execrows
DELETE FROM codes WHERE hash IN (SELECT c.hash FROM codes AS c WHERE c.expires_at <= $1 ORDER BY c.expires_at LIMIT 100);

-- name: PruneFamilies :execrows
DELETE FROM families WHERE id IN (SELECT f.id FROM families AS f WHERE f.expires_at <= $1 ORDER BY f.expires_at LIMIT 100);

-- name: PruneRevokedTokens :execrows
DELETE FROM revoked_tokens WHERE id IN (SELECT t.id FROM revoked_tokens AS t WHERE t.expires_at <= $1 ORDER BY t.expires_at LIMIT 100);

-- name: PruneSessions :execrows
DELETE FROM sessions WHERE hash IN (SELECT s.hash FROM sessions AS s WHERE s.expires_at <= $1 ORDER BY s.expires_at LIMIT 100);

-- name: PruneChallenges :execrows
DELETE FROM challenges WHERE hash IN (SELECT c.hash FROM challenges AS c WHERE c.expires_at <= $1 ORDER BY c.expires_at LIMIT 100);

-- name: PruneThrottles :execrows
DELETE FROM throttles WHERE (issuer, name) IN (SELECT t.issuer, t.name FROM throttles AS t WHERE t.expires_at <= $1 ORDER BY t.expires_at LIMIT 100);

-- name: PruneInvitations :execrows
DELETE FROM invitations WHERE (issuer, id) IN (SELECT i.issuer, i.id FROM invitations AS i WHERE i.expires_at <= $1 ORDER BY i.expires_at LIMIT 100);

-- name: PruneEvents :execrows
-- An identifier begins with its time, so the primary key knows which are old.
DELETE FROM events WHERE id IN (SELECT e.id FROM events AS e WHERE e.id < $1 ORDER BY e.id LIMIT 100);

-- name: PruneGrants :many
DELETE FROM grants WHERE grants.id IN (
    SELECT g.id FROM grants AS g WHERE g.revoked_at > 0 AND g.revoked_at <= $1 ORDER BY g.revoked_at LIMIT 100)
RETURNING id;

-- name: EndServiceAccess :many
DELETE FROM service_access WHERE grant_id = $1 RETURNING issuer, service_account_id;

-- name: DeleteServiceAccountMade :one
-- One that a member made is the member's to keep; one that an exchange made has nothing to live for without its access.
DELETE FROM service_accounts
WHERE service_accounts.issuer = $1 AND service_accounts.id = $2 AND service_accounts.exchange_id <> ''
  AND NOT EXISTS (SELECT 1 FROM service_access AS other WHERE other.issuer = $1 AND other.service_account_id = $2)
RETURNING exchange_id;

-- name: DeleteServiceKeys :exec
DELETE FROM service_keys WHERE issuer = $1 AND service_account_id = $2;

-- name: DeleteExchange :exec
DELETE FROM exchanges WHERE id = $1;
