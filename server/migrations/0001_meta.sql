-- Facts about this database itself (its epoch, the city it serves), one row each.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
