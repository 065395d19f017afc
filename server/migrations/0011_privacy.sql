-- DC-05: contacts of a matter that are no secret, identity numbers of callers, and the audit log by person and object.

-- A number in the texts of a case that departments and handsets may see, by whom it was marked and why. The audit log
-- keeps the mark after the row was removed.
CREATE TABLE case_contact (
    case_id TEXT NOT NULL REFERENCES case_file (id),
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (case_id, value)
);

ALTER TABLE case_caller ADD COLUMN id_number TEXT NOT NULL DEFAULT '';

CREATE INDEX audit_event_actor ON audit_event (actor, at);
CREATE INDEX audit_event_entity ON audit_event (entity, at);
