-- +goose Up
-- Times are integer milliseconds since 1970, UTC. One portable SQL: what
-- stands here is meant for PostgreSQL too.

-- Every change of every incident, in one hash chain.
CREATE TABLE events (
    seq        BIGINT  NOT NULL PRIMARY KEY,
    incident   TEXT    NOT NULL,
    version    BIGINT  NOT NULL,
    at         BIGINT  NOT NULL,
    actor_kind TEXT    NOT NULL,
    actor_name TEXT    NOT NULL,
    actor_via  TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    prev       TEXT    NOT NULL,
    hash       TEXT    NOT NULL,
    UNIQUE (incident, version)
);

-- The fold of each incident's events, for listing and counting. It can be made
-- again from events at any time.
CREATE TABLE incidents (
    id        TEXT   NOT NULL PRIMARY KEY,
    state     TEXT   NOT NULL,
    code      TEXT   NOT NULL,
    level     TEXT   NOT NULL,
    drill     BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    ended_at  BIGINT NOT NULL, -- 0 while it asks for anything
    words     TEXT   NOT NULL, -- what a search looks through
    fold      TEXT   NOT NULL
);
CREATE INDEX incidents_by_end ON incidents (ended_at);

-- The life of each alert. A key may have many lives, one of them current.
CREATE TABLE alerts (
    key        TEXT   NOT NULL,
    fired_at   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    status     TEXT   NOT NULL,
    record     TEXT   NOT NULL,
    PRIMARY KEY (key, fired_at)
);
CREATE INDEX alerts_by_change ON alerts (changed_at);
CREATE INDEX alerts_by_status ON alerts (status);

-- Evidence, compressed. The hash is of the plain bytes.
CREATE TABLE blobs (
    id     TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,
    body   BLOB NOT NULL
);

-- Notices that wait, and those that were delivered.
CREATE TABLE outbox (
    key        TEXT   NOT NULL PRIMARY KEY,
    position   BIGINT NOT NULL, -- order of creation
    incident   TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    recipient  TEXT   NOT NULL,
    lang       TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    last_error TEXT   NOT NULL,
    delivered  BIGINT NOT NULL, -- 0 while it waits
    dead       BIGINT NOT NULL  -- 0 unless given up
);
CREATE INDEX outbox_waiting ON outbox (delivered, dead, position);
CREATE INDEX outbox_of_incident ON outbox (incident, channel, recipient, delivered, dead, position);

-- Small things by name: the state of job pings.
CREATE TABLE kept (
    name TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE users (
    name     TEXT   NOT NULL PRIMARY KEY,
    role     TEXT   NOT NULL,
    password TEXT   NOT NULL, -- argon2id, PHC string
    lang     TEXT   NOT NULL,
    disabled BIGINT NOT NULL,
    created  BIGINT NOT NULL
);

CREATE TABLE tokens (
    id        TEXT   NOT NULL PRIMARY KEY,
    name      TEXT   NOT NULL,
    owner     TEXT   NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    role      TEXT   NOT NULL,
    hash      TEXT   NOT NULL UNIQUE, -- SHA-256 of the secret
    created   BIGINT NOT NULL,
    expires   BIGINT NOT NULL, -- 0: never
    last_used BIGINT NOT NULL
);

CREATE TABLE sessions (
    hash    TEXT   NOT NULL PRIMARY KEY, -- SHA-256 of the cookie's token
    owner   TEXT   NOT NULL,
    body    BLOB   NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires);

-- +goose Down
DROP TABLE sessions;
DROP TABLE tokens;
DROP TABLE users;
DROP TABLE kept;
DROP TABLE outbox;
DROP TABLE blobs;
DROP TABLE alerts;
DROP TABLE incidents;
DROP TABLE events;
