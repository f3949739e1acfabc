-- name: InsertUser :execrows
INSERT INTO users (issuer, id, email, email_verified_at, name, locale, password_hash, created_at, updated_at, suspended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 0)
ON CONFLICT (issuer, email) DO NOTHING;

-- name: InsertUserBrought :execrows
-- Tokens name people and apps in one place, so no person is brought along under an app's identifier.
INSERT INTO users (issuer, id, email, email_verified_at, name, locale, password_hash, created_at, updated_at, suspended_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8, 0
WHERE NOT EXISTS (SELECT 1 FROM clients WHERE clients.issuer = $1 AND clients.id = $2)
ON CONFLICT DO NOTHING;

-- name: ListBearers :many
-- Who has an identifier or an address; an app has no address.
SELECT id, email FROM users WHERE users.issuer = $1 AND (users.id = $2 OR users.email = $3)
UNION ALL SELECT id, '' FROM clients WHERE clients.issuer = $1 AND clients.id = $2;

-- name: GetUser :one
SELECT * FROM users WHERE issuer = $1 AND id = $2;

-- name: GetUserByEmail :one
SELECT * FROM users WHERE issuer = $1 AND email = $2;

-- name: ListUsers :many
SELECT * FROM users WHERE issuer = $1 AND email > $2 ORDER BY email LIMIT $3;

-- name: UpdatePassword :execrows
UPDATE users SET password_hash = $3, updated_at = $4 WHERE issuer = $1 AND id = $2;

-- name: ReplacePassword :execrows
UPDATE users SET password_hash = sqlc.arg(wanted), updated_at = sqlc.arg(now) WHERE issuer = $1 AND id = $2 AND password_hash = sqlc.arg(proven);

-- name: RenewPassword :execrows
-- An update locks the row on PostgreSQL even where the hash stays, as SELECT … FOR UPDATE would; on SQLite writers take turns.
UPDATE users SET password_hash = sqlc.arg(renewed) WHERE issuer = $1 AND id = $2 AND password_hash = sqlc.arg(proven);

-- name: UpdateProfile :execrows
UPDATE users SET name = $3, locale = $4, updated_at = $5 WHERE issuer = $1 AND id = $2;

-- name: SuspendUser :execrows
UPDATE users SET suspended_at = $3, updated_at = $4 WHERE issuer = $1 AND id = $2;

-- name: InsertAccount :exec
INSERT INTO accounts (issuer, id, name, created_at) VALUES ($1, $2, $3, $4);

-- name: InsertAccountBrought :execrows
INSERT INTO accounts (issuer, id, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (issuer, id) DO NOTHING;

-- name: GetAccount :one
SELECT * FROM accounts WHERE issuer = $1 AND id = $2;

-- name: RenameAccount :execrows
UPDATE accounts SET name = $3 WHERE issuer = $1 AND id = $2;

-- name: InsertMember :execrows
INSERT INTO members (issuer, account_id, user_id, role, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (issuer, account_id, user_id) DO NOTHING;

-- name: GetMember :one
SELECT * FROM members WHERE issuer = $1 AND account_id = $2 AND user_id = $3;

-- name: SetMemberRole :execrows
-- An account never loses its last owner.
UPDATE members SET role = $4
WHERE members.issuer = $1 AND members.account_id = $2 AND members.user_id = $3
  AND ($4 = 'owner' OR members.role <> 'owner' OR EXISTS (
      SELECT 1 FROM members AS other WHERE other.issuer = $1 AND other.account_id = $2 AND other.role = 'owner' AND other.user_id <> $3));

-- name: DeleteMember :execrows
DELETE FROM members
WHERE members.issuer = $1 AND members.account_id = $2 AND members.user_id = $3
  AND (members.role <> 'owner' OR EXISTS (
      SELECT 1 FROM members AS other WHERE other.issuer = $1 AND other.account_id = $2 AND other.role = 'owner' AND other.user_id <> $3));

-- name: LockAccount :execrows
-- Serializes changes to an account's membership, so that two owners cannot each remove the other.
UPDATE accounts SET name = name WHERE issuer = $1 AND id = $2;

-- name: LockMember :one
-- An update locks the row on PostgreSQL, as SELECT … FOR UPDATE would, and means nothing on SQLite, where writers take turns.
UPDATE members SET role = role WHERE issuer = $1 AND account_id = $2 AND user_id = $3 RETURNING *;

-- name: ListMembers :many
SELECT members.*, users.name AS user_name, users.email AS user_email
FROM members JOIN users ON users.issuer = members.issuer AND users.id = members.user_id
WHERE members.issuer = $1 AND members.account_id = $2 ORDER BY users.email;

-- name: ListMemberships :many
SELECT members.account_id, members.role, members.created_at, accounts.name AS account_name
FROM members JOIN accounts ON accounts.issuer = members.issuer AND accounts.id = members.account_id
WHERE members.issuer = $1 AND members.user_id = $2 ORDER BY accounts.name, accounts.id LIMIT $3;

-- name: ListMembershipsCounted :many
SELECT members.account_id, members.role, accounts.name AS account_name,
    (SELECT count(*) FROM members AS everyone
        WHERE everyone.issuer = members.issuer AND everyone.account_id = members.account_id) AS member_count,
    (SELECT count(DISTINCT grants.client_id) FROM grants
        WHERE grants.issuer = members.issuer AND grants.account_id = members.account_id AND grants.revoked_at = 0) AS app_count
FROM members JOIN accounts ON accounts.issuer = members.issuer AND accounts.id = members.account_id
WHERE members.issuer = $1 AND members.user_id = $2 ORDER BY accounts.name, accounts.id LIMIT $3 OFFSET $4;

-- name: InsertInvitation :exec
INSERT INTO invitations (issuer, id, token_hash, account_id, email, role, invited_by, created_at, expires_at, accepted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0);

-- name: GetInvitation :one
SELECT * FROM invitations WHERE token_hash = $1 AND issuer = $2;

-- name: AcceptInvitation :one
UPDATE invitations SET accepted_at = $3
WHERE token_hash = $1 AND invitations.issuer = $2 AND accepted_at = 0 AND expires_at > $3
  AND EXISTS (SELECT 1 FROM users WHERE users.issuer = $2 AND users.id = invitations.invited_by AND users.suspended_at = 0)
RETURNING *;

-- name: ListInvitations :many
SELECT * FROM invitations WHERE issuer = $1 AND account_id = $2 AND accepted_at = 0 AND expires_at > $3 ORDER BY created_at;

-- name: DeleteInvitationsTo :exec
DELETE FROM invitations WHERE issuer = $1 AND account_id = $2 AND email = $3 AND accepted_at = 0;

-- name: DeleteInvitation :execrows
DELETE FROM invitations WHERE issuer = $1 AND account_id = $2 AND id = $3 AND accepted_at = 0;

-- name: DeleteInvitationsOf :exec
-- No index: what expires is a small table.
DELETE FROM invitations WHERE issuer = $1 AND (invited_by = sqlc.arg(user_id) OR email = sqlc.arg(email));

-- name: ListInvitationsOf :many
SELECT * FROM invitations WHERE issuer = $1 AND (invited_by = sqlc.arg(user_id) OR email = sqlc.arg(email)) ORDER BY created_at, id;

-- name: DeleteInvitationsOfAccount :exec
DELETE FROM invitations WHERE issuer = $1 AND account_id = $2;

-- name: DeleteAccount :execrows
-- Only one that nobody else is in and that owns no app.
DELETE FROM accounts WHERE accounts.issuer = $1 AND accounts.id = $2
  AND NOT EXISTS (SELECT 1 FROM members WHERE members.issuer = $1 AND members.account_id = $2 AND members.user_id <> sqlc.arg(user_id))
  AND NOT EXISTS (SELECT 1 FROM clients WHERE clients.issuer = $1 AND clients.account_id = $2);

-- name: DeleteMembersOfAccount :exec
DELETE FROM members WHERE issuer = $1 AND account_id = $2;

-- name: DeleteUser :execrows
-- Only one who is in no account any more.
DELETE FROM users WHERE users.issuer = $1 AND users.id = $2
  AND NOT EXISTS (SELECT 1 FROM members WHERE members.issuer = $1 AND members.user_id = $2);
