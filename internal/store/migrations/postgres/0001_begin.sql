-- +goose Up
-- Every time is bigint microseconds since 1970 UTC, supplied by Go; 0 means never. Every row is scoped by its issuer's name.

CREATE TABLE signing_keys (
    issuer         text   NOT NULL,
    kid            text   NOT NULL,
    alg            text   NOT NULL,
    state          text   NOT NULL, -- next, current, previous
    private_sealed bytea  NOT NULL,
    created_at     bigint NOT NULL,
    activated_at   bigint NOT NULL,
    retired_at     bigint NOT NULL,
    PRIMARY KEY (issuer, kid)
);

CREATE TABLE users (
    issuer            text   NOT NULL,
    id                text   NOT NULL,
    email             text   NOT NULL, -- lower case
    email_verified_at bigint NOT NULL,
    name              text   NOT NULL,
    locale            text   NOT NULL,
    password_hash     text   NOT NULL,
    created_at        bigint NOT NULL,
    updated_at        bigint NOT NULL,
    suspended_at      bigint NOT NULL,
    PRIMARY KEY (issuer, id)
);
CREATE UNIQUE INDEX users_by_email ON users (issuer, email);

CREATE TABLE accounts (
    issuer     text   NOT NULL,
    id         text   NOT NULL,
    name       text   NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (issuer, id)
);

CREATE TABLE members (
    issuer     text   NOT NULL,
    account_id text   NOT NULL,
    user_id    text   NOT NULL,
    role       text   NOT NULL, -- owner, admin, member
    created_at bigint NOT NULL,
    PRIMARY KEY (issuer, account_id, user_id)
);
CREATE INDEX members_by_user ON members (issuer, user_id);

CREATE TABLE invitations (
    issuer      text   NOT NULL,
    id          text   NOT NULL,
    token_hash  bytea  NOT NULL,
    account_id  text   NOT NULL,
    email       text   NOT NULL,
    role        text   NOT NULL,
    invited_by  text   NOT NULL,
    created_at  bigint NOT NULL,
    expires_at  bigint NOT NULL,
    accepted_at bigint NOT NULL,
    PRIMARY KEY (issuer, id)
);
CREATE UNIQUE INDEX invitations_by_token ON invitations (token_hash);
CREATE INDEX invitations_by_account ON invitations (issuer, account_id);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);

CREATE TABLE clients (
    issuer         text   NOT NULL,
    id             text   NOT NULL,
    account_id     text   NOT NULL, -- the owner
    name           text   NOT NULL,
    status         text   NOT NULL, -- active, testing, suspended
    metadata       text   NOT NULL, -- RFC 7591 §2, as JSON
    created_at     bigint NOT NULL,
    updated_at     bigint NOT NULL,
    revoked_before bigint NOT NULL, -- tokens issued earlier are dead
    PRIMARY KEY (issuer, id)
);
CREATE INDEX clients_by_account ON clients (issuer, account_id);

CREATE TABLE client_secrets (
    issuer     text   NOT NULL,
    id         text   NOT NULL,
    client_id  text   NOT NULL,
    hash       bytea  NOT NULL,
    hint       text   NOT NULL, -- the last four characters
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (issuer, id)
);
CREATE INDEX client_secrets_by_client ON client_secrets (issuer, client_id);

CREATE TABLE grants (
    id            text   NOT NULL PRIMARY KEY,
    issuer        text   NOT NULL,
    user_id       text   NOT NULL,
    account_id    text   NOT NULL,
    client_id     text   NOT NULL,
    scopes        text   NOT NULL,
    declined      text   NOT NULL, -- asked for, optional and unticked: not asked again
    version       bigint NOT NULL,
    created_at    bigint NOT NULL,
    updated_at    bigint NOT NULL,
    last_used_at  bigint NOT NULL,
    revoked_at    bigint NOT NULL,
    revoke_reason text   NOT NULL
);
CREATE UNIQUE INDEX grants_alive ON grants (issuer, user_id, account_id, client_id) WHERE revoked_at = 0;
CREATE INDEX grants_by_account ON grants (issuer, account_id) WHERE revoked_at = 0;
CREATE INDEX grants_by_client ON grants (issuer, client_id) WHERE revoked_at = 0;
CREATE INDEX grants_dead ON grants (revoked_at) WHERE revoked_at > 0;

CREATE TABLE codes (
    hash       bytea  NOT NULL PRIMARY KEY,
    issuer     text   NOT NULL,
    client_id  text   NOT NULL,
    grant_id   text   NOT NULL,
    family_id  text   NOT NULL, -- what its redemption creates
    data       text   NOT NULL, -- what the authorization request bound it to, as JSON
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at    bigint NOT NULL
);
CREATE INDEX codes_by_expiry ON codes (expires_at);

CREATE TABLE families (
    id            text   NOT NULL PRIMARY KEY,
    issuer        text   NOT NULL,
    grant_id      text   NOT NULL,
    client_id     text   NOT NULL,
    user_id       text   NOT NULL,
    account_id    text   NOT NULL,
    scopes        text   NOT NULL,
    data          text   NOT NULL, -- resource, auth_time, acr, amr, nonce: what later tokens repeat, as JSON
    generation    bigint NOT NULL, -- of the refresh token that is good now
    rotated_at    bigint NOT NULL,
    created_at    bigint NOT NULL,
    expires_at    bigint NOT NULL,
    revoked_at    bigint NOT NULL,
    revoke_reason text   NOT NULL
);
CREATE INDEX families_by_grant ON families (grant_id);
CREATE INDEX families_by_expiry ON families (expires_at);

CREATE TABLE revoked_tokens (
    id         text   NOT NULL PRIMARY KEY, -- the access token's jti
    expires_at bigint NOT NULL
);
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

CREATE TABLE sessions (
    hash         bytea  NOT NULL PRIMARY KEY,
    id           text   NOT NULL, -- names it on pages and in ID Tokens (sid)
    issuer       text   NOT NULL,
    user_id      text   NOT NULL,
    amr          text   NOT NULL,
    user_agent   text   NOT NULL,
    address      text   NOT NULL,
    auth_time    bigint NOT NULL,
    created_at   bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    expires_at   bigint NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (issuer, user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE challenges (
    hash       bytea  NOT NULL PRIMARY KEY, -- of the handle in the page or the token in the link
    issuer     text   NOT NULL,
    purpose    text   NOT NULL, -- sign_up, reset_password, change_email
    email      text   NOT NULL,
    user_id    text   NOT NULL,
    code_hash  bytea  NOT NULL, -- of the six digits
    sealed     bytea  NOT NULL, -- what the person gave and must not give again
    attempts   bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at    bigint NOT NULL
);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);

CREATE TABLE throttles (
    issuer     text   NOT NULL,
    name       text   NOT NULL,
    count      bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (issuer, name)
);
CREATE INDEX throttles_by_expiry ON throttles (expires_at);

CREATE TABLE events (
    id         text   NOT NULL PRIMARY KEY,
    issuer     text   NOT NULL,
    at         bigint NOT NULL,
    type       text   NOT NULL,
    user_id    text   NOT NULL,
    account_id text   NOT NULL,
    client_id  text   NOT NULL,
    grant_id   text   NOT NULL,
    request_id text   NOT NULL,
    address    text   NOT NULL,
    data       text   NOT NULL
);
CREATE INDEX events_by_user ON events (issuer, user_id, id);
CREATE INDEX events_by_account ON events (issuer, account_id, id);

CREATE TABLE outbox (
    id              text   NOT NULL PRIMARY KEY,
    issuer          text   NOT NULL,
    sealed          bytea  NOT NULL, -- the mail: it may carry a code
    attempts        bigint NOT NULL,
    created_at      bigint NOT NULL,
    next_attempt_at bigint NOT NULL
);
CREATE INDEX outbox_due ON outbox (next_attempt_at);

-- What nodes cache, and how often it changed.
CREATE TABLE changes (
    topic   text   NOT NULL PRIMARY KEY,
    version bigint NOT NULL
);

-- +goose Down
DROP TABLE changes, outbox, events, throttles, challenges, sessions, revoked_tokens, families, codes, grants, client_secrets, clients,
    invitations, members, accounts, users, signing_keys;
