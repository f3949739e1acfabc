-- name: InsertSession :exec
INSERT INTO sessions (hash, id, issuer, user_id, amr, user_agent, address, auth_time, created_at, last_seen_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, $9);

-- name: GetSession :one
SELECT sqlc.embed(sessions), sqlc.embed(users) FROM sessions
JOIN users ON users.issuer = sessions.issuer AND users.id = sessions.user_id
WHERE sessions.hash = $1 AND sessions.issuer = $2 AND sessions.expires_at > $3 AND users.suspended_at = 0;

-- name: TouchSession :exec
UPDATE sessions SET last_seen_at = $2 WHERE hash = $1;

-- name: ListSessions :many
SELECT * FROM sessions WHERE issuer = $1 AND user_id = $2 AND expires_at > $3 ORDER BY last_seen_at DESC LIMIT 100;

-- name: EndSession :exec
DELETE FROM sessions WHERE hash = $1;

-- name: EndSessionByID :execrows
DELETE FROM sessions WHERE issuer = $1 AND user_id = $2 AND id = $3;

-- name: EndOtherSessions :execrows
DELETE FROM sessions WHERE issuer = $1 AND user_id = $2 AND hash <> $3;

-- name: InsertChallenge :exec
INSERT INTO challenges (hash, issuer, purpose, email, user_id, code_hash, sealed, attempts, created_at, expires_at, used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, 0);

-- name: GetChallenge :one
SELECT * FROM challenges WHERE hash = $1 AND issuer = $2 AND purpose = $3;

-- name: AttemptChallenge :one
-- Counts the try before it is judged, so that racing guesses cannot outnumber the limit.
UPDATE challenges SET attempts = attempts + 1
WHERE hash = $1 AND issuer = $2 AND purpose = $3 AND used_at = 0 AND expires_at > $4 AND attempts < $5 RETURNING *;

-- name: SpendChallenge :one
UPDATE challenges SET used_at = $4 WHERE hash = $1 AND issuer = $2 AND purpose = $3 AND used_at = 0 AND expires_at > $4 RETURNING *;

-- name: EndChallenge :exec
UPDATE challenges SET expires_at = sqlc.arg(now)
WHERE hash = $1 AND issuer = $2 AND purpose = $3 AND used_at = 0 AND expires_at > sqlc.arg(now);

-- name: EndChallenges :exec
UPDATE challenges SET expires_at = sqlc.arg(now)
WHERE issuer = $1 AND purpose = $2 AND email = $3 AND used_at = 0 AND expires_at > sqlc.arg(now);

-- name: VoidResets :exec
UPDATE challenges SET expires_at = sqlc.arg(now)
WHERE issuer = $1 AND user_id = $2 AND purpose = 'reset_password' AND used_at = 0 AND expires_at > sqlc.arg(now);

-- name: DeleteChallengesOf :exec
-- No index: what expires is a small table.
DELETE FROM challenges WHERE issuer = $1 AND (user_id = sqlc.arg(user_id) OR email = sqlc.arg(email));

-- name: CountThrottle :one
INSERT INTO throttles (issuer, name, count, expires_at) VALUES ($1, $2, 1, sqlc.arg(expires_at))
ON CONFLICT (issuer, name) DO UPDATE SET
    count = CASE WHEN throttles.expires_at <= sqlc.arg(now) THEN 1 ELSE throttles.count + 1 END,
    expires_at = CASE WHEN throttles.expires_at <= sqlc.arg(now) THEN sqlc.arg(expires_at) ELSE throttles.expires_at END
RETURNING *;

-- name: GetThrottle :one
SELECT * FROM throttles WHERE issuer = $1 AND name = $2 AND expires_at > $3;

-- name: ClearThrottle :exec
DELETE FROM throttles WHERE issuer = $1 AND name = $2;
