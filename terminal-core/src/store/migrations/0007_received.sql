-- What may be deleted is found without walking all items, after every sync.
CREATE INDEX item_by_received_at ON item (received_at) WHERE custody = 'received';
