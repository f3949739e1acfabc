-- +goose Up
-- Non-human principals of an account, their public keys and what they may reach. No private key is ever here.

CREATE TABLE service_accounts (
    issuer      text   NOT NULL,
    id          text   NOT NULL, -- its user code
    account_id  text   NOT NULL, -- whose it is
    name        text   NOT NULL,
    channel     text   NOT NULL, -- its other name, in the form of an address
    scopes      text   NOT NULL,
    client_id   text   NOT NULL, -- the app that it was made for; empty for one made by a member
    exchange_id text   NOT NULL, -- the consent that it was made by; it lives no longer than its access then
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL,
    PRIMARY KEY (issuer, id)
);
CREATE UNIQUE INDEX service_accounts_by_channel ON service_accounts (issuer, channel);
CREATE INDEX service_accounts_by_account ON service_accounts (issuer, account_id, id);
CREATE INDEX service_accounts_by_exchange ON service_accounts (issuer, exchange_id) WHERE exchange_id <> '';

-- Accounts other than its own that a service account may act for, while the connection holds.
CREATE TABLE service_access (
    issuer             text   NOT NULL,
    service_account_id text   NOT NULL,
    account_id         text   NOT NULL,
    grant_id           text   NOT NULL,
    created_at         bigint NOT NULL,
    PRIMARY KEY (issuer, service_account_id, account_id)
);
CREATE INDEX service_access_by_grant ON service_access (grant_id);

-- The one place that says when access holds: connection, app and user all do.
CREATE VIEW living_access AS
SELECT service_access.issuer, service_access.service_account_id, service_access.account_id, service_access.grant_id
FROM service_access
JOIN grants ON grants.id = service_access.grant_id AND grants.revoked_at = 0
JOIN clients ON clients.issuer = grants.issuer AND clients.id = grants.client_id AND clients.status <> 'suspended'
JOIN users ON users.issuer = grants.issuer AND users.id = grants.user_id AND users.suspended_at = 0;

CREATE TABLE service_keys (
    issuer             text   NOT NULL,
    id                 text   NOT NULL,
    service_account_id text   NOT NULL,
    alg                text   NOT NULL,
    public_key         bytea  NOT NULL, -- SubjectPublicKeyInfo
    addresses          text   NOT NULL, -- networks it may be used from, as CIDR with spaces between; empty means anywhere
    created_at         bigint NOT NULL,
    expires_at         bigint NOT NULL, -- 0 means never
    last_used_at       bigint NOT NULL,
    revoked_at         bigint NOT NULL,
    PRIMARY KEY (issuer, id)
);
CREATE INDEX service_keys_by_service_account ON service_keys (issuer, service_account_id);

CREATE TABLE service_sessions (
    hash       bytea  NOT NULL PRIMARY KEY, -- of its cookies
    id         text   NOT NULL,
    issuer     text   NOT NULL,
    key_id     text   NOT NULL,
    address    text   NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX service_sessions_by_key ON service_sessions (issuer, key_id, created_at);
CREATE INDEX service_sessions_by_expiry ON service_sessions (expires_at);

-- Signed assertions that were accepted, until they would be too old anyway (RFC 7523 §3, rule 7).
CREATE TABLE assertions (
    hash       bytea  NOT NULL PRIMARY KEY, -- of issuer, key and jti
    expires_at bigint NOT NULL
);
CREATE INDEX assertions_by_expiry ON assertions (expires_at);

-- One consent on its way to a service account with a key, and when each step was taken.
CREATE TABLE exchanges (
    id                 text   NOT NULL PRIMARY KEY, -- of the family that its code creates
    issuer             text   NOT NULL,
    client_id          text   NOT NULL,
    account_id         text   NOT NULL, -- the account that was connected
    user_id            text   NOT NULL,
    grant_id           text   NOT NULL,
    service_account_id text   NOT NULL,
    key_id             text   NOT NULL,
    code_issued_at     bigint NOT NULL,
    token_created_at   bigint NOT NULL,
    key_issued_at      bigint NOT NULL, -- the service account was created in the same transaction
    failed_at          bigint NOT NULL, -- the last time that something was refused
    failure            text   NOT NULL, -- why
    expires_at         bigint NOT NULL  -- when an unfinished one is forgotten; 0 means never
);
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
