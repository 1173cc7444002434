-- What became of each application: one row an application.
-- policy: live
-- objective: 2s
-- key: application = loan

-- schema
CREATE TABLE applications (
    application TEXT PRIMARY KEY,
    status      TEXT NOT NULL,
    outcome     TEXT,             -- declined, cancelled or approved; none while it is open
    amount      INTEGER NOT NULL,
    steps       INTEGER NOT NULL,
    submitted   TEXT NOT NULL,
    changed     TEXT NOT NULL
) STRICT;

-- on A_SUBMITTED
INSERT INTO applications VALUES (:key, 'submitted', NULL, :data ->> 'amount_req', 1, :time, :time);

-- on A_PARTLYSUBMITTED, A_PREACCEPTED, A_ACCEPTED, A_FINALIZED, A_REGISTERED, A_ACTIVATED
UPDATE applications SET status = lower(substr(:type, 3)), steps = steps + 1, changed = :time
WHERE application = :key;

-- on A_DECLINED, A_CANCELLED, A_APPROVED
UPDATE applications
SET status = lower(substr(:type, 3)), outcome = lower(substr(:type, 3)), steps = steps + 1, changed = :time
WHERE application = :key;

-- query Application(application)
SELECT * FROM applications WHERE application = :application;

-- query Outcomes()
SELECT coalesce(outcome, 'open') AS outcome, count(*) AS applications, sum(amount) AS amount
FROM applications GROUP BY outcome;
