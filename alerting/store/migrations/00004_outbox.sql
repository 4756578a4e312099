-- +goose Up
-- held is until when quiet hours keep a notice back; what is put off by a clock
-- that was wrong is told from it. urgent notices go before all others.
ALTER TABLE outbox ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN urgent BIGINT NOT NULL DEFAULT 0;
CREATE INDEX outbox_urgent ON outbox (delivered, dead, urgent, position);

-- +goose Down
DROP INDEX outbox_urgent;
ALTER TABLE outbox DROP COLUMN urgent;
ALTER TABLE outbox DROP COLUMN held;
