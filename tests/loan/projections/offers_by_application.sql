-- How many offers each application was made, and what came of them.
-- policy: batch 5000 or 500ms
-- key: application = loan

-- schema
CREATE TABLE offers (
    application TEXT PRIMARY KEY,
    created     INTEGER NOT NULL DEFAULT 0,
    sent        INTEGER NOT NULL DEFAULT 0,
    sent_back   INTEGER NOT NULL DEFAULT 0,
    accepted    INTEGER NOT NULL DEFAULT 0,
    declined    INTEGER NOT NULL DEFAULT 0,
    cancelled   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- on O_CREATED
INSERT INTO offers (application, created) VALUES (:key, 1)
ON CONFLICT (application) DO UPDATE SET created = created + 1;

-- on O_SENT
UPDATE offers SET sent = sent + 1 WHERE application = :key;

-- on O_SENT_BACK
UPDATE offers SET sent_back = sent_back + 1 WHERE application = :key;

-- on O_ACCEPTED
UPDATE offers SET accepted = accepted + 1 WHERE application = :key;

-- on O_DECLINED
UPDATE offers SET declined = declined + 1 WHERE application = :key;

-- on O_CANCELLED
UPDATE offers SET cancelled = cancelled + 1 WHERE application = :key;

-- query Offers(application)
SELECT * FROM offers WHERE application = :application;
