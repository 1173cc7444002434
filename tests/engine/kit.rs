//! A workspace of one's own, and what is needed to wait for things in it without sleeping.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater::event::{EventType, JsonObject, NewEvent, Position, StreamId};
use highwater::log::{Commit, CommitId, Committed, Expected};
use highwater::workspace::{
    Consistency, Done, Folder, Operation, Operator, ProjectionView, Snapshot, Workspace,
};
use serde_json::{Map, Value};

/// Long enough for the slowest machine; nothing waits for it to pass.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const COUNTS: &str = "\
-- policy: live
-- replayable: no
-- schema
CREATE TABLE counts (key TEXT PRIMARY KEY, events INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
-- on *
INSERT INTO counts VALUES (:key, 1, :position)
ON CONFLICT (key) DO UPDATE SET events = events + 1, last = :position;
-- query All()
SELECT key, events, last FROM counts ORDER BY key;
-- query Of(key)
SELECT events FROM counts WHERE key = :key;
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
        std::fs::write(
            self.dir
                .path()
                .join("projections")
                .join(format!("{name}.sql")),
            text,
        )
        .unwrap();
    }

    pub fn open(&self) -> Workspace {
        let folder = Folder::existing(self.dir.path()).unwrap();
        Workspace::open(folder, |_, _| Some(highwater::shop::commands())).unwrap()
    }

    pub fn folder(&self) -> Folder {
        Folder::existing(self.dir.path()).unwrap()
    }
}

pub async fn append(
    workspace: &Workspace,
    stream: &str,
    event_type: &str,
    data: &str,
) -> Committed {
    let event = NewEvent::new(
        EventType::new(event_type).unwrap(),
        JsonObject::parse(data).unwrap(),
    );
    let commit = Commit {
        id: CommitId::new(),
        stream: StreamId::new(stream).unwrap(),
        expected: Expected::Any,
        events: vec![event],
    };
    workspace.log().append(commit).await.unwrap()
}

pub async fn append_many(workspace: &Workspace, streams: usize, events: usize) -> Position {
    let commits = (0..events).map(|n| Commit {
        id: CommitId::new(),
        stream: StreamId::new(&format!("thing-{}", n % streams)).unwrap(),
        expected: Expected::Any,
        events: vec![NewEvent::new(
            EventType::new("ThingHappened").unwrap(),
            JsonObject::parse(&format!("{{\"n\":{n}}}")).unwrap(),
        )],
    });
    let answers = workspace.log().append_all(commits.collect()).await;
    answers
        .into_iter()
        .map(|answer| answer.unwrap().last)
        .max()
        .unwrap_or_default()
}

/// The rows of a question, as fresh as asked for.
pub async fn rows(
    workspace: &Workspace,
    projection: &str,
    query: &str,
    consistency: Consistency,
) -> Vec<Map<String, Value>> {
    let none = BTreeMap::new();
    workspace
        .query(projection, query, &none, consistency, PATIENCE)
        .await
        .unwrap()
        .rows
}

/// Waits for a snapshot that fits.
pub async fn until(operator: &Operator, fits: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut snapshots = operator.snapshots();
    let found = tokio::time::timeout(PATIENCE, snapshots.wait_for(|snapshot| fits(snapshot))).await;
    match found {
        Ok(Ok(snapshot)) => Arc::clone(&snapshot),
        other => {
            drop(other);
            panic!(
                "no such snapshot came; the last was {:#?}",
                operator.snapshots().borrow()
            )
        }
    }
}

pub fn view<'a>(snapshot: &'a Snapshot, name: &str) -> &'a ProjectionView {
    snapshot
        .projections
        .iter()
        .find(|view| view.name == name)
        .unwrap()
}

pub async fn finished(workspace: &Workspace, projection: &str, operation: Operation) -> String {
    match workspace
        .operate(projection, operation.clone(), Some(PATIENCE))
        .await
        .unwrap()
    {
        Done::Finished { what } => what,
        other => panic!("{operation:?} of {projection}: {other:?}"),
    }
}

pub async fn refused(workspace: &Workspace, projection: &str, operation: Operation) -> String {
    match workspace
        .operate(projection, operation.clone(), Some(PATIENCE))
        .await
        .unwrap()
    {
        Done::Failed { reason } => reason,
        other => panic!("{operation:?} of {projection}: {other:?}"),
    }
}
