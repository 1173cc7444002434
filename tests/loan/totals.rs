//! The whole input, once through import, engine and queries.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use highwater::event::Position;
use highwater::workspace::{Consistency, Folder, Workspace};
use serde_json::json;

use crate::fold::Fold;
use crate::{data, models};

/// Nobody waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn the_published_totals_come_out_and_each_read_model_equals_an_independent_fold() {
    let Some(file) = data::file() else { return };
    let dir = tempfile::tempdir().unwrap();
    Folder::init(dir.path()).unwrap();
    models::write_projections(dir.path());
    let folder = Folder::existing(dir.path()).unwrap();
    let workspace = Workspace::open(folder, |_, _| Some(highwater::shop::commands())).unwrap();
    assert_eq!(workspace.problems(), [""; 0]);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;

    let (log, stop) = (workspace.log(), AtomicBool::new(false));
    let imported = highwater::transfer::import(&*log, File::open(&file).unwrap(), |_| (), &stop);
    let lines = tokio::task::spawn_blocking(move || data::lines(&file, usize::MAX));
    let (imported, lines) = (imported.await.unwrap(), lines.await.unwrap());
    assert_eq!((imported.imported, imported.skipped), (262_200, 0));
    assert!(imported.head >= Position::new(262_200));

    let ask = async |projection: &str, query: &str| {
        let none = BTreeMap::new();
        let answer = workspace.query(projection, query, &none, Consistency::Strong, PATIENCE);
        let answer = answer.await.unwrap();
        assert!(answer.position >= imported.head);
        assert_eq!(answer.age, Duration::ZERO);
        answer.rows
    };
    let amounts = ask("amount_by_final_status", "Amounts").await;
    let count = |status: &str| {
        let row = amounts.iter().find(|row| row["status"] == status).unwrap();
        (row["applications"].clone(), row["amount"].as_i64().unwrap())
    };
    assert_eq!(count("declined").0, 7_635);
    assert_eq!(count("cancelled").0, 2_807);
    assert_eq!(count("approved").0, 2_246);
    let statuses = ["declined", "cancelled", "approved", "open"];
    let sum: i64 = statuses.iter().map(|status| count(status).1).sum();
    assert_eq!(sum, 177_634_511);
    let outcomes = ask("application_status", "Outcomes").await;
    let all = outcomes.iter().map(|row| row["applications"].as_i64());
    assert_eq!(all.sum::<Option<i64>>(), Some(13_087));
    let approved =
        json!({ "outcome": "approved", "applications": 2_246, "amount": count("approved").1 });
    assert!(outcomes.iter().any(|row| json!(row) == approved));

    for name in models::PROJECTIONS {
        let query = workspace.projection(name).unwrap().queries()[0].clone();
        let parameters = query.parameters.iter().map(|p| (p.clone(), String::new()));
        let parameters = parameters.collect();
        let strong = Consistency::Strong;
        let answer = workspace.query(name, &query.name, &parameters, strong, PATIENCE);
        answer.await.unwrap();
    }
    let positions = positions(&workspace, &lines);
    engine.stop().await;

    let lines: Vec<_> = lines.iter().map(|line| data::Line::read(line)).collect();
    let fold = Fold::of(positions.into_iter().zip(&lines));
    assert_eq!(fold.outcome(Some("declined")).0, 7_635, "the fold itself");
    models::assert_equal(dir.path(), fold.tables());
}

/// Where each line stands in the log: in order, with the engine's own events between them.
fn positions(workspace: &Workspace, lines: &[String]) -> Vec<u64> {
    let log = models::open(&workspace.folder().data().join("log.db"));
    let mut select = log
        .prepare("SELECT position FROM events WHERE source = '/xes/loan' ORDER BY position")
        .unwrap();
    let found: Vec<u64> = select
        .query_map([], |row| row.get::<_, i64>(0))
        .unwrap()
        .map(|position| u64::try_from(position.unwrap()).unwrap())
        .collect();
    assert_eq!(found.len(), lines.len());
    found
}
