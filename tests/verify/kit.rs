//! A workspace of one's own, read models caught up with it, and damage done to them from outside.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use highwater::event::{EventType, JsonObject, NewEvent, Position, StreamId};
use highwater::log::{Commit, CommitId, Expected};
use highwater::workspace::{Checked, Consistency, Folder, Work, Workspace, WorkspaceError};
use rusqlite::Connection;

/// Long enough for the slowest machine; nothing waits for it to pass.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One row a stream, one a event, a table that forgets, one that replaces, and a full text index.
pub const MIXED: &str = "\
-- policy: live
-- replayable: no
-- schema
CREATE TABLE counts (key TEXT PRIMARY KEY, n INTEGER NOT NULL, parity TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE seen (key TEXT, size);
CREATE TABLE slots (slot INTEGER PRIMARY KEY, key TEXT UNIQUE);
CREATE VIRTUAL TABLE words USING fts5 (key, body);
CREATE TABLE totals (n INTEGER);
INSERT INTO totals VALUES (0);
CREATE VIEW busy AS SELECT key FROM counts WHERE n > 2;
-- on Grew
INSERT INTO counts VALUES (:key, 1, 'odd')
ON CONFLICT (key) DO UPDATE SET n = n + 1, parity = iif(n % 2, 'even', 'odd');
INSERT INTO seen VALUES (:key, :data ->> 'size');
INSERT OR REPLACE INTO slots VALUES ((:data ->> 'size') % 3, :key);
INSERT INTO words (rowid, key, body) VALUES (:position, :key, :data ->> 'word');
UPDATE totals SET n = n + 1;
-- on Forgotten
DELETE FROM seen WHERE key = :key;
-- on Cleared
DELETE FROM seen;
DELETE FROM words WHERE key = :key;
-- query All()
SELECT * FROM counts ORDER BY key;
-- query Seen()
SELECT count(*) AS n FROM seen;
";

pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub fn new(projections: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Folder::init(dir.path()).unwrap();
        let place = Self { dir };
        for (name, text) in projections {
            place.write(name, text);
        }
        place
    }

    pub fn write(&self, name: &str, text: &str) {
        let file = self.dir.path().join(format!("projections/{name}.sql"));
        std::fs::write(file, text).unwrap();
    }

    pub fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub fn open(&self) -> Workspace {
        let folder = Folder::existing(self.dir.path()).unwrap();
        Workspace::open(folder, |_, _| Some(highwater::shop::commands())).unwrap()
    }

    /// The link to a read model's file.
    pub fn link(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("data/read/{name}.db"))
    }

    /// Does something to a read model that no event did.
    pub fn damage(&self, name: &str, sql: &str) {
        let db = Connection::open(self.link(name)).unwrap();
        db.busy_timeout(PATIENCE).unwrap();
        db.execute_batch(sql).unwrap();
    }

    /// What lies in the folder for files that nobody keeps, without what is hidden.
    pub fn scratch(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.dir.path().join("data/scratch")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.starts_with('.')).collect()
    }
}

/// Appends events, one commit each: stream, type, data.
pub async fn append<'a>(
    workspace: &Workspace,
    events: impl IntoIterator<Item = (&'a str, &'a str, String)>,
) -> Position {
    let commits = events.into_iter().map(|(stream, kind, data)| Commit {
        id: CommitId::new(),
        stream: StreamId::new(stream).unwrap(),
        expected: Expected::Any,
        events: vec![NewEvent::new(
            EventType::new(kind).unwrap(),
            JsonObject::parse(&data).unwrap(),
        )],
    });
    let answers = workspace.log().append_all(commits.collect()).await;
    answers
        .into_iter()
        .map(|answer| answer.unwrap().last)
        .max()
        .unwrap_or_default()
}

/// Appends so many events that `MIXED` takes.
pub async fn grow(workspace: &Workspace, streams: u64, events: u64) -> Position {
    let names: Vec<String> = (0..streams).map(|n| format!("thing-{n}")).collect();
    let data = |n: u64| format!("{{\"size\":{n},\"word\":\"w{} common\"}}", n % 7);
    let all = (0..events).map(|n| {
        let stream = names[usize::try_from(n % streams).unwrap()].as_str();
        (stream, "Grew", data(n))
    });
    append(workspace, all).await
}

/// Has an engine apply everything there is, and stops it.
pub async fn catch_up(workspace: &Workspace, name: &str) {
    let mut engine = workspace.start(Some(name)).unwrap();
    engine.ready().await;
    let none = BTreeMap::new();
    workspace
        .query(name, "All", &none, Consistency::Strong, PATIENCE)
        .await
        .unwrap();
    engine.stop().await;
}

pub async fn verified(workspace: &Workspace, name: &str) -> Result<Checked, WorkspaceError> {
    workspace.verify(name, 100, &Work::new()).await
}

/// That a read model equals a fresh fold; answers where.
pub async fn assert_equal(workspace: &Workspace, name: &str) -> Position {
    let checked = verified(workspace, name).await.unwrap();
    assert!(checked.comparison.is_equal(), "{checked:#?}");
    assert_eq!(checked.comparison.here, checked.comparison.there);
    checked.position
}
