-- +goose Up
-- Devices that wait for a person to allow them elsewhere (RFC 8628).
CREATE TABLE device_codes (
    hash          BLOB    NOT NULL PRIMARY KEY,
    issuer        TEXT    NOT NULL,
    user_code     BLOB    NOT NULL, -- keyed hash: what a person types is short enough to be tried out
    client_id     TEXT    NOT NULL,
    grant_id      TEXT    NOT NULL, -- empty until somebody allowed it
    family_id     TEXT    NOT NULL, -- what its redemption creates
    data          TEXT    NOT NULL, -- what was asked for, then what was allowed, as JSON
    poll_interval INTEGER NOT NULL, -- microseconds; grows when the device asks too often
    next_poll_at  INTEGER NOT NULL, -- when it may ask again
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    allowed_at    INTEGER NOT NULL,
    denied_at     INTEGER NOT NULL,
    used_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX device_codes_by_user_code ON device_codes (issuer, user_code);
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);

-- Apps that registered themselves (RFC 7591), and the token that each manages itself with (RFC 7592).
CREATE TABLE registrations (
    issuer     TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    token_hash BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, -- when an app that nobody connected is forgotten; 0 once somebody did
    PRIMARY KEY (issuer, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX registrations_unused ON registrations (issuer, expires_at) WHERE expires_at > 0;

-- +goose Down
DROP TABLE registrations;
DROP TABLE device_codes;
