-- What read a whole table that grows (server/tests/plans.rs): enrolment and the renewal of a token all terminals, the photo to
-- compare with all tasks, the items of a parcel those of all parcels, the months of activities the records of all years.
CREATE INDEX stream_terminal ON stream (terminal);
CREATE INDEX enrol_code_terminal ON enrol_code (terminal);
CREATE INDEX field_token_stream ON field_token (stream);
CREATE INDEX task_compare ON task (compare) WHERE compare IS NOT NULL;
CREATE INDEX parcel_item_parcel ON parcel_item (parcel, sha256);
CREATE INDEX activity_starts ON activity (starts);
-- By the post's id, the part after "post:". With the mailbox as its first column PostgreSQL did not use this index.
DROP INDEX mailbox_row_of_post;
CREATE INDEX mailbox_row_of_post ON mailbox_row (substr(mailbox, 6), n) WHERE body IS NOT NULL AND mailbox >= 'post:';
