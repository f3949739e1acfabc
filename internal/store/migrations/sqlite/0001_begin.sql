-- +goose Up
-- Every time is INTEGER microseconds since 1970 UTC, supplied by Go; 0 means never. Every row is scoped by its issuer's name.

CREATE TABLE signing_keys (
    issuer         TEXT   NOT NULL,
    kid            TEXT   NOT NULL,
    alg            TEXT   NOT NULL,
    state          TEXT   NOT NULL, -- next, current, previous
    private_sealed BLOB  NOT NULL,
    created_at     INTEGER NOT NULL,
    activated_at   INTEGER NOT NULL,
    retired_at     INTEGER NOT NULL,
    PRIMARY KEY (issuer, kid)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    issuer            TEXT   NOT NULL,
    id                TEXT   NOT NULL,
    email             TEXT   NOT NULL, -- lower case
    email_verified_at INTEGER NOT NULL,
    name              TEXT   NOT NULL,
    locale            TEXT   NOT NULL,
    password_hash     TEXT   NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    suspended_at      INTEGER NOT NULL,
    PRIMARY KEY (issuer, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_by_email ON users (issuer, email);

CREATE TABLE accounts (
    issuer     TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    issuer     TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    role       TEXT   NOT NULL, -- owner, admin, member
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, account_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (issuer, user_id);

CREATE TABLE invitations (
    issuer      TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    token_hash  BLOB  NOT NULL,
    account_id  TEXT   NOT NULL,
    email       TEXT   NOT NULL,
    role        TEXT   NOT NULL,
    invited_by  TEXT   NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX invitations_by_token ON invitations (token_hash);
CREATE INDEX invitations_by_account ON invitations (issuer, account_id);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);

CREATE TABLE clients (
    issuer         TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    account_id     TEXT   NOT NULL, -- the owner
    name           TEXT   NOT NULL,
    status         TEXT   NOT NULL, -- active, testing, suspended
    metadata       TEXT   NOT NULL, -- RFC 7591 §2, as JSON
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    revoked_before INTEGER NOT NULL, -- tokens issued earlier are dead
    PRIMARY KEY (issuer, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX clients_by_account ON clients (issuer, account_id);

CREATE TABLE client_secrets (
    issuer     TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    hash       BLOB  NOT NULL,
    hint       TEXT   NOT NULL, -- the last four characters
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_secrets_by_client ON client_secrets (issuer, client_id);

CREATE TABLE grants (
    id            TEXT   NOT NULL PRIMARY KEY,
    issuer        TEXT   NOT NULL,
    user_id       TEXT   NOT NULL,
    account_id    TEXT   NOT NULL,
    client_id     TEXT   NOT NULL,
    scopes        TEXT   NOT NULL,
    declined      TEXT   NOT NULL, -- asked for, optional and unticked: not asked again
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    last_used_at  INTEGER NOT NULL,
    revoked_at    INTEGER NOT NULL,
    revoke_reason TEXT   NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX grants_alive ON grants (issuer, user_id, account_id, client_id) WHERE revoked_at = 0;
CREATE INDEX grants_by_account ON grants (issuer, account_id) WHERE revoked_at = 0;
CREATE INDEX grants_by_client ON grants (issuer, client_id) WHERE revoked_at = 0;
CREATE INDEX grants_dead ON grants (revoked_at) WHERE revoked_at > 0;

CREATE TABLE codes (
    hash       BLOB  NOT NULL PRIMARY KEY,
    issuer     TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    grant_id   TEXT   NOT NULL,
    family_id  TEXT   NOT NULL, -- what its redemption creates
    data       TEXT   NOT NULL, -- what the authorization request bound it to, as JSON
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_by_expiry ON codes (expires_at);

CREATE TABLE families (
    id            TEXT   NOT NULL PRIMARY KEY,
    issuer        TEXT   NOT NULL,
    grant_id      TEXT   NOT NULL,
    client_id     TEXT   NOT NULL,
    user_id       TEXT   NOT NULL,
    account_id    TEXT   NOT NULL,
    scopes        TEXT   NOT NULL,
    data          TEXT   NOT NULL, -- resource, auth_time, acr, amr, nonce: what later tokens repeat, as JSON
    generation    INTEGER NOT NULL, -- of the refresh token that is good now
    rotated_at    INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    revoked_at    INTEGER NOT NULL,
    revoke_reason TEXT   NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX families_by_grant ON families (grant_id);
CREATE INDEX families_by_expiry ON families (expires_at);

CREATE TABLE revoked_tokens (
    id         TEXT   NOT NULL PRIMARY KEY, -- the access token's jti
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

CREATE TABLE sessions (
    hash         BLOB  NOT NULL PRIMARY KEY,
    id           TEXT   NOT NULL, -- names it on pages and in ID Tokens (sid)
    issuer       TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    amr          TEXT   NOT NULL,
    user_agent   TEXT   NOT NULL,
    address      TEXT   NOT NULL,
    auth_time    INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (issuer, user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE challenges (
    hash       BLOB  NOT NULL PRIMARY KEY, -- of the handle in the page or the token in the link
    issuer     TEXT   NOT NULL,
    purpose    TEXT   NOT NULL, -- sign_up, reset_password, change_email
    email      TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    code_hash  BLOB  NOT NULL, -- of the six digits
    sealed     BLOB  NOT NULL, -- what the person gave and must not give again
    attempts   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX challenges_by_expiry ON challenges (expires_at);

CREATE TABLE throttles (
    issuer     TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    count      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX throttles_by_expiry ON throttles (expires_at);

CREATE TABLE events (
    id         TEXT   NOT NULL PRIMARY KEY,
    issuer     TEXT   NOT NULL,
    at         INTEGER NOT NULL,
    type       TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    grant_id   TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    data       TEXT   NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_user ON events (issuer, user_id, id);
CREATE INDEX events_by_account ON events (issuer, account_id, id);

CREATE TABLE outbox (
    id              TEXT   NOT NULL PRIMARY KEY,
    issuer          TEXT   NOT NULL,
    sealed          BLOB  NOT NULL, -- the mail: it may carry a code
    attempts        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (next_attempt_at);

-- What nodes cache, and how often it changed.
CREATE TABLE changes (
    topic   TEXT   NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE changes;
DROP TABLE outbox;
DROP TABLE events;
DROP TABLE throttles;
DROP TABLE challenges;
DROP TABLE sessions;
DROP TABLE revoked_tokens;
DROP TABLE families;
DROP TABLE codes;
DROP TABLE grants;
DROP TABLE client_secrets;
DROP TABLE clients;
DROP TABLE invitations;
DROP TABLE members;
DROP TABLE accounts;
DROP TABLE users;
DROP TABLE signing_keys;
