-- +goose Up
-- Non-human principals of an account, their public keys and what they may reach. No private key is ever here.

CREATE TABLE service_accounts (
    issuer      TEXT    NOT NULL,
    id          TEXT    NOT NULL, -- its user code
    account_id  TEXT    NOT NULL, -- whose it is
    name        TEXT    NOT NULL,
    channel     TEXT    NOT NULL, -- its other name, in the form of an address
    scopes      TEXT    NOT NULL,
    client_id   TEXT    NOT NULL, -- the app that it was made for; empty for one made by a member
    exchange_id TEXT    NOT NULL, -- the consent that it was made by; it lives no longer than its access then
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (issuer, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX service_accounts_by_channel ON service_accounts (issuer, channel);
CREATE INDEX service_accounts_by_account ON service_accounts (issuer, account_id, id);
CREATE INDEX service_accounts_by_exchange ON service_accounts (issuer, exchange_id) WHERE exchange_id <> '';

-- Accounts other than its own that a service account may act for, while the connection holds.
CREATE TABLE service_access (
    issuer             TEXT    NOT NULL,
    service_account_id TEXT    NOT NULL,
    account_id         TEXT    NOT NULL,
    grant_id           TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    PRIMARY KEY (issuer, service_account_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX service_access_by_grant ON service_access (grant_id);

-- The one place that says when access holds: connection, app and user all do.
CREATE VIEW living_access AS
SELECT service_access.issuer, service_access.service_account_id, service_access.account_id, service_access.grant_id
FROM service_access
JOIN grants ON grants.id = service_access.grant_id AND grants.revoked_at = 0
JOIN clients ON clients.issuer = grants.issuer AND clients.id = grants.client_id AND clients.status <> 'suspended'
JOIN users ON users.issuer = grants.issuer AND users.id = grants.user_id AND users.suspended_at = 0;

CREATE TABLE service_keys (
    issuer             TEXT    NOT NULL,
    id                 TEXT    NOT NULL,
    service_account_id TEXT    NOT NULL,
    alg                TEXT    NOT NULL,
    public_key         BLOB    NOT NULL, -- SubjectPublicKeyInfo
    addresses          TEXT    NOT NULL, -- networks it may be used from, as CIDR with spaces between; empty means anywhere
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL, -- 0 means never
    last_used_at       INTEGER NOT NULL,
    revoked_at         INTEGER NOT NULL,
    PRIMARY KEY (issuer, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX service_keys_by_service_account ON service_keys (issuer, service_account_id);

CREATE TABLE service_sessions (
    hash       BLOB    NOT NULL PRIMARY KEY, -- of its cookies
    id         TEXT    NOT NULL,
    issuer     TEXT    NOT NULL,
    key_id     TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX service_sessions_by_key ON service_sessions (issuer, key_id, created_at);
CREATE INDEX service_sessions_by_expiry ON service_sessions (expires_at);

-- Signed assertions that were accepted, until they would be too old anyway (RFC 7523 §3, rule 7).
CREATE TABLE assertions (
    hash       BLOB    NOT NULL PRIMARY KEY, -- of issuer, key and jti
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX assertions_by_expiry ON assertions (expires_at);

-- One consent on its way to a service account with a key, and when each step was taken.
CREATE TABLE exchanges (
    id                 TEXT    NOT NULL PRIMARY KEY, -- of the family that its code creates
    issuer             TEXT    NOT NULL,
    client_id          TEXT    NOT NULL,
    account_id         TEXT    NOT NULL, -- the account that was connected
    user_id            TEXT    NOT NULL,
    grant_id           TEXT    NOT NULL,
    service_account_id TEXT    NOT NULL,
    key_id             TEXT    NOT NULL,
    code_issued_at     INTEGER NOT NULL,
    token_created_at   INTEGER NOT NULL,
    key_issued_at      INTEGER NOT NULL, -- the service account was created in the same transaction
    failed_at          INTEGER NOT NULL, -- the last time that something was refused
    failure            TEXT    NOT NULL, -- why
    expires_at         INTEGER NOT NULL  -- when an unfinished one is forgotten; 0 means never
) STRICT, WITHOUT ROWID;
CREATE INDEX exchanges_by_client ON exchanges (issuer, client_id, id);
CREATE INDEX exchanges_by_account ON exchanges (issuer, account_id, id);
CREATE INDEX exchanges_by_expiry ON exchanges (expires_at) WHERE expires_at > 0;

-- +goose Down
DROP TABLE exchanges;
DROP TABLE assertions;
DROP TABLE service_sessions;
DROP TABLE service_keys;
DROP VIEW living_access;
DROP TABLE service_access;
DROP TABLE service_accounts;
