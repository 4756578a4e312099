-- +goose Up
-- Inspection reports as they were filed: facts, compressed, from which every
-- form and language is made.
CREATE TABLE reports (
    id       TEXT   NOT NULL PRIMARY KEY,
    round    TEXT   NOT NULL,
    form     TEXT   NOT NULL,
    edition  BIGINT NOT NULL,
    verdict  TEXT   NOT NULL,
    made     BIGINT NOT NULL,
    begins   BIGINT NOT NULL,
    ends     BIGINT NOT NULL,
    body     BLOB   NOT NULL
);
CREATE INDEX reports_by_made ON reports (made);

-- +goose Down
DROP TABLE reports;
