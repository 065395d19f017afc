-- The summary as parts (JSON), worded when it is shown. `summary` stays: the Chinese words, all that older rows have.
ALTER TABLE item ADD COLUMN summary_parts TEXT;
