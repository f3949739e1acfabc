-- +goose Up
-- Devices that wait for a person to allow them elsewhere (RFC 8628).
CREATE TABLE device_codes (
    hash          bytea  NOT NULL PRIMARY KEY,
    issuer        text   NOT NULL,
    user_code     bytea  NOT NULL, -- keyed hash: what a person types is short enough to be tried out
    client_id     text   NOT NULL,
    grant_id      text   NOT NULL, -- empty until somebody allowed it
    family_id     text   NOT NULL, -- what its redemption creates
    data          text   NOT NULL, -- what was asked for, then what was allowed, as JSON
    poll_interval bigint NOT NULL, -- microseconds; grows when the device asks too often
    next_poll_at  bigint NOT NULL, -- when it may ask again
    created_at    bigint NOT NULL,
    expires_at    bigint NOT NULL,
    allowed_at    bigint NOT NULL,
    denied_at     bigint NOT NULL,
    used_at       bigint NOT NULL
);
CREATE UNIQUE INDEX device_codes_by_user_code ON device_codes (issuer, user_code);
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);

-- Apps that registered themselves (RFC 7591), and the token that each manages itself with (RFC 7592).
CREATE TABLE registrations (
    issuer     text   NOT NULL,
    client_id  text   NOT NULL,
    token_hash bytea  NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL, -- when an app that nobody connected is forgotten; 0 once somebody did
    PRIMARY KEY (issuer, client_id)
);
CREATE INDEX registrations_unused ON registrations (issuer, expires_at) WHERE expires_at > 0;

-- +goose Down
DROP TABLE registrations;
DROP TABLE device_codes;
