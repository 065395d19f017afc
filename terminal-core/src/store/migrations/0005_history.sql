-- The history by pages: rows of cases and activities, and own reports and activities, by the time they were made.
CREATE INDEX mailbox_row_history ON mailbox_row (
    CAST(coalesce(json_extract(body, '$.made'), json_extract(body, '$.at')) AS INTEGER),
    json_extract(body, '$.record')
) WHERE kind IN ('case', 'activity');
CREATE INDEX item_history ON item (created, record) WHERE kind IN ('report', 'activity');
