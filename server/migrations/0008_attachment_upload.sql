-- Attachments of staff that arrive in parts (tus). Apart from the photos of handsets: nobody named these before, and
-- they belong to a person and not to a stream. `sha256` is what the client named, or what the bytes turned out to be.
CREATE TABLE attachment_upload (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (id),
    sha256 TEXT,
    length BIGINT NOT NULL,
    arrived BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    expires BIGINT NOT NULL,
    finished BIGINT
);
CREATE INDEX attachment_upload_person ON attachment_upload (person, expires);
CREATE INDEX attachment_upload_expires ON attachment_upload (expires);

CREATE TABLE attachment_part (
    upload TEXT NOT NULL REFERENCES attachment_upload (id),
    position BIGINT NOT NULL,
    size BIGINT NOT NULL,
    object TEXT NOT NULL,
    PRIMARY KEY (upload, position)
);
