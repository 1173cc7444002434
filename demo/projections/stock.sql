-- How many of each product there are, and how many of them are set aside for orders.
--
-- `every 2s` looks at what has come on a schedule: an answer may be two seconds old, and that is what
-- the policy allows. Only what is older still counts as late.
--
-- These handlers add and subtract, so an event must not count twice: there is no `replayable: yes` here.
-- Such a read model is rebuilt, never replayed.
--
-- policy: every 2s
-- objective: 5s
-- key: product = product

-- schema
CREATE TABLE stock (
    product   TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    available INTEGER NOT NULL,
    reserved  INTEGER NOT NULL
) STRICT;

-- on ProductRestocked
INSERT INTO stock VALUES (:key, :data ->> 'name', :data ->> 'quantity', 0)
ON CONFLICT (product) DO UPDATE SET
    name = excluded.name,
    available = available + excluded.available;

-- on StockReserved
UPDATE stock SET
    available = available - (:data ->> 'quantity'),
    reserved = reserved + (:data ->> 'quantity')
WHERE product = :key;

-- on StockReleased
UPDATE stock SET
    available = available + (:data ->> 'quantity'),
    reserved = reserved - (:data ->> 'quantity')
WHERE product = :key;

-- on StockDispatched
UPDATE stock SET reserved = reserved - (:data ->> 'quantity') WHERE product = :key;

-- query GetStock(product)
SELECT * FROM stock WHERE product = :product;

-- query AllStock()
SELECT * FROM stock ORDER BY product;

-- query RunningOut(below)
SELECT * FROM stock WHERE available < :below ORDER BY available;
