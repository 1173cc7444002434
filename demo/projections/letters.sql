-- A letter of welcome for each new customer, and one for each who moved.
--
-- `rate 5/s` applies no more than five events a second, however many wait: the printer behind it is slow.
-- What waits is lateness here, not policy, so a burst of customers makes it catch up in plain sight.
--
-- policy: rate 5/s
-- objective: 30s

-- schema
CREATE TABLE letters (
    position    INTEGER PRIMARY KEY,
    customer_id TEXT NOT NULL,
    kind        TEXT NOT NULL,      -- welcome or moved
    written_at  TEXT NOT NULL
) STRICT;

-- on CustomerRegistered
INSERT INTO letters VALUES (:position, :key, 'welcome', :recorded_at);

-- on CustomerAddressUpdated
INSERT INTO letters VALUES (:position, :key, 'moved', :recorded_at);

-- query LettersTo(customer_id)
SELECT * FROM letters WHERE customer_id = :customer_id ORDER BY position;

-- query NewestLetters()
SELECT * FROM letters ORDER BY position DESC LIMIT 20;
