-- Figures by state that a screen shows: kept as the rows change, so that their cost does not grow with the rows (app::tally).
-- `place` is an area, each with all areas that contain it, or a stream.
CREATE TABLE tally (
    what TEXT NOT NULL,
    place TEXT NOT NULL,
    state TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (what, place, state)
);
-- What has changed since a job added it up. Only ever appended to, so that two replicas do not wait for each other.
CREATE TABLE tally_change (
    what TEXT NOT NULL,
    place TEXT NOT NULL,
    state TEXT NOT NULL,
    n BIGINT NOT NULL
);

INSERT INTO tally (what, place, state, n)
WITH RECURSIVE digits (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM digits WHERE k < 12),
standing (what, area, state, n) AS (
    SELECT 'case', area, state, COUNT(*) FROM case_file GROUP BY area, state
    UNION ALL SELECT 'task', cell, state, COUNT(*) FROM task GROUP BY cell, state
    UNION ALL SELECT 'activity', area, state, COUNT(*) FROM activity GROUP BY area, state
)
SELECT what, substr(area, 1, k), state, CAST(SUM(n) AS BIGINT) FROM standing JOIN digits ON k <= length(area)
GROUP BY what, substr(area, 1, k), state;

INSERT INTO tally (what, place, state, n)
SELECT 'entry', stream, state, COUNT(*) FROM entry GROUP BY stream, state
UNION ALL SELECT 'sealed', e.stream, '', COUNT(*) FROM entry e JOIN parcel p ON p.id = e.push GROUP BY e.stream
UNION ALL SELECT 'photo', stream, 'named', COUNT(*) FROM photo GROUP BY stream
UNION ALL SELECT 'photo', stream, 'held', COUNT(*) FROM photo WHERE received IS NOT NULL GROUP BY stream;

INSERT INTO tally (what, place, state, n)
WITH unnamed AS (
    SELECT stream, received FROM photo p
    WHERE NOT EXISTS (SELECT 1 FROM entry_photo e WHERE e.stream = p.stream AND e.sha256 = p.sha256)
)
SELECT 'unnamed', stream, 'named', COUNT(*) FROM unnamed GROUP BY stream
UNION ALL SELECT 'unnamed', stream, 'held', COUNT(*) FROM unnamed WHERE received IS NOT NULL GROUP BY stream;

-- Lists are read state by state, each in the order of an index, or from the index of a small area (app::ordered).
DROP INDEX case_file_queue;
DROP INDEX case_file_area;
-- What a department handles is sorted by its deadline and has indexes of its own; the others leave it out, so that no
-- planner takes the wrong one.
CREATE INDEX case_file_order ON case_file (state, reported, id, area) WHERE state <> 'handling';
CREATE INDEX case_file_running ON case_file (deadline, reported, id, area) WHERE state = 'handling';
CREATE INDEX case_file_area ON case_file (area, state, reported, id);
CREATE INDEX case_file_department ON case_file (department, state, reported, id)
    WHERE department IS NOT NULL AND state <> 'handling';
CREATE INDEX case_file_department_running ON case_file (department, deadline, reported, id) WHERE state = 'handling';
CREATE INDEX case_file_provisional ON case_file (deadline, id) WHERE deadline_provisional;
CREATE INDEX case_file_renewed ON case_file (id) WHERE withdrawn AND state <> 'withdrawn';
DROP INDEX task_state;
CREATE INDEX task_state ON task (state, due, id, cell);
CREATE INDEX task_cell ON task (cell, state, due, id);
DROP INDEX activity_state;
CREATE INDEX activity_state ON activity (state, updated, record, area);
CREATE INDEX activity_area ON activity (area, state, updated, record);

-- What a new handset of a post reads first: its open tasks, among the tombstones of all that were ever done there. No report is
-- written to it.
CREATE INDEX mailbox_row_of_post ON mailbox_row (mailbox, n) WHERE body IS NOT NULL AND mailbox >= 'post:';
