-- Pages of the queue: what belongs to an item is found by its key.
CREATE INDEX item_by_kind ON item (kind, n);
CREATE INDEX item_by_after ON item (after_entry) WHERE after_entry IS NOT NULL;
CREATE INDEX item_by_supersedes ON item (supersedes) WHERE supersedes IS NOT NULL;
CREATE INDEX item_rejected ON item (n) WHERE disposition = 'rejected';
-- The rows of cases and activities name the record that they are about.
CREATE INDEX mailbox_row_by_record ON mailbox_row (kind, json_extract(body, '$.record'));
