-- Entries that were refused because the stream has another one of their number or id (finding field_06): two phones with
-- one key, or one that was put back to an older copy. Kept until a reviewer has settled them; a stream has bounds.
CREATE TABLE refused_entry (
    stream TEXT NOT NULL REFERENCES stream (id),
    sha256 TEXT NOT NULL,
    entry TEXT NOT NULL,
    n BIGINT NOT NULL,
    code TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    received BIGINT NOT NULL,
    settled BIGINT,
    settled_by TEXT REFERENCES person (id),
    words TEXT,
    PRIMARY KEY (stream, sha256)
);
CREATE INDEX refused_entry_open ON refused_entry (settled, received);

-- The unit from above that approved an activity record (SP-05). An approval from below, by an older program, has none and
-- fills no month until it is given again from above.
ALTER TABLE activity ADD COLUMN approved_from TEXT;
UPDATE activity SET approved_from = (
    SELECT MIN(o.area) FROM role_grant g JOIN org o ON o.id = g.org
    WHERE g.person = activity.reviewed_by AND g.role = 'supervisor'
) WHERE state = 'approved';
