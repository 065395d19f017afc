-- Items whose final answer the worker has read: a report that was not filed, a withdrawal that was refused.
CREATE TABLE read_item (item TEXT PRIMARY KEY) STRICT;
-- How often the server had given the item's number to another entry, so that it got a new one.
ALTER TABLE item ADD COLUMN renumbered INTEGER NOT NULL DEFAULT 0;
