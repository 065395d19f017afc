-- The sweep finds rows of the history by the time of their last change, without the tombstones it has written.
CREATE INDEX mailbox_row_history ON mailbox_row (kind, at) WHERE body IS NOT NULL;
