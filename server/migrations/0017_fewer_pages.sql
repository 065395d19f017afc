-- Each report is written to every index of its tables. These two list only what the queries ask for, which is little:
-- what is not decided, and what waits for another entry.
DROP INDEX entry_unsettled;
CREATE INDEX entry_unsettled ON entry (received, stream, n) WHERE state NOT IN ('applied', 'rejected');
DROP INDEX entry_waits_for;
CREATE INDEX entry_waits_for ON entry (waits_for) WHERE waits_for IS NOT NULL;
