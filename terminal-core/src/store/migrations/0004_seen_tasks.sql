-- Tasks that the worker has been shown. A row ends with its task.
CREATE TABLE seen_task (task TEXT PRIMARY KEY) STRICT;
