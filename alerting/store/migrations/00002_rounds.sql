-- +goose Up
-- Inspection rounds: each change in a hash chain of its own, and the folds for
-- listing.
CREATE TABLE round_events (
    seq     BIGINT NOT NULL PRIMARY KEY,
    round   TEXT   NOT NULL,
    version BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    by_name TEXT   NOT NULL,
    via     TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    body    TEXT   NOT NULL,
    prev    TEXT   NOT NULL,
    hash    TEXT   NOT NULL,
    UNIQUE (round, version)
);

CREATE TABLE rounds (
    id       TEXT   NOT NULL PRIMARY KEY,
    form     TEXT   NOT NULL,
    occasion TEXT   NOT NULL,
    waits    BIGINT NOT NULL, -- 1 while somebody is waited for
    opened   BIGINT NOT NULL,
    fold     TEXT   NOT NULL
);
CREATE INDEX rounds_by_opened ON rounds (opened);
CREATE INDEX rounds_by_form ON rounds (form, opened);

-- +goose Down
DROP TABLE rounds;
DROP TABLE round_events;
