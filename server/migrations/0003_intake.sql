-- Custody of entries, mailboxes and photos. `bytes` are exactly what the handset stored and hashed; what
-- stands beside them is read from them once. `state` is pending only while applying it has failed.
CREATE TABLE push (
    id TEXT PRIMARY KEY,
    stream TEXT NOT NULL REFERENCES stream (id),
    received BIGINT NOT NULL,
    body_sha256 TEXT NOT NULL,
    token_sha256 TEXT NOT NULL,
    signature TEXT NOT NULL,
    clock TEXT NOT NULL
);

CREATE TABLE entry (
    id TEXT PRIMARY KEY,
    stream TEXT NOT NULL REFERENCES stream (id),
    n BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    push TEXT NOT NULL REFERENCES push (id),
    received BIGINT NOT NULL,
    kind TEXT NOT NULL,
    record TEXT,
    author TEXT,
    post TEXT,
    waits_for TEXT,
    made_at BIGINT NOT NULL,
    uncertainty BIGINT NOT NULL,
    basis TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT,
    reason TEXT,
    attempts BIGINT NOT NULL,
    state_at BIGINT NOT NULL,
    UNIQUE (stream, n)
);
CREATE INDEX entry_record ON entry (record);
CREATE INDEX entry_waits_for ON entry (waits_for);
CREATE INDEX entry_unsettled ON entry (state, received);

-- Up to which number a stream is held without a hole, so that a push need not count from 1 each time.
CREATE TABLE stream_mark (
    stream TEXT PRIMARY KEY REFERENCES stream (id),
    upto BIGINT NOT NULL
);

CREATE TABLE mailbox (
    id TEXT PRIMARY KEY,
    last BIGINT NOT NULL
);

CREATE TABLE mailbox_row (
    mailbox TEXT NOT NULL,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    n BIGINT NOT NULL,
    body TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (mailbox, kind, entity)
);
CREATE UNIQUE INDEX mailbox_row_n ON mailbox_row (mailbox, n);

-- A photo's content is shared only inside a stream: knowing a hash is not owning the photo.
CREATE TABLE photo (
    stream TEXT NOT NULL REFERENCES stream (id),
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    received BIGINT,
    fault TEXT,
    PRIMARY KEY (stream, sha256)
);

CREATE TABLE entry_photo (
    entry TEXT NOT NULL REFERENCES entry (id),
    position BIGINT NOT NULL,
    stream TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    role TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    PRIMARY KEY (entry, position)
);
CREATE INDEX entry_photo_content ON entry_photo (stream, sha256);

CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    stream TEXT NOT NULL REFERENCES stream (id),
    sha256 TEXT NOT NULL,
    length BIGINT NOT NULL,
    arrived BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    finished BIGINT
);
CREATE INDEX upload_content ON upload (stream, sha256);
CREATE INDEX upload_expires ON upload (expires);

CREATE TABLE upload_part (
    upload TEXT NOT NULL REFERENCES upload (id),
    position BIGINT NOT NULL,
    size BIGINT NOT NULL,
    object TEXT NOT NULL,
    PRIMARY KEY (upload, position)
);
