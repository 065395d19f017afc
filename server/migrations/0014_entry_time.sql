-- What is known of the true time in each boot of a stream (JSON of the protocol's BootTime). `judged` is false when the
-- entries of the boot have to be judged again.
CREATE TABLE stream_boot (
    stream TEXT NOT NULL REFERENCES stream (id),
    boot TEXT NOT NULL,
    times TEXT NOT NULL,
    judged BOOLEAN NOT NULL,
    seen BIGINT NOT NULL,
    PRIMARY KEY (stream, boot)
);

-- The clock reading of an entry. Absent for entries from before this migration, whose time stays as it is.
ALTER TABLE entry ADD COLUMN boot TEXT;
ALTER TABLE entry ADD COLUMN monotonic BIGINT;
-- The time as it was judged at arrival, if a better estimate corrected it since.
ALTER TABLE entry ADD COLUMN first_made_at BIGINT;
ALTER TABLE entry ADD COLUMN first_uncertainty BIGINT;
-- Set when a figure that used the time was frozen: the time is not corrected any more.
ALTER TABLE entry ADD COLUMN time_frozen BIGINT;
-- Doubts about clock and position fix, codes separated by commas; absent for entries from before this migration.
ALTER TABLE entry ADD COLUMN flags TEXT;
CREATE INDEX entry_boot ON entry (stream, boot, monotonic);
-- Doubts about an answer besides those about its entry, codes separated by commas.
ALTER TABLE task ADD COLUMN answer_flags TEXT;
-- A corrected answer finds its task.
CREATE INDEX task_answer_entry ON task (answer_entry);
