-- Orders as they were ten seconds ago.
--
-- `delay 10s` applies each event when it is so old: a time-delayed replica. When a mistake spreads, this
-- read model does not have it yet: pause it, and look at how things were. The age that the policy itself
-- makes is no lateness.
--
-- policy: delay 10s
-- objective: 15s
-- key: order_id = order
-- replayable: yes

-- schema
CREATE TABLE orders (order_id TEXT PRIMARY KEY, status TEXT NOT NULL, changed_at TEXT NOT NULL) STRICT;

-- on OrderPlaced
INSERT OR REPLACE INTO orders VALUES (:key, 'placed', :time);

-- on PaymentProcessed
INSERT OR REPLACE INTO orders VALUES (:key, 'paid', :time);

-- on OrderShipped
INSERT OR REPLACE INTO orders VALUES (:key, 'shipped', :time);

-- on OrderCancelled
INSERT OR REPLACE INTO orders VALUES (:key, 'cancelled', :time);

-- query GetOrderBefore(order_id)
SELECT * FROM orders WHERE order_id = :order_id;

-- query CountBefore()
SELECT status, count(*) AS orders FROM orders GROUP BY status ORDER BY orders DESC;
