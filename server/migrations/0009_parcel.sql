-- What came sealed instead of pushed. `id` is also the id of the push row that the parcel's entries name; a
-- parcel that comes twice is known by its hash.
CREATE TABLE parcel (
    id TEXT PRIMARY KEY,
    stream TEXT NOT NULL REFERENCES stream (id),
    sha256 TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed_for TEXT NOT NULL,
    sealed_at BIGINT NOT NULL,
    received BIGINT NOT NULL,
    carried_by TEXT,
    remaining BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    drafts BIGINT NOT NULL,
    photos BIGINT NOT NULL,
    UNIQUE (stream, sha256)
);

-- What a parcel held that is no entry here: drafts, and entries that cannot be taken. Kept for people to look at.
CREATE TABLE parcel_item (
    stream TEXT NOT NULL REFERENCES stream (id),
    sha256 TEXT NOT NULL,
    parcel TEXT NOT NULL REFERENCES parcel (id),
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (stream, sha256)
);

-- Keys that parcels were sealed to before; a parcel may be years on its way.
CREATE TABLE parcel_key (
    secret TEXT PRIMARY KEY,
    retired BIGINT NOT NULL
);

ALTER TABLE stream ADD COLUMN wipe_ordered BIGINT;
ALTER TABLE stream ADD COLUMN handed_over BIGINT;
