-- What is to be sent where, as three warehouses see it.
--
-- `replicas` runs the same projection several times, each with a policy and a read model of its own: the
-- nodes of a distributed system. They hold different answers for a while, and then they agree. Ask one of
-- them by its name: `highwater query parcels@us Waiting`.
--
-- replicas: eu live, us delay 800ms, ap every 5s
-- objective: 8s
-- key: order_id = order
-- replayable: yes

-- schema
CREATE TABLE parcels (order_id TEXT PRIMARY KEY, state TEXT NOT NULL, since TEXT NOT NULL) STRICT;

-- on PaymentProcessed
INSERT OR REPLACE INTO parcels VALUES (:key, 'waiting', :time);

-- on OrderShipped
INSERT OR REPLACE INTO parcels VALUES (:key, 'sent', :time);

-- on OrderCancelled
INSERT OR REPLACE INTO parcels VALUES (:key, 'stopped', :time);

-- query GetParcel(order_id)
SELECT * FROM parcels WHERE order_id = :order_id;

-- query Waiting()
SELECT * FROM parcels WHERE state = 'waiting' ORDER BY since LIMIT 100;
