-- How often each thing happened: a report for the end of the month.
--
-- `manual` applies what waits when somebody asks: a key in the dashboard, `highwater apply activity`, or
-- one of its queries with `--consistency strong`. Until then its answers are stale by policy, and that is
-- no breach.
--
-- policy: manual

-- schema
CREATE TABLE activity (
    type     TEXT PRIMARY KEY,
    events   INTEGER NOT NULL,
    first_at TEXT NOT NULL,
    last_at  TEXT NOT NULL
) STRICT;

-- on *
INSERT INTO activity VALUES (:type, 1, :time, :time)
ON CONFLICT (type) DO UPDATE SET
    events = events + 1,
    first_at = min(first_at, excluded.first_at),
    last_at = max(last_at, excluded.last_at);

-- query Activity()
SELECT * FROM activity ORDER BY events DESC;
