//! `status`: where each read model stands, once or whenever it changes.

use std::io::IsTerminal as _;

use highwater::read::format_duration;
use highwater::text::{human_duration, program, thousands};
use highwater::workspace::{ProjectionView, Snapshot};
use serde::Serialize;

use super::context::Context;
use super::out::Out;
use super::table::{Side, Table};
use super::{Exit, Failure, interrupt};

/// What `status` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One line of JSON
    #[arg(long)]
    json: bool,
    /// Again whenever something changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

/// Prints it. Exit 3 where an objective is breached.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    if !args.watch {
        let snapshot = workspace.snapshot().await?;
        print(&snapshot, args.json)?;
        return Ok(verdict(&snapshot));
    }
    let operator = workspace.operator().await?;
    let mut snapshots = operator.snapshots();
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        begin_anew(args.json);
        print(&snapshot, args.json)?;
        tokio::select! {
            changed = snapshots.changed() => if changed.is_err() { break },
            () = interrupt::asked() => break,
        }
    }
    Ok(Exit::Done)
}

/// On a terminal the next picture stands in the place of the last.
fn begin_anew(json: bool) {
    if !json && std::io::stdout().is_terminal() {
        use crossterm::{cursor::MoveTo, execute, terminal};
        let clear = terminal::Clear(terminal::ClearType::All);
        // Where it cannot be cleared, the pictures stand one below the other.
        drop(execute!(std::io::stdout(), clear, MoveTo(0, 0)));
    }
}

fn verdict(snapshot: &Snapshot) -> Exit {
    if snapshot.projections.iter().any(|view| view.breach) {
        Exit::No
    } else {
        Exit::Done
    }
}

fn print(snapshot: &Snapshot, json: bool) -> Result<(), Failure> {
    let mut out = Out::new();
    if json {
        out.json(&Status::of(snapshot))?;
    } else {
        for line in lines(snapshot) {
            out.line(line)?;
        }
    }
    out.finish()
}

/// The overview as lines of text.
pub fn lines(snapshot: &Snapshot) -> Vec<String> {
    let engine = match snapshot.engine.pid {
        Some(pid) if snapshot.engine.here => format!("process {pid} (this one)"),
        Some(pid) => format!("process {pid}"),
        None => format!("none runs: start one with `{} run`", program()),
    };
    let mut lines = vec![
        format!(
            "{}  {}",
            snapshot.workspace.name,
            snapshot.workspace.path.display()
        ),
        format!("head {}  engine: {engine}", thousands(snapshot.head.get())),
    ];
    for problem in &snapshot.problems {
        lines.extend(problem.lines().map(|line| format!("! {line}")));
    }
    lines.push(String::new());
    if snapshot.projections.is_empty() {
        lines.push("no projections: write one as projections/NAME.sql".to_owned());
        return lines;
    }
    let mut table = Table::new(&[
        ("PROJECTION", Side::Left),
        ("STATUS", Side::Left),
        ("POLICY", Side::Left),
        ("CHECKPOINT", Side::Right),
        ("GAP", Side::Right),
        ("BEHIND", Side::Right),
        ("AGE", Side::Right),
        ("OBJECTIVE", Side::Left),
        ("VERSION", Side::Left),
    ]);
    for view in &snapshot.projections {
        table.row(cells(view));
    }
    lines.extend(table.lines());
    lines.extend(snapshot.projections.iter().flat_map(remarks));
    lines
}

fn cells(view: &ProjectionView) -> [String; 9] {
    let at_least = if view.lag.behind_exact { "" } else { "≥" };
    let objective = view
        .objective
        .map_or_else(|| "-".to_owned(), format_duration);
    let breach = if view.breach { " BREACH" } else { "" };
    [
        view.name.clone(),
        view.lag.status.to_string(),
        view.kept(),
        thousands(view.checkpoint.get()),
        thousands(view.lag.gap),
        format!("{at_least}{}", thousands(view.lag.behind)),
        human_duration(view.lag.age),
        format!("{objective}{breach}"),
        view.version.clone(),
    ]
}

/// What does not fit in a row: what stopped it, and a rebuild.
fn remarks(view: &ProjectionView) -> Vec<String> {
    let fault = view.fault.as_ref().map(|fault| {
        let position = thousands(fault.position.get());
        let is = match view.lag.status {
            highwater::lag::Status::Faulted(_) => "stopped at",
            _ if fault.locked => "waits for a lock at",
            _ => "tries again",
        };
        let (name, tries, error) = (&view.name, fault.tries, view.error_of(fault));
        format!("{name} {is} event {position} after {tries} tries: {error}")
    });
    let parked = (view.parked > 0).then(|| {
        format!(
            "{name}: events are parked, and answers lack them: {} of {} streams (`{program} parked {name}`)",
            thousands(view.parked),
            thousands(view.parked_streams),
            name = view.name, program = program())
    });
    let rebuild = view.rebuild.as_ref().map(|rebuild| {
        let (name, version) = (&view.name, &rebuild.version);
        let at = thousands(rebuild.checkpoint.get());
        if rebuild.held {
            return format!("{name}: new version {version} is ready at {at}, waits for cutover");
        }
        format!(
            "{name} is built anew as {version}: {:.0} %, position {at} of {}{}",
            (rebuild.progress() * 100.0).floor(),
            thousands(rebuild.target.get()),
            if rebuild.paused { ", paused" } else { "" }
        )
    });
    let lacks = view.rebuild.as_ref().filter(|new| new.parked.count.any());
    let lacks = lacks.map(|new| {
        let (name, version, sum) = (&view.name, &new.version, &new.parked);
        format!("{name}: in the new version {version} {sum} (`highwater parked {name}`)")
    });
    let injected = view
        .injected
        .as_ref()
        .map(|injected| format!("{} has an injected fault: {injected}", view.name));
    let all = injected.into_iter().chain(fault).chain(parked);
    all.chain(rebuild).chain(lacks).collect()
}

/// The JSON of `status`.
#[derive(Serialize)]
struct Status<'a> {
    head: u64,
    engine: EngineStatus,
    projections: Vec<ProjectionStatus<'a>>,
    problems: &'a [String],
}

#[derive(Serialize)]
struct EngineStatus {
    running: bool,
    pid: Option<u32>,
}

#[derive(Serialize)]
struct ProjectionStatus<'a> {
    name: &'a str,
    version: &'a str,
    policy: String,
    stored_within_ms: u128,
    status: &'static str,
    checkpoint: u64,
    gap: u64,
    behind: u64,
    behind_exact: bool,
    age_ms: u128,
    excess_ms: u128,
    objective_ms: Option<u128>,
    breach: bool,
    parked: u64,
    parked_streams: u64,
    stale_keys: usize,
    fault: Option<FaultStatus<'a>>,
    injected: Option<String>,
    not_built: Option<&'a str>,
    rebuild: Option<RebuildStatus<'a>>,
}

#[derive(Serialize)]
struct FaultStatus<'a> {
    position: u64,
    error: &'a str,
    tries: u32,
}

#[derive(Serialize)]
struct RebuildStatus<'a> {
    version: &'a str,
    checkpoint: u64,
    target: u64,
    events_per_second: Option<f64>,
    eta_ms: Option<u128>,
    held: bool,
    paused: bool,
    parked: serde_json::Value,
}

impl<'a> Status<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        Self {
            head: snapshot.head.get(),
            engine: EngineStatus {
                running: snapshot.engine.running,
                pid: snapshot.engine.pid,
            },
            projections: snapshot.projections.iter().map(Into::into).collect(),
            problems: &snapshot.problems,
        }
    }
}

impl<'a> From<&'a ProjectionView> for ProjectionStatus<'a> {
    fn from(view: &'a ProjectionView) -> Self {
        Self {
            name: &view.name,
            version: &view.version,
            policy: view.policy.to_string(),
            stored_within_ms: view.stored_within.as_millis(),
            status: view.lag.status.word(),
            checkpoint: view.checkpoint.get(),
            gap: view.lag.gap,
            behind: view.lag.behind,
            behind_exact: view.lag.behind_exact,
            age_ms: view.lag.age.as_millis(),
            excess_ms: view.lag.excess.as_millis(),
            objective_ms: view.objective.map(|objective| objective.as_millis()),
            breach: view.breach,
            parked: view.parked,
            parked_streams: view.parked_streams,
            stale_keys: view.stale_keys,
            fault: view.fault.as_ref().map(|fault| FaultStatus {
                position: fault.position.get(),
                error: &fault.error,
                tries: fault.tries,
            }),
            injected: view.injected.as_ref().map(ToString::to_string),
            not_built: view.not_built.as_deref(),
            rebuild: view.rebuild.as_ref().map(|rebuild| RebuildStatus {
                version: &rebuild.version,
                checkpoint: rebuild.checkpoint.get(),
                target: rebuild.target.get(),
                events_per_second: rebuild.rate,
                eta_ms: rebuild.eta.map(|eta| eta.as_millis()),
                held: rebuild.held,
                paused: rebuild.paused,
                parked: super::diff::parked(&rebuild.parked),
            }),
        }
    }
}
