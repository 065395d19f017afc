-- Times are Unix milliseconds of the handset's wall clock unless the comment says "server".
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- The outbox: one row for each number of the stream, kept after the receipt (30 days by default).
CREATE TABLE item (
    id            TEXT PRIMARY KEY,
    n             INTEGER NOT NULL UNIQUE,
    kind          TEXT NOT NULL,
    record        TEXT NOT NULL,
    after_entry   TEXT,
    supersedes    TEXT,
    bytes         BLOB NOT NULL,            -- serialised once; exactly these are sent
    sha256        TEXT NOT NULL,            -- of bytes
    summary       TEXT NOT NULL,
    created       INTEGER NOT NULL,
    custody       TEXT NOT NULL DEFAULT 'waiting' CHECK (custody IN ('waiting', 'received')),
    offered       INTEGER NOT NULL DEFAULT 0,   -- 1 before the bytes may first have left the handset
    cancelled     TEXT,                     -- the kind it had before it became a void
    received_at   INTEGER,                  -- server
    refused_json  TEXT,                     -- the server's own refusal of this element, a Reason
    disposition   TEXT,
    reason_json   TEXT,
    disposition_at INTEGER,                 -- server
    attempts      INTEGER NOT NULL DEFAULT 0,
    not_before    INTEGER NOT NULL DEFAULT 0,
    asked         INTEGER NOT NULL DEFAULT 0,   -- 1: the server asked for the wait (Retry-After)
    problem_json  TEXT
) STRICT;
CREATE INDEX item_by_record ON item (record, n);
CREATE INDEX item_waiting ON item (n) WHERE custody = 'waiting';

CREATE TABLE photo (
    item        TEXT NOT NULL REFERENCES item (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    sha256      TEXT NOT NULL,              -- of the plain bytes
    size        INTEGER NOT NULL,
    role        TEXT NOT NULL,
    width       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    file        TEXT NOT NULL,              -- name in the photo folder
    custody     TEXT NOT NULL DEFAULT 'waiting' CHECK (custody IN ('waiting', 'received')),
    upload      TEXT,                       -- path of the tus upload
    sent        INTEGER NOT NULL DEFAULT 0, -- bytes that the server confirmed
    received_at INTEGER,                    -- server
    attempts    INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER NOT NULL DEFAULT 0,
    asked       INTEGER NOT NULL DEFAULT 0,
    problem_json TEXT,
    PRIMARY KEY (item, position)
) STRICT;
CREATE INDEX photo_by_hash ON photo (sha256);
CREATE INDEX photo_waiting ON photo (item) WHERE custody = 'waiting';

-- Back-off of steps that belong to no row: session, pull, manifest.
CREATE TABLE step (
    name        TEXT PRIMARY KEY,
    attempts    INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER NOT NULL DEFAULT 0,
    asked       INTEGER NOT NULL DEFAULT 0,
    problem_json TEXT
) STRICT;

CREATE TABLE mailbox_row (
    mailbox TEXT NOT NULL,
    kind    TEXT NOT NULL,
    entity  TEXT NOT NULL,
    n       INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (mailbox, kind, entity)
) STRICT;

-- Reference files in force, and those the manifest wants but that are not complete.
CREATE TABLE file (
    name    TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    size    INTEGER NOT NULL
) STRICT;
CREATE TABLE wanted_file (
    name    TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    size    INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER NOT NULL DEFAULT 0,
    asked       INTEGER NOT NULL DEFAULT 0,
    problem_json TEXT
) STRICT;
CREATE TABLE blob (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE blob_part (
    sha256 TEXT NOT NULL,
    start  INTEGER NOT NULL,
    bytes  BLOB NOT NULL,
    PRIMARY KEY (sha256, start)
) STRICT;

-- Photos that tasks ask to compare with; bytes once they are here.
CREATE TABLE compare_photo (
    sha256      TEXT PRIMARY KEY,
    bytes       BLOB,
    attempts    INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER NOT NULL DEFAULT 0,
    asked       INTEGER NOT NULL DEFAULT 0,
    problem_json TEXT
) STRICT;

CREATE TABLE draft (
    id      TEXT PRIMARY KEY,
    kind    TEXT NOT NULL,
    json    TEXT NOT NULL,
    updated INTEGER NOT NULL
) STRICT;
