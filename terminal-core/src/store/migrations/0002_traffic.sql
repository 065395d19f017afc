-- Bytes that the handset has exchanged with its server, as they were on the wire: head and body, compressed.
CREATE TABLE traffic (
    month    TEXT NOT NULL,                 -- civil month of Asia/Shanghai, 2026-11
    kind     TEXT NOT NULL,                 -- entries, photos, files, mailbox
    metered  INTEGER NOT NULL,              -- 1: on a network whose bytes cost money
    sent     INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (month, kind, metered)
) STRICT;
