-- The stored table from statistics codes to our codes: a number is given once and kept, a unit that goes keeps it
-- for good. `absent` marks what the national list names but no outline shows.
CREATE TABLE division (
    stat TEXT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    org TEXT NOT NULL REFERENCES org (id),
    absent BOOLEAN NOT NULL
);
