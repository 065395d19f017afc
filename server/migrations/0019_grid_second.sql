-- The pack of format 2 of a grid version, which newer handsets prefer; the object lies beside that of format 1. Absent until
-- it is written.
ALTER TABLE grid ADD COLUMN second_sha256 TEXT;
ALTER TABLE grid ADD COLUMN second_size BIGINT;
ALTER TABLE grid ADD COLUMN second_written BIGINT;
