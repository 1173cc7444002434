//! Two processes at once: one asks while the other cuts over, both send to one aggregate.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use highwater::event::{Position, StreamId, Version};
use highwater::workspace::{Consistency, Folder, Operation, Workspace};
use highwater::write::{Outcome, Request};
use serde_json::json;

use crate::kit::{COUNTS, PATIENCE, Place, append_many, finished};

/// In which workspace the other process does what.
const DIR: &str = "HIGHWATER_TEST_OTHER_IN";

/// The second process: it runs one of the functions below that are not tests, until its input is closed.
fn other(place: &Place, what: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", what, "--nocapture"])
        .env(DIR, place.folder().path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What it said behind an `@`, a line each, once it has ended.
fn said(mut child: Child) -> Vec<String> {
    drop(child.stdin.take());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines
        .map(Result::unwrap)
        .filter_map(|line| line.split_once("@ ").map(|(_, said)| said.to_owned()))
        .collect();
    assert!(child.wait().unwrap().success());
    said
}

fn told() -> Option<Workspace> {
    let folder = Folder::existing(Path::new(&std::env::var(DIR).ok()?)).unwrap();
    Some(Workspace::open(folder, |_, _| Some(highwater::shop::commands())).unwrap())
}

/// Not a test: asks again and again, and says at which position it got which sum.
#[tokio::test(flavor = "multi_thread")]
async fn asker() {
    let Some(workspace) = told() else { return };
    let mut end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let none = BTreeMap::new();
    while !end.is_finished() {
        let answer = workspace
            .query("counts", "All", &none, Consistency::Eventual, PATIENCE)
            .await;
        match answer {
            Ok(answer) => {
                let counts = answer
                    .rows
                    .iter()
                    .map(|row| row["events"].as_u64().unwrap());
                let sum: u64 = counts.sum();
                println!("@ {} {sum} {}", answer.position, answer.version);
            }
            Err(error) => println!("@ error {error}"),
        }
    }
    (&mut end).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_stay_whole_while_rebuilds_cut_over_in_another_process() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 7, 500).await;
    let child = other(&place, "two::asker");
    for _ in 0..25 {
        append_many(&workspace, 7, 20).await;
        finished(&workspace, "counts", Operation::Rebuild { hold: false }).await;
    }
    let answers = said(child);
    engine.stop().await;

    let mut stored = vec![0];
    let events = workspace.log().read_all(Position::START, 100_000).await;
    for event in events.unwrap() {
        let before = *stored.last().unwrap();
        stored.push(before + u64::from(!event.stream.is_system()));
    }
    let (mut last, mut versions) = (0, BTreeSet::new());
    for answer in &answers {
        let words: Vec<&str> = answer.split(' ').collect();
        let [position, sum, version] = words[..] else {
            panic!("{answer}")
        };
        let position: usize = position.parse().unwrap_or_else(|_| panic!("{answer}"));
        assert_eq!(sum.parse::<u64>().unwrap(), stored[position], "{answer}");
        assert!(position >= last, "back from {last}: {answer}");
        last = position;
        versions.insert(version);
    }
    eprintln!("{} answers of {} versions", answers.len(), versions.len());
    assert!(answers.len() > 25 && versions.len() > 2);
}

const TASKS: u64 = 32;

/// What 32 tasks of one process get for 8 commands each, all on one product.
async fn storm(workspace: &Workspace, who: &str) -> [u64; 4] {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let (workspace, who) = (workspace.clone(), who.to_owned());
        tasks.spawn(async move {
            let mut met = [0; 4];
            for n in 0..8 {
                let order = format!("{who}-{task}-{n}");
                let data = json!({ "product": "mug", "order": order, "quantity": 1 });
                let sent = workspace.send(Request::new("ReserveStock", data)).await;
                met[match sent.map(|sent| sent.outcome) {
                    Ok(Outcome::Accepted { .. }) => 0,
                    Ok(Outcome::Rejected { .. }) => 1,
                    Ok(Outcome::Conflict { .. }) => 2,
                    Err(error) => panic!("{error}"),
                }] += 1;
            }
            // Both processes use the same keys: each is stored once.
            let data = json!({ "product": "cup", "name": "Cup", "quantity": 1 });
            let request = Request {
                key: Some(format!("key-{task}")),
                ..Request::new("RestockProduct", data)
            };
            loop {
                match workspace
                    .send(request.clone())
                    .await
                    .map(|sent| sent.outcome)
                {
                    Ok(Outcome::Accepted { repeated, .. }) => break met[3] += u64::from(!repeated),
                    Ok(Outcome::Conflict { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
            met
        });
    }
    let mut all = [0; 4];
    while let Some(met) = tasks.join_next().await {
        for (sum, n) in all.iter_mut().zip(met.unwrap()) {
            *sum += n;
        }
    }
    all
}

/// Not a test: the other half of the storm.
#[tokio::test(flavor = "multi_thread")]
async fn stormer() {
    let Some(workspace) = told() else { return };
    let [accepted, rejected, conflict, first] = storm(&workspace, "b").await;
    println!("@ {accepted} {rejected} {conflict} {first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_from_two_processes_breaks_no_rule() {
    const MUGS: u64 = 300;
    let place = Place::new(&[]);
    let workspace = place.open();
    let data = json!({ "product": "mug", "name": "Mug", "quantity": MUGS });
    workspace
        .send(Request::new("RestockProduct", data))
        .await
        .unwrap();
    let child = other(&place, "two::stormer");
    let mine = storm(&workspace, "a").await;
    let theirs: Vec<u64> = said(child)[0]
        .split(' ')
        .map(|n| n.parse().unwrap())
        .collect();
    let [accepted, rejected, conflict, first] = std::array::from_fn(|n| mine[n] + theirs[n]);
    eprintln!("{accepted} accepted, {rejected} rejected, {conflict} in conflict");
    assert_eq!(accepted + rejected + conflict, 2 * TASKS * 8);
    assert!(accepted <= MUGS && (rejected == 0 || accepted == MUGS));
    assert_eq!(first, TASKS, "each key is stored once");
    let log = workspace.log();
    for (product, events) in [("mug", accepted + 1), ("cup", TASKS)] {
        let stream = StreamId::new(&format!("product-{product}")).unwrap();
        let page = log
            .read_stream(&stream, Version::NONE, 1_000)
            .await
            .unwrap();
        let versions: Vec<u64> = page.events.iter().map(|e| e.version.get()).collect();
        assert_eq!(versions, (1..=events).collect::<Vec<u64>>(), "{product}");
    }
}
