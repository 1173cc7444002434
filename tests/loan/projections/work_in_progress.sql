-- What the clerks have on their desks, and how much of it they have done.
-- policy: every 300ms

-- schema
CREATE TABLE items (
    application TEXT NOT NULL,
    activity    TEXT NOT NULL,
    state       TEXT NOT NULL,
    resource    TEXT,
    since       TEXT NOT NULL,
    PRIMARY KEY (application, activity)
) STRICT;

CREATE TABLE activities (
    activity  TEXT PRIMARY KEY,
    scheduled INTEGER NOT NULL,
    started   INTEGER NOT NULL,
    completed INTEGER NOT NULL
) STRICT;

-- on "W_Completeren aanvraag", "W_Nabellen offertes", "W_Nabellen incomplete dossiers", "W_Valideren aanvraag", "W_Afhandelen leads", "W_Beoordelen fraude", "W_Wijzigen contractgegevens"
INSERT INTO activities VALUES (
    substr(:type, 3),
    :data ->> 'transition' = 'SCHEDULE',
    :data ->> 'transition' = 'START',
    :data ->> 'transition' = 'COMPLETE'
)
ON CONFLICT (activity) DO UPDATE SET
    scheduled = scheduled + excluded.scheduled,
    started = started + excluded.started,
    completed = completed + excluded.completed;
DELETE FROM items WHERE application = :key AND activity = substr(:type, 3);
INSERT INTO items
SELECT :key, substr(:type, 3), iif(:data ->> 'transition' = 'START', 'in hand', 'waiting'), :data ->> 'resource', :time
WHERE :data ->> 'transition' <> 'COMPLETE';

-- query Desk(resource)
SELECT * FROM items WHERE resource = :resource ORDER BY since;
