//! Made-up snapshots, commands and models for the tests of the dashboard.

pub mod events;
pub mod scenario;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Size;
use serde_json::json;

use super::ask::projection::{Found, What};
use super::ask::stream;
use super::state::Model;
use super::state::lagging::Lagging;
use crate::event::{Event, EventType, JsonObject, Position, StreamId, Timestamp, Version};
use crate::lag::why::{Loop, Work};
use crate::lag::{Lag, Status};
use crate::workspace::{
    After, Beside, Change, Coming, ComingRow, ComingTable, KeyRows, KeyedModel, Mends, OfStream,
    Step, Steps,
};
use crate::workspace::{
    Answered, Browse, Bucket, BuiltFrom, Consistency, Counted, ParkedCount, ParkedEvent, Recorded,
    RowsPage, Service, TableInfo, WhatIf,
};
use crate::workspace::{
    Cell, Changed, Checked, CommandCounts, CommandInfo, Comparison, Contents, Difference,
    EngineInfo, Fault, INJECTED, Injected, Mending, Moment, Poison, ProjectionView, QueryInfo,
    Rates, RebuildView, Rows, Snapshot, Visibility, WorkspaceInfo,
};

/// The head of the made-up log.
pub const HEAD: u64 = 128_403;

/// 2026-03-14 09:26:53.589 UTC.
pub fn now() -> Timestamp {
    Timestamp::from_millisecond(1_773_480_413_589).unwrap()
}

/// A projection that has everything.
pub fn projection(name: &str, policy: &str) -> ProjectionView {
    ProjectionView {
        name: name.to_owned(),
        version: "3f2a91c.1".to_owned(),
        description: "One row an order: what customer service looks at.".to_owned(),
        policy: policy.parse().unwrap(),
        stored_within: Duration::ZERO,
        objective: Some(Duration::from_secs(1)),
        breach: false,
        checkpoint: Position::new(HEAD),
        lag: Lag {
            gap: 0,
            behind: 0,
            behind_exact: true,
            age: Duration::ZERO,
            excess: Duration::ZERO,
            status: Status::Live,
        },
        stale_keys: 0,
        parked: 0,
        parked_streams: 0,
        passed_by: Default::default(),
        fault: None,
        injected: None,
        event_types: vec!["OrderPlaced".to_owned(), "OrderShipped".to_owned()],
        paused: None,
        asked: None,
        owner: Some(4242),
        runs: Loop::Alive {
            pid: 4242,
            stuck_for: None,
        },
        problem: None,
        not_built: None,
        work: Work::default(),
        rates: Rates {
            stored: Some(412.0),
            applied: Some(412.0),
            capacity: Some(98_000.0),
            utilisation: Some(0.01),
        },
        eta: None,
        visibility: Some(Visibility {
            p50: Duration::from_micros(310),
            p99: Duration::from_millis(2),
            max: Duration::from_millis(9),
        }),
        visible_after: [
            (100, 12),
            (200, 640),
            (500, 4_100),
            (1_000, 902),
            (2_000, 31),
            (10_000, 1),
        ]
        .map(|(micros, events)| Bucket {
            up_to: Duration::from_micros(micros),
            events,
        })
        .into(),
        rebuild: None,
        replayable: false,
        history: history(|_| 0.0),
        queries: vec![QueryInfo {
            name: "GetOrderById".to_owned(),
            parameters: vec!["order_id".to_owned()],
        }],
        path: PathBuf::from(format!("/srv/shop/data/live/{name}.db")),
    }
}

/// Samples of age.
pub fn history(of: impl Fn(u8) -> f32) -> Arc<[Option<f32>]> {
    (0..120).map(|i| Some(of(i))).collect()
}

/// A projection that lacks events.
pub fn late(name: &str, policy: &str, status: Status, gap: u64, age: Duration) -> ProjectionView {
    let mut view = projection(name, policy);
    view.checkpoint = Position::new(HEAD - gap);
    view.lag = Lag {
        gap,
        behind: gap * 3 / 4,
        behind_exact: gap < 10_000,
        age,
        excess: age.saturating_sub(view.policy.allowance().unwrap_or(Duration::MAX)),
        status,
    };
    view.stale_keys = usize::try_from(gap.min(1_000)).unwrap();
    view
}

fn event(back: u64) -> Event {
    let position = HEAD - back;
    let all = [
        (
            "order",
            "OrderPlaced",
            r#"{"customer":"c-118","total":12900,"lines":[{"product":"p-7","quantity":2}]}"#,
        ),
        (
            "product",
            "StockReserved",
            r#"{"order":"1042","quantity":2}"#,
        ),
        (
            "order",
            "PaymentProcessed",
            r#"{"amount":12900,"method":"card"}"#,
        ),
        ("order", "OrderShipped", r#"{"carrier":"post","parcels":1}"#),
        (
            "customer",
            "CustomerRegistered",
            r#"{"name":"Ada Lovelace\u001b[31m","email":"ada@example.org"}"#,
        ),
    ];
    let (category, kind, data) = all[usize::try_from(position % 5).unwrap()];
    let ago = Duration::from_millis(back * 37 + 3);
    Event {
        position: Position::new(position),
        stream: StreamId::new(&format!("{category}-{}", 1_000 + position % 97)).unwrap(),
        version: Version::new(1 + position % 4),
        event_type: EventType::new(kind).unwrap(),
        id: format!("0195-{position}"),
        source: None,
        data: JsonObject::parse(data).unwrap(),
        metadata: JsonObject::empty(),
        recorded_at: now() - jiff::SignedDuration::try_from(ago).unwrap(),
        happened_at: None,
    }
}

/// A shop whose projections are as one would have them.
pub fn normal() -> Snapshot {
    let second = Duration::from_secs(1);
    let mut revenue = late(
        "revenue",
        "batch 500 or 5s",
        Status::Waiting,
        214,
        Duration::from_millis(2_600),
    );
    revenue.objective = Some(10 * second);
    revenue.history = history(|i| f32::from(i % 10) / 2.0);
    let mut stock = late(
        "stock",
        "every 2s",
        Status::Waiting,
        58,
        Duration::from_millis(840),
    );
    stock.objective = Some(5 * second);
    stock.history = history(|i| f32::from(i % 4) / 2.0);
    let mut replica = late("orders@ap", "delay 10s", Status::Waiting, 3_912, 9 * second);
    replica.objective = None;
    replica.history = history(|i| 9.0 + f32::from(i % 3) / 3.0);
    let mut audit = late("audit", "manual", Status::Waiting, 41_220, 95 * second);
    audit.objective = None;
    audit.rates = Rates::default();
    audit.visibility = None;
    audit.history = history(|i| f32::from(i) / 1.2);
    let mut orders = projection("orders", "sync");
    orders.replayable = true;
    Snapshot {
        taken_at: now(),
        unseen: None,
        workspace: WorkspaceInfo {
            name: "shop".to_owned(),
            path: PathBuf::from("/srv/highwater/demo"),
            durability: crate::workspace::Durability::Full,
        },
        engine: EngineInfo {
            running: true,
            pid: Some(4_242),
            here: true,
        },
        head: Position::new(HEAD),
        stored_per_second: Some(412.3),
        commands: CommandCounts {
            accepted: 12_304,
            rejected: 31,
            conflict: 2,
        },
        projections: vec![
            audit,
            projection("customers", "live"),
            orders,
            replica,
            revenue,
            stock,
        ],
        recent: (0..40).rev().map(event).collect(),
        problems: Vec::new(),
    }
}

/// A folder in which nothing has happened yet.
pub fn empty() -> Snapshot {
    Snapshot {
        engine: EngineInfo::default(),
        head: Position::START,
        stored_per_second: None,
        commands: CommandCounts::default(),
        projections: Vec::new(),
        recent: Arc::new([]),
        ..normal()
    }
}

/// One stopped at an event, one over its objective, one paused, one that falls behind, a broken file.
pub fn failed() -> Snapshot {
    let mut snapshot = normal();
    let second = Duration::from_secs(1);
    let mut faulted = late(
        "orders",
        "live",
        Status::Faulted(Position::new(121_004)),
        7_400,
        18 * second,
    );
    faulted.breach = true;
    faulted.fault = Some(Fault {
        position: Position::new(121_004),
        error: "NOT NULL constraint failed: orders.customer\u{1b}[2J".to_owned(),
        tries: 8,
        locked: false,
    });
    faulted.history = history(|i| f32::from(i.saturating_sub(84)) / 2.0);
    let mut falling = late("stock", "rate 200/s", Status::Falling, 18_800, 45 * second);
    falling.breach = true;
    falling.objective = Some(5 * second);
    falling.history = history(|i| f32::from(i) / 2.6);
    falling.rates.applied = Some(200.0);
    let paused = late(
        "customers",
        "live",
        Status::Paused,
        904,
        Duration::from_millis(2_190),
    );
    let mut catching = late("revenue", "live", Status::CatchingUp, 51_000, 125 * second);
    catching.eta = Some(Duration::from_millis(3_400));
    catching.rates.applied = Some(15_400.0);
    catching.parked = 3;
    catching.parked_streams = 2;
    let dead = late("audit", "live", Status::Dead, 128_403, 4_000 * second);
    snapshot.projections = vec![dead, paused, faulted, catching, falling];
    snapshot.engine.here = false;
    snapshot.workspace.durability = crate::workspace::Durability::Relaxed;
    snapshot.problems = vec![
        "projections/sales.sql:14:9: near \"SELEC\": syntax error; the last good version goes on"
            .to_owned(),
    ];
    snapshot
}

/// One that is folded again beside the version that answers.
pub fn rebuilding() -> Snapshot {
    let mut snapshot = normal();
    snapshot.projections[2].rebuild = Some(RebuildView {
        version: "3f2a91c.2".to_owned(),
        checkpoint: Position::new(54_120),
        target: Position::new(HEAD),
        rate: Some(18_240.0),
        eta: Some(Duration::from_millis(4_100)),
        held: false,
        paused: false,
        parked: Default::default(),
    });
    snapshot
}

/// A new version is ready, and waits for a cutover.
pub fn held() -> Snapshot {
    let mut snapshot = rebuilding();
    if let Some(rebuild) = &mut snapshot.projections[2].rebuild {
        rebuild.checkpoint = rebuild.target;
        (rebuild.rate, rebuild.eta) = (None, None);
        rebuild.held = true;
    }
    snapshot
}

/// One that somebody has slowed and one that was made to stop at an event.
pub fn injected() -> Snapshot {
    let mut snapshot = failed();
    let position = Position::new(121_004);
    snapshot.projections[2].injected = Some(Injected {
        stall: false,
        slow: None,
        poison: Some(Poison {
            event_type: Some("OrderPlaced".to_owned()),
            position: Some(position),
        }),
    });
    snapshot.projections[2].fault = Some(Fault {
        position,
        error: format!("{INJECTED}: `:fault stop orders`, then resume it"),
        tries: 5,
        locked: false,
    });
    snapshot.projections[4].injected = Some(Injected {
        stall: false,
        slow: Some(Duration::from_millis(20)),
        poison: None,
    });
    snapshot
}

/// Every projection has everything.
pub fn at_the_head() -> Snapshot {
    let mut snapshot = normal();
    let names = ["audit", "customers", "orders", "revenue", "stock"];
    snapshot.projections = names.map(|name| projection(name, "live")).into();
    snapshot
}

/// Commands as the shop has them.
pub fn commands() -> Arc<[CommandInfo]> {
    let command = |name: &str, description: &str, category: &str, schema| CommandInfo {
        name: name.to_owned(),
        description: description.to_owned(),
        category: category.to_owned(),
        schema,
    };
    let id = json!({"type": "object", "required": ["order"], "properties": {
        "order": {"type": "integer", "format": "uint64", "minimum": 0, "description": "The order's number."},
    }});
    let place = json!({
        "type": "object",
        "required": ["order", "customer", "lines"],
        "properties": {
            "order": {
                "type": "integer", "format": "uint64", "minimum": 0, "description": "The order's number.",
                "x-new": true,
            },
            "customer": {"type": "string", "minLength": 1, "description": "Who orders.", "examples": ["c-118"]},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "description": "What, and how many of it."},
            "priority": {"enum": ["normal", "express"], "default": "normal", "description": "How it is sent."},
            "note": {"type": ["string", "null"], "maxLength": 80, "description": "For the parcel."},
        },
        "$defs": {"Line": {"type": "object", "properties": {
            "product": {"type": "string", "examples": ["p-1"]},
            "quantity": {"type": "integer"},
        }}},
    });
    [
        command(
            "CancelOrder",
            "Cancels an order that is not shipped.",
            "order",
            id.clone(),
        ),
        command(
            "PlaceOrder",
            "Places an order of one or more products.",
            "order",
            place,
        ),
        command(
            "ProcessPayment",
            "Pays an order, to the cent.",
            "order",
            json!({
                "type": "object", "required": ["order", "amount"], "properties": {
                    "order": {"type": "integer", "minimum": 0},
                    "amount": {"type": "integer", "minimum": 1, "description": "In cents."},
                }
            }),
        ),
        command(
            "RegisterCustomer",
            "Makes a customer known.",
            "customer",
            json!({"type": "object"}),
        ),
        command(
            "RestockProduct",
            "Puts more of a product into stock.",
            "product",
            json!({"type": "object"}),
        ),
        command("ShipOrder", "Ships an order that is paid.", "order", id),
    ]
    .into()
}

/// A model of the normal shop at the design size.
pub fn model() -> Model {
    model_of(normal(), 120, 36)
}

/// A model of a snapshot at a size.
pub fn model_of(snapshot: Snapshot, width: u16, height: u16) -> Model {
    let mut model = Model::new(Arc::new(snapshot), commands(), Size::new(width, height));
    model.load = Some(20.0);
    model
}

/// The same, and the dashboard has looked for two minutes: for a while it was away.
pub fn lived(model: &mut Model) {
    let last = model.snapshot.clone();
    let mut lagging = Lagging::default();
    for second in (0..=120_u8).filter(|second| !(31..40).contains(second)) {
        let mut then = (*last).clone();
        let ago = Duration::from_secs(u64::from(120 - second));
        then.taken_at = now() - jiff::SignedDuration::try_from(ago).unwrap();
        for view in &mut then.projections {
            let age = view.history[usize::from(second.min(119))];
            view.lag.age = Duration::from_secs_f32(age.unwrap());
            view.lag.gap = view.lag.gap * u64::from(second) / 120;
        }
        if second == 40 {
            let away = then.taken_at - Duration::from_secs(10);
            then.unseen = Some((away, then.taken_at));
        }
        lagging.see(&then);
    }
    model.lagging = lagging;
}

/// What the workspace answers to a question about a projection.
pub fn found(what: &What) -> Result<Found, String> {
    Ok(match what {
        What::Definition => Found::Definition(BuiltFrom {
            version: Some("3f2a91c-1".to_owned()),
            text: DEFINITION.to_owned(),
            is_current: true,
        }),
        What::Parked => Found::Parked(parked()),
        What::Operations => Found::Operations(operations()),
        What::Service => Found::Service(Some(Service {
            objective: Duration::from_secs(1),
            over: Duration::from_secs(3_600),
            breached: Duration::from_secs(9),
            breaches: 2,
        })),
        What::Forecast(policy, _) => Found::WhatIf(Box::new(WhatIf {
            policy: *policy,
            events: 41_220,
            since: now(),
            visible: Some([3, 4_970, 5_012].map(Duration::from_millis)),
            unseen: 3,
            held: Some(0.418),
        })),
        What::Rows(wanted) => Found::Rows(Box::new(rows_page(wanted))),
        What::Query {
            query, consistency, ..
        } if query == "Slow" => return Err(format!("{consistency:?} was not there in time")),
        What::Query { consistency, .. } => Found::Query(Box::new(answered(*consistency))),
    })
}

const DEFINITION: &str = "\
-- One row an order: what customer service looks at.
-- policy: live

-- schema
CREATE TABLE orders (order_id TEXT PRIMARY KEY, customer TEXT NOT NULL) STRICT;

-- on OrderPlaced
INSERT INTO orders VALUES (:key, :data ->> 'customer');  -- \u{1b}[2J

-- query GetOrderById(order_id)
SELECT * FROM orders WHERE order_id = :order_id;
";

fn parked() -> (ParkedCount, Vec<ParkedEvent>) {
    let event = |back, error: Option<&str>| {
        let event = event(back);
        ParkedEvent {
            position: event.position,
            stream: event.stream,
            event_type: event.event_type,
            error: error.map(str::to_owned),
            tries: u32::from(error.is_some()) * 8,
            since: now(),
        }
    };
    let events = vec![
        event(50, Some("NOT NULL constraint failed: orders.customer")),
        event(45, None),
        event(12, Some("no such column: totl\u{1b}[31m")),
    ];
    let count = ParkedCount {
        events: 3,
        streams: 2,
    };
    (count, events)
}

fn operations() -> Vec<Recorded> {
    vec![
        Recorded::example("orders", "definition 3f2a91c", None, None),
        Recorded::example("orders", "pause", Some("ada@desk"), Some(Ok("paused"))),
        Recorded::example(
            "orders",
            "rebuild",
            Some("grace@laptop"),
            Some(Err("the disk is full")),
        ),
        Recorded::example("orders", "policy batch 500 or 5s", Some("ada@desk"), None),
    ]
}

/// The rows that somebody wants, out of 25,000.
pub fn rows_page(wanted: &Browse) -> RowsPage {
    let all = 25_000;
    let names = COLUMNS.map(str::to_owned).to_vec();
    let table = |name: &str, columns: Vec<String>, rows| TableInfo {
        name: name.to_owned(),
        key: columns[..1].to_vec(),
        columns,
        rows,
    };
    let end = (wanted.first + wanted.limit as u64).min(all);
    let more = Counted {
        rows: 10_000,
        more: true,
    };
    let few = Counted {
        rows: 3,
        more: false,
    };
    let (table_at, rows) = match wanted.table.as_deref() {
        Some("totals") => (1, Vec::new()),
        _ => {
            let note = |at: u64| match at % 3 {
                0 => Cell::Null,
                1 => text("ring twice \u{1b}[31m"),
                _ => {
                    text("leave it with the neighbours, who are at home after six, or in the shed")
                }
            };
            let rows = (wanted.first..end).map(|at| row(at, "c-118", "placed", note(at)));
            (0, rows.collect())
        }
    };
    RowsPage {
        checkpoint: Position::new(HEAD),
        version: "3f2a91c-1".to_owned(),
        tables: vec![
            table("orders", names, more),
            table("totals", vec!["day".into(), "cents".into()], few),
        ],
        table: table_at,
        rows,
        first: wanted.first,
        matching: if table_at == 0 { more } else { few },
    }
}

fn answered(consistency: Consistency) -> Answered {
    let (back, waited) = match consistency {
        Consistency::Eventual => (214, Duration::ZERO),
        Consistency::Within(_) => (58, Duration::from_micros(840)),
        _ => (0, Duration::from_millis(1_912)),
    };
    let one = json!({"order_id": "1042", "customer": "c-118", "status": "placed", "total": 12_900, "note": null});
    Answered {
        rows: one.as_object().cloned().into_iter().collect(),
        position: Position::new(HEAD - back),
        age: Duration::from_millis(back * 10),
        waited,
        parked: ParkedCount {
            events: 0,
            streams: 0,
        },
        version: "3f2a91c-1".to_owned(),
        warning: None,
    }
}

fn text(words: &str) -> Cell {
    Cell::Text(words.to_owned())
}

fn row(order: u64, customer: &str, status: &str, note: Cell) -> Vec<Cell> {
    vec![
        text(&format!("10{order:02}")),
        text(customer),
        text(status),
        Cell::Integer(12_900),
        note,
    ]
}

const COLUMNS: [&str; 5] = ["order_id", "customer", "status", "total", "note"];

/// The rows that differ, between what is here and there.
pub fn comparison(differences: Vec<Difference>, total: u64) -> Comparison {
    let side = |rows| Contents {
        rows,
        digest: "9f1c0d3355aa0b1e77".to_owned(),
    };
    Comparison {
        here: side(10_000),
        there: side(10_000),
        shape: Vec::new(),
        differences,
        total,
    }
}

/// One row that is another, one that is new, one that is gone.
pub fn differences() -> Vec<Difference> {
    let of = |here, there| Difference::example("orders", &COLUMNS, here, there);
    let long = text(
        "a note that is so long that it does not fit into one line of a small terminal, by far",
    );
    vec![
        of(
            Some(row(7, "c-118", "placed", Cell::Null)),
            Some(row(7, "c-118", "paid", long.clone())),
        ),
        of(None, Some(row(8, "c-3", "placed", Cell::Null))),
        of(Some(row(9, "c-9", "placed", long)), None),
    ]
}

/// A read model as it was, a hundred events ago.
pub fn moment() -> Moment {
    let mut event = event(2);
    event.position = Position::new(HEAD - 100);
    let rows = (0..24).map(|order| match order {
        7 => differences()[0].there.clone().unwrap_or_default(),
        _ => row(order, "c-118 \u{1b}[31m", "placed", Cell::Null),
    });
    let rows = Rows {
        tables: vec!["lines".to_owned(), "orders".to_owned()],
        table: 1,
        columns: COLUMNS.map(str::to_owned).to_vec(),
        count: 10_000,
        first: 0,
        rows: rows.collect(),
    };
    let is = rows.rows.iter().enumerate().map(|(at, row)| match at {
        2 => None,
        7 => {
            let mut row = row.clone();
            row[2] = text("shipped");
            Some(row)
        }
        _ => Some(row.clone()),
    });
    Moment {
        now: Some(Beside {
            position: Position::new(HEAD - 2),
            count: 10_020,
            keyed: true,
            rows: is.collect(),
        }),
        position: event.position,
        head: Position::new(HEAD),
        event: Some(event.clone()),
        changed: Some(Changed {
            event,
            takes: true,
            later: None,
            without: None,
            late: Vec::new(),
            rows: Some(comparison(differences(), 3)),
        }),
        stopped: false,
        rows,
        unkeyed: None,
        state: None,
    }
}

/// A read model that was verified.
pub fn checked(is_equal: bool) -> Checked {
    let (differences, total) = if is_equal {
        (Vec::new(), 0)
    } else {
        (differences(), 5)
    };
    let last = [Some(Position::new(128_398)), None, Some(Position::START)];
    Checked {
        version: "3f2a91c-1".to_owned(),
        position: Position::new(HEAD),
        last_equal: last.into_iter().take(differences.len()).collect(),
        comparison: comparison(differences, total),
    }
}

/// What mending a key would change.
pub fn mending(is_equal: bool) -> Arc<Mending> {
    let differences: Vec<_> = differences().into_iter().take(1).collect();
    let comparison = if is_equal {
        comparison(Vec::new(), 0)
    } else {
        comparison(differences, 1)
    };
    Arc::new(Mending::example("order-1007", "1007", comparison))
}

/// An order that was placed, paid, shipped and returned a moment ago, from a version on.
pub fn steps(stream: &StreamId, from: u64) -> Steps {
    let all = [
        (
            300,
            "OrderPlaced",
            json!({"customer": "c-118", "total": 12_900, "lines": [{"product": "p-7", "quantity": 2}]}),
        ),
        (
            200,
            "PaymentProcessed",
            json!({"amount": 12_900, "method": "card"}),
        ),
        (
            90,
            "OrderShipped",
            json!({"carrier": "post \u{1b}[2J", "parcels": 1}),
        ),
        (
            60,
            "NoteAdded",
            json!({"note": "a note that is so long that it does not fit into a line of any terminal, however \
                                          wide that is, and that is why it is cut where there is no more room"}),
        ),
    ];
    let state = |version: usize| {
        let status = ["placed", "paid", "shipped", "shipped"][version];
        let note = (version == 3).then_some("a note that is so long …");
        json!({"status": status, "customer": "c-118", "total": 12_900, "note": note})
    };
    let steps = all.into_iter().enumerate().map(|(at, (back, kind, data))| {
        let ago = Duration::from_millis(back * 37 + 3);
        let before = match at {
            0 => json!({}),
            _ => state(at - 1),
        };
        let is = state(at);
        let fields = is.as_object().unwrap().iter();
        let changes = fields.filter(|(field, value)| before[*field] != **value);
        let change = |(field, value): (&String, &serde_json::Value)| Change {
            field: field.clone(),
            before: before[field].clone(),
            after: value.clone(),
        };
        Step {
            event: Event {
                position: Position::new(HEAD - back),
                stream: stream.clone(),
                version: Version::new(at as u64 + 1),
                event_type: EventType::new(kind).unwrap(),
                id: format!("0195-{back}"),
                source: None,
                data: JsonObject::of(&data).unwrap(),
                metadata: JsonObject::empty(),
                recorded_at: now() - jiff::SignedDuration::try_from(ago).unwrap(),
                happened_at: None,
            },
            after: Some(After {
                changes: changes.map(change).collect(),
                state: is,
            }),
        }
    });
    Steps {
        stream: stream.clone(),
        version: Version::new(4),
        steps: steps
            .skip(usize::try_from(from.saturating_sub(1)).unwrap())
            .collect(),
        unfolded: None,
    }
}

/// What three read models have of that order: one has all of it; a replica lacks what came last, where it is
/// stale; of the third nobody can say what it will have.
pub fn key_rows(stream: &StreamId, is_stale: bool) -> KeyRows {
    let key = stream.key().to_owned();
    let row = |status: &str, note: Cell| {
        vec![
            text(&key),
            text("c-118"),
            text(status),
            Cell::Integer(12_900),
            note,
        ]
    };
    let note = || text("a note that is so long that it does not fit");
    let mend = |back: u64| {
        Some(Mends {
            position: Position::new(HEAD - back),
            id: format!("0195-{back}"),
        })
    };
    let model = |name: &str, back: u64, lacks: u64, row: ComingRow| KeyedModel {
        name: name.to_owned(),
        version: Some("3f2a91c-1".to_owned()),
        coming: Coming {
            position: Position::new(HEAD - back),
            tables: vec![ComingTable {
                name: "orders".to_owned(),
                columns: COLUMNS.map(str::to_owned).to_vec(),
                rows: vec![row],
            }],
            lacks,
            next: (lacks > 0).then(|| Position::new(HEAD - 90)),
            unknown: None,
            passed_by: OfStream::default(),
        },
    };
    let fresh = ComingRow {
        now: Some(row("shipped", note())),
        then: Some(row("shipped", note())),
        mends: vec![None; 5],
    };
    let stale = ComingRow {
        now: Some(row("paid", Cell::Null)),
        then: fresh.then.clone(),
        mends: vec![None, None, mend(90), None, mend(60)],
    };
    let replica = if is_stale {
        model("orders@ap", 100, 2, stale)
    } else {
        model("orders@ap", 0, 0, fresh.clone())
    };
    let unknown = KeyedModel {
        name: "revenue".to_owned(),
        version: Some("77aa001-1".to_owned()),
        coming: Coming {
            position: Position::new(HEAD - 214),
            lacks: 3,
            next: Some(Position::new(HEAD - 200)),
            unknown: Some("table days has no rows that belong to one day, so that nobody can say what they will be".to_owned()),
            tables: Vec::new(),
            passed_by: OfStream::default(),
        },
    };
    KeyRows {
        stream: stream.clone(),
        version: Version::new(4),
        models: vec![model("orders", 0, 0, fresh), replica, unknown],
    }
}

/// The answer to a question of the Stream screen; to every third there is none but an error.
pub fn answer_stream(asked: &stream::Ask, turn: usize) -> stream::Answer {
    let broken = "the log cannot be read: disk I/O error\u{1b}[2J".to_owned();
    let fails = turn % 3 == 2;
    match asked {
        stream::Ask::Steps {
            number,
            stream,
            from,
            ..
        } => stream::Answer::Steps {
            number: *number,
            result: if fails {
                Err(broken)
            } else {
                Ok(Arc::new(steps(stream, from.get())))
            },
        },
        stream::Ask::Rows { number, stream } => stream::Answer::Rows {
            number: *number,
            result: if fails {
                Err(broken)
            } else {
                Ok(Arc::new(key_rows(stream, turn.is_multiple_of(2))))
            },
        },
    }
}
