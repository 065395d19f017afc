-- Cases with their hash-chained ledger, tasks, presence, activity records, grids.
CREATE TABLE case_file (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    entry TEXT UNIQUE REFERENCES entry (id),
    record TEXT UNIQUE,
    stream TEXT,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    matter TEXT,
    level TEXT,
    text TEXT NOT NULL,
    cell TEXT,
    grid TEXT,
    lat BIGINT,
    lon BIGINT,
    address TEXT NOT NULL,
    area TEXT NOT NULL,
    reporter TEXT,
    reporter_post TEXT,
    self_handled BOOLEAN NOT NULL,
    flags TEXT NOT NULL,
    department TEXT REFERENCES org (id),
    deadline BIGINT,
    deadline_provisional BOOLEAN NOT NULL,
    rounds BIGINT NOT NULL,
    check_passed BOOLEAN,
    withdrawn BOOLEAN NOT NULL,
    reported BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
CREATE INDEX case_file_queue ON case_file (state, updated, id);
CREATE INDEX case_file_area ON case_file (area, state);

-- Complainant data stands apart: masked by default, every view logged (DC-01, DC-05).
CREATE TABLE case_caller (
    case_id TEXT PRIMARY KEY REFERENCES case_file (id),
    name TEXT NOT NULL,
    phone TEXT NOT NULL
);

CREATE TABLE case_event (
    case_id TEXT NOT NULL REFERENCES case_file (id),
    seq BIGINT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (case_id, seq)
);

-- Pictures that staff attach to an action (after handling, before and after).
CREATE TABLE attachment (
    sha256 TEXT NOT NULL,
    person TEXT NOT NULL REFERENCES person (id),
    size BIGINT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (sha256, person)
);

CREATE TABLE task (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    wording TEXT NOT NULL,
    cell TEXT NOT NULL,
    grid TEXT,
    lat BIGINT,
    lon BIGINT,
    address TEXT NOT NULL,
    due BIGINT NOT NULL,
    compare_stream TEXT,
    compare TEXT,
    case_id TEXT REFERENCES case_file (id),
    state TEXT NOT NULL,
    post TEXT,
    holder TEXT,
    issued BIGINT NOT NULL,
    issued_by TEXT NOT NULL,
    resolved BIGINT NOT NULL,
    answer TEXT,
    answer_text TEXT,
    answer_entry TEXT,
    answered_by TEXT,
    answered BIGINT,
    -- Whether the answer moves the case (T3, T13); a supervisor's own task about a case does not.
    drives BOOLEAN NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX task_state ON task (state, due);
CREATE INDEX task_holder ON task (holder, state);
CREATE INDEX task_case ON task (case_id);

-- Who had a task when: an answer made offline counts when its post had the task at that time.
CREATE TABLE task_lease (
    task TEXT NOT NULL REFERENCES task (id),
    seq BIGINT NOT NULL,
    post TEXT NOT NULL REFERENCES post (id),
    person TEXT NOT NULL REFERENCES person (id),
    since BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (task, seq)
);
CREATE INDEX task_lease_open ON task_lease (post, until);

-- Duty by presence: begins with a check-in, ends with check-out or the shift's end.
CREATE TABLE presence (
    person TEXT PRIMARY KEY REFERENCES person (id),
    post TEXT NOT NULL REFERENCES post (id),
    present BOOLEAN NOT NULL,
    since BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    last_contact BIGINT NOT NULL,
    changed_by TEXT
);
CREATE INDEX presence_present ON presence (present, ends);

-- Times on duty, one row a check-in that began one: whether a report of last week was made on duty.
CREATE TABLE duty_period (
    entry TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (id),
    post TEXT NOT NULL REFERENCES post (id),
    since BIGINT NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX duty_period_person ON duty_period (person, since);

CREATE TABLE activity (
    record TEXT PRIMARY KEY,
    entry TEXT NOT NULL REFERENCES entry (id),
    stream TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    category TEXT NOT NULL,
    title TEXT NOT NULL,
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    place TEXT NOT NULL,
    cell TEXT,
    area TEXT NOT NULL,
    organiser TEXT NOT NULL,
    participants BIGINT NOT NULL,
    summary TEXT NOT NULL,
    author TEXT NOT NULL,
    post TEXT NOT NULL,
    reason TEXT,
    reviewed_by TEXT,
    reviewed BIGINT,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);
CREATE INDEX activity_state ON activity (state, updated, record);

CREATE TABLE activity_review (
    record TEXT NOT NULL REFERENCES activity (record),
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    person TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (record, version)
);

-- Who did or saw what that is not a case's own history: views of secret data, sign-ins, administration.
CREATE TABLE audit_event (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT,
    action TEXT NOT NULL,
    entity TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_event_at ON audit_event (at);

CREATE TABLE grid (
    version TEXT PRIMARY KEY,
    county TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    cells BIGINT NOT NULL,
    imported BIGINT NOT NULL,
    in_force BIGINT
);

-- Reference files that the manifest lists; the bytes lie in the object store under their hash.
CREATE TABLE reference_file (
    name TEXT NOT NULL,
    county TEXT NOT NULL,
    version TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    PRIMARY KEY (name, county)
);
