-- What came in and what went back, by day.
--
-- `batch 500 or 5s` saves up: it applies when 500 events wait, or when the first of them has waited for
-- five seconds. One large transaction costs less than many small ones.
--
-- Each movement of money is a row of its own, under the event's position, and the sums are a view. An
-- event that comes a second time replaces its own row, so sums, too, can be replayed.
--
-- policy: batch 500 or 5s
-- objective: 10s
-- replayable: yes

-- schema
CREATE TABLE movements (
    position INTEGER PRIMARY KEY,
    day      TEXT NOT NULL,
    order_id TEXT NOT NULL,
    cents    INTEGER NOT NULL       -- above 0: paid; below: given back
) STRICT;

CREATE INDEX movements_by_day ON movements (day);

CREATE VIEW revenue AS
SELECT
    day,
    count(*) FILTER (WHERE cents > 0) AS payments,
    sum(cents) FILTER (WHERE cents > 0) AS paid_cents,
    coalesce(-sum(cents) FILTER (WHERE cents < 0), 0) AS refunded_cents,
    sum(cents) AS revenue_cents
FROM movements GROUP BY day;

-- on PaymentProcessed
INSERT OR REPLACE INTO movements VALUES (:position, date(:time), :key, :data ->> 'amount_cents');

-- on OrderCancelled
INSERT OR REPLACE INTO movements
SELECT :position, date(:time), :key, -(:data ->> 'refund_cents')
WHERE :data ->> 'refund_cents' > 0;

-- query RevenueByDay()
SELECT * FROM revenue ORDER BY day DESC LIMIT 31;

-- query RevenueOn(day)
SELECT * FROM revenue WHERE day = :day;
