-- One row a customer.
--
-- `sync` is `live` with a promise to whoever sends a command: it is answered once this read model has
-- what it led to. Who registers and asks at once finds themselves.
--
-- policy: sync
-- objective: 500ms
-- key: customer_id = customer
-- replayable: yes

-- schema
CREATE TABLE customers (
    customer_id   TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    email         TEXT NOT NULL,
    address       TEXT NOT NULL,
    registered_at TEXT NOT NULL,
    moved_at      TEXT              -- when the address last changed
) STRICT;

CREATE INDEX customers_by_email ON customers (email);

-- on CustomerRegistered
INSERT INTO customers VALUES (
    :key,
    :data ->> 'name',
    :data ->> 'email',
    :data ->> 'address',
    :time,
    NULL
)
ON CONFLICT (customer_id) DO UPDATE SET
    name = excluded.name,
    email = excluded.email,
    address = excluded.address,
    registered_at = excluded.registered_at,
    moved_at = NULL;

-- on CustomerAddressUpdated
UPDATE customers SET address = :data ->> 'address', moved_at = :time WHERE customer_id = :key;

-- query GetCustomer(customer_id)
SELECT * FROM customers WHERE customer_id = :customer_id;

-- query CustomerByEmail(email)
SELECT * FROM customers WHERE email = :email;

-- query ListCustomers()
SELECT customer_id, name, email FROM customers ORDER BY name, customer_id LIMIT 1000;

-- query NewestCustomers()
SELECT * FROM customers ORDER BY registered_at DESC LIMIT 20;
