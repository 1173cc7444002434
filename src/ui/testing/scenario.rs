//! The scenario of the pictures: the demo's shop on a busy morning, the same each time.
//!
//! Of every position it can be said which event is there, and of every order how a read model has it that stands at
//! some position. So the screens agree with each other: what one says of an order, the others say too.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tracing::Level;

use super::{HEAD, history, late, now, projection, text};
use crate::event::{Event, EventType, JsonObject, Position, StreamId, Timestamp, Version};
use crate::lag::Status;
use crate::lag::why::Work;
use crate::ui::ask::{rebuilds, stream};
use crate::ui::journal::Message;
use crate::ui::state::lagging::Lagging;
use crate::workspace::{
    After, Beside, Caused, Cell, Change, Changed, Coming, ComingRow, ComingTable, Comparison,
    Contents, Difference, KeyRows, KeyedModel, Mends, Moment, ProjectionView, Rates, RebuildView,
    Recorded, Role, Rows, Snapshot, Step, Steps, Story, VersionInfo,
};
use crate::write::Fact;

/// Between one event and the next, in microseconds: 412 events a second.
const APART: i64 = 2_427;

/// Where the replica in the far east stands: it applies at most 300 events a second, and 412 come.
const FAR_BEHIND: u64 = 9_410;

/// Where a position is within the log's pattern: six events to an order, some of an order before.
fn place(position: u64) -> (u64, u64) {
    (position / 6, position % 6)
}

/// The order of the Stream screen. It took its time: one replica has it as placed, one as paid, one as shipped.
pub const ORDER: u64 = 19_796;
const PAID: u64 = 125_410;
const SHIPPED: u64 = 128_207;

/// Where an order is placed, paid, and shipped or cancelled.
fn life(order: u64) -> [u64; 3] {
    if order == ORDER {
        return [6 * order, PAID, SHIPPED];
    }
    [6 * order, 6 * (order + 1) + 4, 6 * (order + 2) + 5]
}

fn is_cancelled(order: u64) -> bool {
    order % 7 == 3
}

fn customer(order: u64) -> &'static str {
    ["ada", "grace", "barbara", "edsger", "leslie"][usize::try_from(order * 7 % 5).unwrap_or(0)]
}

fn product(order: u64) -> (&'static str, u64) {
    let all = [
        ("mug", 1_250),
        ("teapot", 3_900),
        ("kettle", 5_400),
        ("tray", 2_100),
    ];
    all[usize::try_from(order * 5 % 4).unwrap_or(0)]
}

fn quantity(order: u64) -> u64 {
    1 + order % 3
}

fn total(order: u64) -> u64 {
    product(order).1 * quantity(order)
}

/// When the event at a position was stored.
fn stored(position: u64) -> Timestamp {
    let back = i64::try_from(HEAD.saturating_sub(position)).unwrap_or(0) * APART;
    let past = jiff::SignedDuration::from_micros(back + 1_300);
    now() - past
}

/// The event at a position.
pub fn at(position: u64) -> Event {
    let (block, slot) = place(position);
    let order = match slot {
        _ if position == PAID || position == SHIPPED => ORDER,
        4 => block.saturating_sub(1),
        5 => block.saturating_sub(2),
        _ => block,
    };
    let (product, price) = product(order);
    let (stream, version, kind, data) = match slot {
        0 => {
            let lines = json!([{"product": product, "quantity": quantity(order), "unit_price_cents": price}]);
            let data =
                json!({"customer": customer(order), "lines": lines, "total_cents": total(order)});
            (format!("order-{order}"), 1, "OrderPlaced", data)
        }
        1 => {
            let data = json!({"event": "OrderPlaced", "stream": format!("order-{order}"), "position": 6 * order, "data": {}});
            (format!("fulfilment-{order}"), 1, "EventTaken", data)
        }
        2 => {
            let data = json!({"order": order.to_string(), "quantity": quantity(order)});
            let version = 1 + order / 4;
            (format!("product-{product}"), version, "StockReserved", data)
        }
        3 => {
            let data = json!({"command": "ReserveStock", "stream": format!("product-{product}"), "position": position - 1, "data": {}});
            (format!("fulfilment-{order}"), 2, "StepAccepted", data)
        }
        4 => {
            let data = json!({"amount_cents": total(order)});
            (format!("order-{order}"), 2, "PaymentProcessed", data)
        }
        _ if is_cancelled(order) => {
            let data =
                json!({"reason": "the customer changed their mind", "refund_cents": total(order)});
            (format!("order-{order}"), 3, "OrderCancelled", data)
        }
        _ => (format!("order-{order}"), 3, "OrderShipped", json!({})),
    };
    let metadata = json!({"command": command(kind), "correlation_id": id(6 * order)});
    Event {
        position: Position::new(position),
        stream: StreamId::new(&stream).unwrap(),
        version: Version::new(version),
        event_type: EventType::new(kind).unwrap(),
        id: id(position),
        source: None,
        data: JsonObject::of(&data).unwrap(),
        metadata: JsonObject::of(&metadata).unwrap(),
        recorded_at: stored(position),
        happened_at: None,
    }
}

fn id(position: u64) -> String {
    format!("019a-{position}")
}

fn command(event: &str) -> Option<&'static str> {
    Some(match event {
        "OrderPlaced" => "PlaceOrder",
        "PaymentProcessed" => "ProcessPayment",
        "OrderShipped" => "ShipOrder",
        "OrderCancelled" => "CancelOrder",
        "StockReserved" => "ReserveStock",
        _ => return None,
    })
}

/// What an order led to, as far as it was looked at.
pub fn story(event: &Event, looked: (Position, Position)) -> Story {
    let first = event.position.get() / 6 * 6;
    let caused = |back: u64, depth| {
        let event = at(first + back);
        let fact = match back {
            1 => Some(Fact::EventTaken {
                event: "OrderPlaced".to_owned(),
                stream: at(first).stream.to_string(),
                position: Position::new(first),
                data: Value::Null,
            }),
            3 => Some(Fact::StepAccepted {
                command: "ReserveStock".to_owned(),
                data: Value::Null,
                stream: at(first + 2).stream.to_string(),
                position: Some(Position::new(first + 2)),
            }),
            _ => None,
        };
        let command = command(event.event_type.as_str()).map(str::to_owned);
        Caused {
            event,
            depth,
            command,
            fact,
        }
    };
    let tree = vec![caused(0, 0), caused(1, 1), caused(2, 2), caused(3, 2)];
    Story::example(event, tree, looked)
}

fn micros(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// How long ago the first event after a checkpoint was stored.
fn age(gap: u64) -> Duration {
    micros(gap * APART.unsigned_abs())
}

fn lacking(name: &str, policy: &str, status: Status, gap: u64, objective: u64) -> ProjectionView {
    let mut view = late(name, policy, status, gap, age(gap));
    view.objective = Some(Duration::from_secs(objective));
    view.lag.behind = gap / 2;
    view.stale_keys = usize::try_from(gap / 6).unwrap_or(0);
    view
}

fn having(name: &str, policy: &str, objective: u64) -> ProjectionView {
    let mut view = projection(name, policy);
    view.objective = Some(Duration::from_millis(objective));
    view
}

/// The far replica: each second it lacks more.
fn far() -> ProjectionView {
    let mut view = lacking("orders@ap", "rate 300/s", Status::Falling, FAR_BEHIND, 5);
    let first = 36;
    let step = age(FAR_BEHIND).as_secs_f32() / f32::from(119_u8 - first);
    view.history = history(|i| f32::from(i.saturating_sub(first)) * step);
    view.breach = true;
    view.rates = Rates {
        stored: Some(412.0),
        applied: Some(300.0),
        capacity: Some(300.0),
        utilisation: Some(1.0),
    };
    view.work = Work {
        wall: Duration::from_secs(10),
        load: Duration::from_millis(40),
        apply: Duration::from_millis(310),
        commit: Duration::from_millis(520),
        rebuild: Duration::ZERO,
    };
    view.visibility = Some(crate::workspace::Visibility {
        p50: Duration::from_millis(19_400),
        p99: Duration::from_millis(22_700),
        max: Duration::from_millis(22_841),
    });
    view.visible_after = [(5, 1_810), (10, 4_020), (20, 7_960), (50, 4_210)]
        .map(|(seconds, events)| crate::workspace::Bucket {
            up_to: Duration::from_secs(seconds),
            events,
        })
        .into();
    view
}

fn rebuild(version: &str, checkpoint: u64, held: bool) -> RebuildView {
    RebuildView {
        version: version.to_owned(),
        checkpoint: Position::new(checkpoint),
        target: Position::new(HEAD),
        rate: (!held).then_some(18_240.0),
        eta: (!held).then_some(Duration::from_millis(4_100)),
        held,
        paused: false,
        parked: Default::default(),
    }
}

/// The shop: one replica falls behind, one is late as it should be, one read model is folded again, one waits for
/// a cutover, one has parked what it could not take in.
pub fn shop() -> Snapshot {
    let mut search = having("order_search", "live", 2_000);
    (search.parked, search.parked_streams) = (2, 1);
    let mut us = lacking("orders@us", "delay 800ms", Status::Waiting, 334, 3);
    us.lag.excess = Duration::from_millis(10);
    us.history = history(|i| 0.8 + f32::from(i % 3) / 50.0);
    let mut revenue = lacking("revenue", "batch 500 or 5s", Status::Waiting, 214, 10);
    revenue.history = history(|i| f32::from(i / 3 % 7) / 1.4);
    revenue.rebuild = Some(rebuild("133a79d6-2", 54_120, false));
    let mut stock = lacking("stock", "every 2s", Status::Waiting, 800, 5);
    stock.history = history(|i| f32::from(i / 2 % 5) / 2.5);
    stock.rebuild = Some(rebuild("dab0b8d3-3", HEAD, true));
    let mut all = vec![
        having("customers", "sync", 500),
        search,
        far(),
        having("orders@eu", "live", 1_000),
        us,
        revenue,
        stock,
    ];
    let versions = [
        "ed8179a8-1",
        "4aae550e-1",
        ORDERS,
        ORDERS,
        ORDERS,
        "133a79d6-1",
        "dab0b8d3-2",
    ];
    for (view, version) in all.iter_mut().zip(versions) {
        version.clone_into(&mut view.version);
        view.replayable = true;
        let takes: &[&str] = match view.name.as_str() {
            "customers" => &["CustomerRegistered", "OrderPlaced"],
            "order_search" => &["OrderPlaced", "OrderCancelled"],
            "revenue" => &["PaymentProcessed", "OrderCancelled"],
            "stock" => &["ProductRestocked", "StockReserved"],
            _ => &["OrderPlaced", "PaymentProcessed", "OrderShipped"],
        };
        view.event_types = takes.iter().map(|name| (*name).to_owned()).collect();
    }
    let mut snapshot = super::normal();
    snapshot.workspace.name = "demo shop".to_owned();
    snapshot.workspace.path = "/srv/shop".into();
    snapshot.stored_per_second = Some(412.0);
    snapshot.projections = all;
    snapshot.recent = (HEAD - 40..=HEAD).map(at).collect();
    snapshot
}

/// The version of orders that answers.
const ORDERS: &str = "ec5272c4-1";

/// What the dashboard has seen in the two minutes that it was open.
pub fn lagging() -> Lagging {
    let last = shop();
    let mut lagging = Lagging::default();
    for second in 0..120_u8 {
        let mut then = last.clone();
        let ago = jiff::SignedDuration::from_secs(i64::from(119 - second));
        then.taken_at = now() - ago;
        for view in &mut then.projections {
            let age = view.history[usize::from(second)];
            view.lag.age = Duration::from_secs_f32(age.unwrap());
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let gap = (age.unwrap() * 412.0) as u64;
            view.lag.gap = gap;
        }
        lagging.see(&then);
    }
    lagging
}

/// What a read model has of an order that stands at a position.
fn row(order: u64, position: u64) -> Option<Vec<Cell>> {
    let life = life(order);
    let steps = life.iter().filter(|at| **at <= position).count();
    let changed = life.get(steps.checked_sub(1)?)?;
    let status = match steps {
        1 => "placed",
        2 => "paid",
        _ if is_cancelled(order) => "cancelled",
        _ => "shipped",
    };
    let integer = |count: u64| Cell::Integer(i64::try_from(count).unwrap_or(0));
    Some(vec![
        text(&order.to_string()),
        text(customer(order)),
        text(status),
        integer(quantity(order)),
        integer(total(order)),
        text(&stored(life[0]).to_string()),
        text(&stored(*changed).to_string()),
    ])
}

const COLUMNS: [&str; 7] = [
    "order_id",
    "customer",
    "status",
    "items",
    "total_cents",
    "placed_at",
    "changed_at",
];

/// The answer to what the Stream screen asks.
pub fn answer_stream(asked: &stream::Ask) -> stream::Answer {
    match asked {
        stream::Ask::Steps { number, from, .. } => stream::Answer::Steps {
            number: *number,
            result: Ok(Arc::new(steps(from.get()))),
        },
        stream::Ask::Rows { number, .. } => stream::Answer::Rows {
            number: *number,
            result: Ok(Arc::new(key_rows())),
        },
    }
}

fn steps(from: u64) -> Steps {
    let state = |count: usize| {
        let status = ["", "placed", "paid", "shipped"][count];
        let (product, price) = product(ORDER);
        let lines =
            json!([{"product": product, "quantity": quantity(ORDER), "unit_price_cents": price}]);
        let paid = if count > 1 { total(ORDER) } else { 0 };
        match count {
            0 => json!({}),
            _ => {
                json!({"status": status, "customer": customer(ORDER), "lines": lines,
                       "total_cents": total(ORDER), "paid_cents": paid})
            }
        }
    };
    let step = |(count, position): (usize, u64)| {
        let (before, is) = (state(count), state(count + 1));
        let fields = is.as_object().into_iter().flatten();
        let changed = fields.filter(|(field, value)| before[*field] != **value);
        let changes = changed.map(|(field, value)| Change {
            field: field.clone(),
            before: before[field].clone(),
            after: value.clone(),
        });
        Step {
            event: at(position),
            after: Some(After {
                changes: changes.collect(),
                state: is.clone(),
            }),
        }
    };
    let first = usize::try_from(from.saturating_sub(1)).unwrap_or(0);
    Steps {
        stream: at(6 * ORDER).stream,
        version: Version::new(3),
        steps: life(ORDER)
            .into_iter()
            .enumerate()
            .map(step)
            .skip(first)
            .collect(),
        unfolded: None,
    }
}

/// The replicas of orders, each as far as it is: one has everything, one is on its way, one is far behind.
fn key_rows() -> KeyRows {
    let life = life(ORDER);
    let replica = |name: &str, position: u64| {
        let (is, then) = (row(ORDER, position), row(ORDER, HEAD));
        let lacks: Vec<u64> = life.into_iter().filter(|at| *at > position).collect();
        let mends = (0..COLUMNS.len()).map(|column| {
            let cell = |row: &Option<Vec<Cell>>| row.as_ref().map(|row| row[column].clone());
            if cell(&is) == cell(&then) {
                return None;
            }
            // The first event after which it is as it will be.
            let mends = lacks
                .iter()
                .find(|at| cell(&row(ORDER, **at)) == cell(&then))?;
            Some(Mends {
                position: Position::new(*mends),
                id: id(*mends),
            })
        });
        KeyedModel {
            name: name.to_owned(),
            version: Some(ORDERS.to_owned()),
            coming: Coming {
                position: Position::new(position),
                lacks: lacks.len() as u64,
                next: lacks.first().copied().map(Position::new),
                unknown: None,
                passed_by: Default::default(),
                tables: vec![ComingTable {
                    name: "orders".to_owned(),
                    columns: COLUMNS.map(str::to_owned).to_vec(),
                    rows: vec![ComingRow {
                        mends: mends.collect(),
                        now: is.clone(),
                        then: then.clone(),
                    }],
                }],
            },
        }
    };
    let stands = |name: &str| {
        let views = shop().projections;
        let found = views.into_iter().find(|view| view.name == name);
        found.map_or(HEAD, |view| view.checkpoint.get())
    };
    let models = ["orders@ap", "orders@eu", "orders@us"];
    KeyRows {
        stream: at(6 * ORDER).stream,
        version: Version::new(3),
        models: models.map(|name| replica(name, stands(name))).into(),
    }
}

/// Orders as they were when one of them had just been paid, beside now.
pub fn moment() -> Moment {
    let position = 96_304;
    let event = at(position);
    let (paid, shown) = (position / 6 - 1, 14);
    let orders = paid + 2 - shown..=paid + 1;
    let of = |position: u64| orders.clone().map(move |order| row(order, position));
    let columns = COLUMNS.map(str::to_owned).to_vec();
    let side = |rows| Contents {
        rows,
        digest: "5239272c219c187b".to_owned(),
    };
    let difference = Difference::example(
        "orders",
        &COLUMNS,
        row(paid, position - 1),
        row(paid, position),
    );
    Moment {
        position: event.position,
        head: Position::new(HEAD),
        event: Some(event.clone()),
        stopped: false,
        unkeyed: None,
        state: None,
        changed: Some(Changed {
            event,
            takes: true,
            later: None,
            without: None,
            late: Vec::new(),
            rows: Some(Comparison {
                here: side(paid + 1),
                there: side(paid + 1),
                shape: Vec::new(),
                differences: vec![difference],
                total: 1,
            }),
        }),
        rows: Rows {
            tables: vec!["orders".to_owned()],
            table: 0,
            columns,
            count: paid + 1,
            first: paid + 1 - shown,
            rows: of(position).flatten().collect(),
        },
        now: Some(Beside {
            position: Position::new(HEAD),
            count: HEAD / 6,
            keyed: true,
            rows: of(HEAD).collect(),
        }),
    }
}

/// The answer to what the Rebuilds screen asks.
pub fn versions(of: &Snapshot) -> rebuilds::Answer {
    let info = |label: &str, role, kib: u64, checkpoint: u64| VersionInfo {
        label: label.to_owned(),
        role,
        bytes: kib << 10,
        checkpoint: Ok(Position::new(checkpoint)),
    };
    let versions = of.projections.iter().map(|view| {
        let mut all = vec![info(
            &view.version,
            Role::Answers,
            9_420,
            view.checkpoint.get(),
        )];
        if let Some(rebuild) = &view.rebuild {
            let beside = info(
                &rebuild.version,
                Role::Beside,
                9_388,
                rebuild.checkpoint.get(),
            );
            all.insert(0, beside);
        }
        if view.name == "stock" {
            all.push(info("7bd02e51-1", Role::Kept, 8_916, 101_377));
        }
        (view.name.clone(), Ok(all))
    });
    rebuilds::Answer {
        versions: versions.collect(),
        done: Ok(done()),
    }
}

fn done() -> Vec<Recorded> {
    let done = |position: u64, projection: &str, what: &str, by: Option<&str>, outcome| {
        let mut recorded = Recorded::example(projection, what, by, outcome);
        recorded.position = Position::new(position);
        recorded.at = stored(position);
        if let Some(outcome) = &mut recorded.outcome {
            outcome.at = stored(position + 900);
        }
        recorded
    };
    let (ada, grace) = (Some("ada"), Some("grace"));
    vec![
        done(
            126_911,
            "stock",
            "rebuild --hold",
            ada,
            Some(Ok("version dab0b8d3-3 has everything, and is held")),
        ),
        done(
            101_377,
            "stock",
            "cutover",
            ada,
            Some(Ok("version dab0b8d3-2 answers")),
        ),
        done(99_120, "stock", "definition dab0b8d3", None, None),
        done(
            74_032,
            "orders@eu",
            "rollback",
            grace,
            Some(Err(
                "there is no version before ec5272c4-1: rebuild it instead",
            )),
        ),
        done(
            70_856,
            "customers",
            "rebuild",
            grace,
            Some(Ok("version ed8179a8-1 answers")),
        ),
    ]
}

/// What the program said, the oldest first.
pub fn messages() -> Vec<Arc<Message>> {
    let all = [
        (
            9_100,
            Level::INFO,
            "engine",
            "the engine has begun: 7 projections",
        ),
        (
            70_856,
            Level::INFO,
            "engine",
            "customers is folded again: version ed8179a8-1 is built",
        ),
        (
            71_700,
            Level::INFO,
            "engine",
            "customers: version ed8179a8-1 answers: 70,856 events in 3.9 s",
        ),
        (
            74_032,
            Level::WARN,
            "dashboard",
            "orders@eu: there is no version before ec5272c4-1: rebuild it instead",
        ),
        (
            92_400,
            Level::WARN,
            "engine",
            "order_search parked event 92,388 of order-15398 after 5 tries: malformed JSON; what follows it in its \
             stream is parked too, and the rest goes on",
        ),
        (
            98_770,
            Level::ERROR,
            "engine",
            "projections/stock.sql:31:14: near \"UPDTAE\": syntax error; the last good version goes on",
        ),
        (
            99_120,
            Level::INFO,
            "engine",
            "projections/stock.sql is taken up: version dab0b8d3-2 is built beside the one that answers",
        ),
        (
            101_377,
            Level::INFO,
            "engine",
            "stock: version dab0b8d3-2 answers",
        ),
        (
            118_650,
            Level::WARN,
            "engine",
            "orders@ap breaches its objective: its age is 5.1 s of 5 s",
        ),
        (
            127_811,
            Level::INFO,
            "engine",
            "stock: version dab0b8d3-3 has everything, and waits for a cutover",
        ),
    ];
    let all = all.into_iter().zip(1..);
    all.map(|((position, level, part, text), number)| {
        Arc::new(Message {
            number,
            at: stored(position),
            level,
            target: format!("highwater::{part}"),
            text: text.to_owned(),
        })
    })
    .collect()
}
