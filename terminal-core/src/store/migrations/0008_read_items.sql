-- Items whose final answer the worker has read: a report that was not filed, a withdrawal that was refused.
CREATE TABLE read_item (item TEXT PRIMARY KEY) STRICT;
