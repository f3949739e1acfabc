-- name: PruneCodes :execrows
DELETE FROM codes WHERE hash IN (SELECT c.hash FROM codes AS c WHERE c.expires_at <= $1 ORDER BY c.expires_at LIMIT 500);

-- name: PruneFamilies :execrows
DELETE FROM families WHERE id IN (SELECT f.id FROM families AS f WHERE f.expires_at <= $1 ORDER BY f.expires_at LIMIT 500);

-- name: PruneRevokedTokens :execrows
DELETE FROM revoked_tokens WHERE id IN (SELECT t.id FROM revoked_tokens AS t WHERE t.expires_at <= $1 ORDER BY t.expires_at LIMIT 500);

-- name: PruneSessions :execrows
DELETE FROM sessions WHERE hash IN (SELECT s.hash FROM sessions AS s WHERE s.expires_at <= $1 ORDER BY s.expires_at LIMIT 500);

-- name: PruneChallenges :execrows
DELETE FROM challenges WHERE hash IN (SELECT c.hash FROM challenges AS c WHERE c.expires_at <= $1 ORDER BY c.expires_at LIMIT 500);

-- name: PruneThrottles :execrows
DELETE FROM throttles WHERE (issuer, name) IN (SELECT t.issuer, t.name FROM throttles AS t WHERE t.expires_at <= $1 ORDER BY t.expires_at LIMIT 500);

-- name: PruneInvitations :execrows
DELETE FROM invitations WHERE (issuer, id) IN (SELECT i.issuer, i.id FROM invitations AS i WHERE i.expires_at <= $1 ORDER BY i.expires_at LIMIT 500);
