-- One row an order: what customer service looks at.
--
-- `live` applies events as soon as they are stored, all that wait in one transaction. The objective
-- says from when on a stale answer is a breach.
--
-- policy: live
-- objective: 1s
-- key: order_id = order        rows of `order_id` belong to streams of category `order`
-- replayable: yes              every handler sets values and adds nothing up: twice is the same as once

-- schema
CREATE TABLE orders (
    order_id    TEXT PRIMARY KEY,
    customer    TEXT NOT NULL,
    status      TEXT NOT NULL,      -- placed, paid, shipped or cancelled
    items       INTEGER NOT NULL,
    total_cents INTEGER NOT NULL,
    placed_at   TEXT NOT NULL,
    changed_at  TEXT NOT NULL
) STRICT;

CREATE INDEX orders_by_customer ON orders (customer, placed_at);
CREATE INDEX orders_by_status ON orders (status, placed_at);

-- on OrderPlaced
INSERT INTO orders VALUES (
    :key,
    :data ->> 'customer',
    'placed',
    (SELECT sum(value ->> 'quantity') FROM json_each(:data, '$.lines')),
    :data ->> 'total_cents',
    :time,
    :time
)
ON CONFLICT (order_id) DO UPDATE SET
    customer = excluded.customer,
    status = excluded.status,
    items = excluded.items,
    total_cents = excluded.total_cents,
    placed_at = excluded.placed_at,
    changed_at = excluded.changed_at;

-- on PaymentProcessed
UPDATE orders SET status = 'paid', changed_at = :time WHERE order_id = :key;

-- on OrderShipped
UPDATE orders SET status = 'shipped', changed_at = :time WHERE order_id = :key;

-- on OrderCancelled
UPDATE orders SET status = 'cancelled', changed_at = :time WHERE order_id = :key;

-- query GetOrderById(order_id)
SELECT * FROM orders WHERE order_id = :order_id;

-- query ListOrders(status)
SELECT * FROM orders WHERE status = :status ORDER BY placed_at DESC LIMIT 100;

-- query OrdersOfCustomer(customer)
SELECT * FROM orders WHERE customer = :customer ORDER BY placed_at DESC LIMIT 100;

-- query SearchOrdersByDate(from_day, to_day)
SELECT * FROM orders
WHERE placed_at >= :from_day AND placed_at < date(:to_day, '+1 day')
ORDER BY placed_at DESC LIMIT 100;

-- query CountByStatus()
SELECT status, count(*) AS orders, sum(total_cents) AS total_cents
FROM orders GROUP BY status ORDER BY orders DESC;
