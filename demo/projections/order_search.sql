-- Full text over orders: who ordered, what was ordered, and why an order was cancelled.
--
-- A read model is whatever answers best: here an FTS5 index, beside a table that remembers which entry
-- of the index belongs to which order.
--
-- With `on-error: park` an order that cannot be taken in is set aside, and the others are found all the same:
-- `highwater parked order_search` lists it, and `retry` takes it in later.
--
-- policy: live
-- on-error: park
-- objective: 2s
-- key: order_id = order
-- replayable: yes              an entry is found under its event's position, and written over

-- schema
CREATE TABLE entries (order_id TEXT PRIMARY KEY, entry INTEGER NOT NULL) STRICT;

CREATE VIRTUAL TABLE search USING fts5 (customer, products, reason);

-- on OrderPlaced
INSERT OR REPLACE INTO entries VALUES (:key, :position);
INSERT OR REPLACE INTO search (rowid, customer, products, reason) VALUES (
    :position,
    :data ->> 'customer',
    (SELECT group_concat(value ->> 'product', ' ') FROM json_each(:data, '$.lines')),
    ''
);

-- on OrderCancelled
UPDATE search SET reason = :data ->> 'reason'
WHERE rowid = (SELECT entry FROM entries WHERE order_id = :key);

-- query SearchOrders(words)
SELECT order_id, customer, products, reason
FROM search JOIN entries ON entry = search.rowid
WHERE search MATCH :words
ORDER BY rank LIMIT 50;
