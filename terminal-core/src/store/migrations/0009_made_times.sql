-- Times of items are estimates of the true time. What was filed while the time was not known keeps where the clocks
-- stood, until it is known: boot and milliseconds of the monotonic clock.
ALTER TABLE item ADD COLUMN made_boot TEXT;
ALTER TABLE item ADD COLUMN made_monotonic_ms INTEGER;
CREATE INDEX item_of_unknown_time ON item (made_boot) WHERE made_boot IS NOT NULL;
UPDATE item SET
    created = created + coalesce(json_extract(CAST(bytes AS TEXT), '$.evidence.clock.offset_ms'), 0),
    made_boot = CASE WHEN json_extract(CAST(bytes AS TEXT), '$.evidence.clock.offset_ms') IS NULL
        THEN json_extract(CAST(bytes AS TEXT), '$.evidence.clock.boot') END,
    made_monotonic_ms = CASE WHEN json_extract(CAST(bytes AS TEXT), '$.evidence.clock.offset_ms') IS NULL
        THEN json_extract(CAST(bytes AS TEXT), '$.evidence.clock.monotonic_ms') END
    WHERE json_valid(CAST(bytes AS TEXT));
