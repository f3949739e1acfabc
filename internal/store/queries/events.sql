-- name: InsertEvent :exec
INSERT INTO events (id, issuer, at, type, user_id, account_id, client_id, grant_id, request_id, address, data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: ListEventsOfUser :many
SELECT * FROM events WHERE issuer = $1 AND user_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4;

-- name: ListEventsOfAccount :many
SELECT * FROM events WHERE issuer = $1 AND account_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4;

-- name: ListEvents :many
-- Every issuer's: an identifier begins with its time, so the primary key finds a moment, and a page costs the same whoever's it holds.
SELECT * FROM events WHERE id >= sqlc.arg(since) AND id < sqlc.arg(before) ORDER BY id DESC LIMIT sqlc.arg(page);

-- name: RewriteEvent :exec
UPDATE events SET user_id = $2, grant_id = $3, request_id = $4, address = $5, data = $6 WHERE id = $1;

-- name: LastEventOfUser :one
SELECT events.at FROM events
WHERE issuer = $1 AND user_id = $2 AND (type = sqlc.arg(kind) OR type = sqlc.arg(other_kind)) ORDER BY id DESC LIMIT 1;

-- name: InsertMail :exec
INSERT INTO outbox (id, issuer, sealed, attempts, created_at, next_attempt_at) VALUES ($1, $2, $3, 0, $4, $4);

-- name: ClaimMail :many
-- Whoever moves the next attempt first has the mail; a node that dies while sending leaves it for the next.
UPDATE outbox SET attempts = attempts + 1, next_attempt_at = sqlc.arg(next_attempt_at)
WHERE id IN (SELECT due.id FROM outbox AS due WHERE due.next_attempt_at <= sqlc.arg(now) ORDER BY due.next_attempt_at LIMIT 20)
  AND outbox.next_attempt_at <= sqlc.arg(now)
RETURNING *;

-- name: DeleteMail :exec
DELETE FROM outbox WHERE id = $1;
