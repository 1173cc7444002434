-- How much happened on which day (UTC), by kind: applications, offers, work.
-- policy: live
-- category: loan

-- schema
CREATE TABLE days (
    day    TEXT NOT NULL,
    kind   TEXT NOT NULL,
    events INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    PRIMARY KEY (day, kind)
) STRICT;

-- on *
INSERT INTO days VALUES (date(:time), substr(:type, 1, 1), 1, :position)
ON CONFLICT (day, kind) DO UPDATE SET events = events + 1, last = max(last, :position);

-- query Days()
SELECT day, sum(events) AS events FROM days GROUP BY day ORDER BY day;
