-- Who does a background job now. What there is to do stands in each room's own tables; a row here is only the
-- lease on doing it.
CREATE TABLE job (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);
