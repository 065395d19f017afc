-- A password that somebody else chose (the first one, a reset) is good for a short time only; null: the
-- person's own.
ALTER TABLE person ADD COLUMN password_until BIGINT;
