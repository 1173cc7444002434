-- How much money was asked for, by what became of it.
-- policy: delay 100ms

-- schema
CREATE TABLE amounts (
    status       TEXT PRIMARY KEY,
    applications INTEGER NOT NULL,
    amount       INTEGER NOT NULL
) STRICT;

CREATE TABLE open_applications (
    application TEXT PRIMARY KEY,
    amount      INTEGER NOT NULL
) STRICT;

-- on A_SUBMITTED
INSERT INTO open_applications VALUES (:key, :data ->> 'amount_req');

-- on A_DECLINED, A_CANCELLED, A_APPROVED
INSERT INTO amounts
SELECT lower(substr(:type, 3)), 1, amount FROM open_applications WHERE application = :key
ON CONFLICT (status) DO UPDATE SET applications = applications + 1, amount = amount + excluded.amount;
DELETE FROM open_applications WHERE application = :key;

-- query Amounts()
SELECT status, applications, amount FROM amounts
UNION ALL SELECT 'open', count(*), coalesce(sum(amount), 0) FROM open_applications;
