-- Who there is: organisations, people, posts, terminals, streams. Post, number, device and holder are four
-- things with dated assignments (SP-02). Times are Unix milliseconds; `area` is a prefix of cell codes.
CREATE TABLE org (
    id TEXT PRIMARY KEY,
    parent TEXT REFERENCES org (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    area TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE person (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    org TEXT NOT NULL REFERENCES org (id),
    account TEXT UNIQUE,
    password TEXT,
    disabled BIGINT,
    created BIGINT NOT NULL
);

CREATE TABLE role_grant (
    person TEXT NOT NULL REFERENCES person (id),
    role TEXT NOT NULL,
    org TEXT NOT NULL REFERENCES org (id),
    PRIMARY KEY (person, role, org)
);

-- Opaque sessions: only the hash of a token is kept, so that a copy of the database opens nothing.
CREATE TABLE session (
    token_sha256 TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (id),
    created BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX session_person ON session (person);

CREATE TABLE login_failure (
    account TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    locked_until BIGINT NOT NULL
);

CREATE TABLE post (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    org TEXT NOT NULL REFERENCES org (id),
    created BIGINT NOT NULL
);

CREATE TABLE post_area (
    post TEXT NOT NULL REFERENCES post (id),
    area TEXT NOT NULL,
    PRIMARY KEY (post, area)
);

CREATE TABLE post_holder (
    post TEXT NOT NULL REFERENCES post (id),
    person TEXT NOT NULL REFERENCES person (id),
    since BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (post, person, since)
);
CREATE INDEX post_holder_person ON post_holder (person);

CREATE TABLE terminal (
    id TEXT PRIMARY KEY,
    label TEXT NOT NULL,
    org TEXT NOT NULL REFERENCES org (id),
    created BIGINT NOT NULL
);

CREATE TABLE enrol_code (
    code_sha256 TEXT PRIMARY KEY,
    terminal TEXT NOT NULL REFERENCES terminal (id),
    post TEXT NOT NULL REFERENCES post (id),
    person TEXT NOT NULL REFERENCES person (id),
    expires BIGINT NOT NULL,
    used_by TEXT
);

CREATE TABLE stream (
    id TEXT PRIMARY KEY,
    terminal TEXT NOT NULL REFERENCES terminal (id),
    post TEXT NOT NULL REFERENCES post (id),
    person TEXT NOT NULL REFERENCES person (id),
    public_key TEXT NOT NULL,
    certificate TEXT NOT NULL,
    signature TEXT NOT NULL,
    device TEXT NOT NULL,
    predecessor TEXT,
    created BIGINT NOT NULL,
    revoked BIGINT,
    last_contact BIGINT NOT NULL
);
CREATE INDEX stream_person ON stream (person);

CREATE TABLE field_token (
    token_sha256 TEXT PRIMARY KEY,
    stream TEXT NOT NULL REFERENCES stream (id),
    expires BIGINT NOT NULL
);
CREATE INDEX field_token_expires ON field_token (expires);
