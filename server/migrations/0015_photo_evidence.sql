-- What the handset read of a photo's original (docs/adr/0023-doubts-about-photos.md). Absent for entries of older apps and
-- from before this migration.
ALTER TABLE entry_photo ADD COLUMN origin TEXT;
ALTER TABLE entry_photo ADD COLUMN original TEXT;
ALTER TABLE entry_photo ADD COLUMN taken_at TEXT;
ALTER TABLE entry_photo ADD COLUMN taken_lat BIGINT;
ALTER TABLE entry_photo ADD COLUMN taken_lon BIGINT;
ALTER TABLE entry_photo ADD COLUMN taken_datum TEXT;
-- The same file, or the same picture, in another entry of the city.
CREATE INDEX entry_photo_original ON entry_photo (original);
CREATE INDEX entry_photo_sha256 ON entry_photo (sha256);

-- The perceptual hash of a picture that the server holds, and its four parts of 16 bits, by which similar ones are found.
CREATE TABLE picture (
    sha256 TEXT PRIMARY KEY,
    print BIGINT NOT NULL,
    band_a BIGINT NOT NULL,
    band_b BIGINT NOT NULL,
    band_c BIGINT NOT NULL,
    band_d BIGINT NOT NULL
);
CREATE INDEX picture_band_a ON picture (band_a);
CREATE INDEX picture_band_b ON picture (band_b);
CREATE INDEX picture_band_c ON picture (band_c);
CREATE INDEX picture_band_d ON picture (band_d);
-- When a photo was compared with the others; absent while it waits for the job.
ALTER TABLE photo ADD COLUMN compared BIGINT;
CREATE INDEX photo_compared ON photo (compared, received);

-- Doubts about the photos of an entry. `other` is the entry that used the picture first, else empty; `amount` is an age in
-- milliseconds, a distance in metres, or the bits that differ (absent: the same file).
CREATE TABLE photo_doubt (
    entry TEXT NOT NULL REFERENCES entry (id),
    position BIGINT NOT NULL,
    flag TEXT NOT NULL,
    other TEXT NOT NULL,
    amount BIGINT,
    found BIGINT NOT NULL,
    PRIMARY KEY (entry, position, flag, other)
);

-- What is shown of a picture that staff attached: upright, without metadata. Absent for one from before this migration until
-- somebody looks at it.
ALTER TABLE attachment ADD COLUMN shown_sha256 TEXT;
ALTER TABLE attachment ADD COLUMN shown_size BIGINT;
ALTER TABLE attachment ADD COLUMN shown_width BIGINT;
ALTER TABLE attachment ADD COLUMN shown_height BIGINT;

-- Which cases a picture was attached to as a photo of the handling, and where such a picture was used before: by an entry or in
-- the handling of another case, the other one empty. `bits` is absent for the same file.
CREATE TABLE attachment_use (
    sha256 TEXT NOT NULL,
    case_id TEXT NOT NULL REFERENCES case_file (id),
    PRIMARY KEY (sha256, case_id)
);
CREATE TABLE attachment_doubt (
    case_id TEXT NOT NULL REFERENCES case_file (id),
    sha256 TEXT NOT NULL,
    other_entry TEXT NOT NULL,
    other_case TEXT NOT NULL,
    bits BIGINT,
    found BIGINT NOT NULL,
    PRIMARY KEY (case_id, sha256, other_entry, other_case)
);
