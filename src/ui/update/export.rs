//! What is in view, for a file: the table of the screen as CSV or JSON, and the whole screen as a picture.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};

use super::super::ask::rebuilds::MOST;
use super::super::journal::{KEPT, Message};
use super::super::screen::Screen;
use super::super::state::events::Entry;
use super::super::state::projection::Pane;
use super::super::state::rebuilds::DONE;
use super::super::state::{Model, Tone, stream};
use super::super::text::{self, thousands};
use super::Effect;
use crate::workspace::{Cell, Recorded, Step};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line a row, with commas, the first names the columns (RFC 4180).
    Csv,
    /// A list of objects.
    Json,
}

/// A table as it is in view.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet {
    /// What its columns are called.
    pub columns: Vec<String>,
    /// Its rows. What is stored is kept as it is: it is made harmless where it is drawn.
    pub rows: Vec<Vec<Value>>,
    /// How many rows there are, in words, where these are only some of them: of a long table no more is read than what
    /// is shown and what is around that.
    pub of: Option<String>,
}

/// How much of a table was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// So many rows.
    pub rows: usize,
    /// Of so many, in words, where that is not all of them.
    pub of: Option<String>,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = text::count(self.rows as u64, "row", "rows");
        match &self.of {
            None => f.write_str(&rows),
            Some(all) => write!(
                f,
                "only {rows} of {all}: what is shown, and what is around it"
            ),
        }
    }
}

/// Saves the screen's table.
pub fn table(model: &mut Model, format: Format) -> Vec<Effect> {
    let Some(sheet) = sheet(model) else {
        let name = model.screen.name();
        let words = match model.screen {
            Screen::Projection => {
                "no rows were read here yet: go to the pane Rows, Queries or Asked first".to_owned()
            }
            _ => format!("there is no table on {name} to export yet"),
        };
        model.say(Tone::Info, words);
        return Vec::new();
    };
    let (ending, text) = match format {
        Format::Csv => ("csv", csv(&sheet)),
        Format::Json => ("json", as_json(&sheet)),
    };
    vec![Effect::Save {
        stem: stem(model),
        ending,
        text,
        rows: Some(Written {
            rows: sheet.rows.len(),
            of: sheet.of,
        }),
    }]
}

/// Saves the screen as a picture.
pub fn picture(model: &Model) -> Vec<Effect> {
    vec![Effect::Picture { stem: stem(model) }]
}

/// `highwater-overview-20260314T092653`: the screen, and when.
fn stem(model: &Model) -> String {
    let screen = model.screen.context().name();
    format!("highwater-{screen}-{}", model.now.strftime("%Y%m%dT%H%M%S"))
}

/// The screen's table, where it has one.
fn sheet(model: &Model) -> Option<Sheet> {
    match model.screen {
        Screen::Overview => Some(projections(model)),
        Screen::Time => {
            let rows = model.time.as_ref()?.moment.as_ref()?.rows.clone();
            let row = |row: &Vec<Cell>| row.iter().map(value).collect();
            let of = (rows.count > rows.rows.len() as u64).then(|| thousands(rows.count));
            Some(Sheet {
                columns: rows.columns,
                rows: rows.rows.iter().map(row).collect(),
                of,
            })
        }
        Screen::Log => Some(messages(model)),
        Screen::Rebuilds if model.rebuilds.panes.focus == DONE => {
            let done = model.rebuilds.done.as_ref()?.as_ref().ok()?;
            Some(Sheet {
                of: (done.len() >= MOST).then(|| "what is on record".to_owned()),
                ..operations(done)
            })
        }
        Screen::Rebuilds => Some(rebuilds(model)),
        Screen::Events => Some(Sheet {
            of: unread_events(model),
            ..events(&model.events.list.entries)
        }),
        Screen::Projection => projection(model),
        Screen::Stream => steps(model),
    }
}

/// The table of projections, as it is sorted and narrowed: numbers as numbers, times in seconds.
fn projections(model: &Model) -> Sheet {
    const COLUMNS: [&str; 15] = [
        "name",
        "version",
        "status",
        "policy",
        "checkpoint",
        "gap",
        "behind",
        "age_s",
        "objective_s",
        "breach",
        "in_per_s",
        "out_per_s",
        "eta_s",
        "p99_s",
        "parked",
    ];
    let row = |view: &crate::workspace::ProjectionView| {
        let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs_f64());
        vec![
            json!(view.name),
            json!(view.version),
            json!(view.lag.status.to_string()),
            json!(view.policy.to_string()),
            json!(view.checkpoint.get()),
            json!(view.lag.gap),
            json!(view.lag.behind),
            json!(view.lag.age.as_secs_f64()),
            json!(seconds(view.objective)),
            json!(view.breach),
            json!(view.rates.stored),
            json!(view.rates.applied),
            json!(seconds(view.eta)),
            json!(seconds(view.visibility.as_ref().map(|v| v.p99))),
            json!(view.parked),
        ]
    };
    let order = model.overview.order(&model.snapshot);
    let shown = order.iter().map(|at| &model.snapshot.projections[*at]);
    Sheet {
        columns: COLUMNS.map(str::to_owned).into(),
        rows: shown.map(row).collect(),
        of: None,
    }
}

/// What is built or held beside each projection, as the table is sorted and narrowed.
fn rebuilds(model: &Model) -> Sheet {
    const COLUMNS: [&str; 8] = [
        "name",
        "version",
        "new_version",
        "held",
        "checkpoint",
        "target",
        "rate_per_s",
        "eta_s",
    ];
    let row = |view: &crate::workspace::ProjectionView| {
        let new = view.rebuild.as_ref();
        vec![
            json!(view.name),
            json!(view.version),
            json!(new.map(|new| &new.version)),
            json!(new.map(|new| new.held)),
            json!(new.map(|new| new.checkpoint.get())),
            json!(new.map(|new| new.target.get())),
            json!(new.and_then(|new| new.rate)),
            json!(new.and_then(|new| new.eta).map(|eta| eta.as_secs_f64())),
        ]
    };
    let order = model.rebuilds.order(&model.snapshot);
    let shown = order.iter().map(|at| &model.snapshot.projections[*at]);
    Sheet {
        columns: COLUMNS.map(str::to_owned).into(),
        rows: shown.map(row).collect(),
        of: None,
    }
}

/// The events that the list holds, the newest first, with their data as far as it is held.
fn events(entries: &VecDeque<Entry>) -> Sheet {
    let row = |entry: &Entry| {
        let brief = entry
            .brief
            .iter()
            .map(|field| (field.name.to_string(), field.json()));
        vec![
            json!(entry.position.get()),
            json!(entry.recorded_at.to_string()),
            json!(entry.stream.as_str()),
            json!(entry.version.get()),
            json!(entry.event_type.as_str()),
            brief.collect::<Map<_, _>>().into(),
        ]
    };
    let mut rows: Vec<_> = entries.iter().collect();
    rows.sort_by_key(|entry| std::cmp::Reverse(entry.position));
    Sheet {
        columns: [
            "position",
            "recorded_at",
            "stream",
            "version",
            "type",
            "data",
        ]
        .map(str::to_owned)
        .into(),
        rows: rows.into_iter().map(row).collect(),
        of: None,
    }
}

/// Of how many events, where others stand before or after those that the list holds.
fn unread_events(model: &Model) -> Option<String> {
    let (list, head) = (&model.events.list, model.snapshot.head);
    let has_all = list.low.get() <= 1 && list.high >= head;
    let is_narrowed = model.is_narrowed();
    (!has_all).then(|| match is_narrowed {
        true => "those that fit".to_owned(),
        false => thousands(head.get()),
    })
}

/// What the pane of the Projection screen shows that has the keys; else the rows of the read model.
fn projection(model: &Model) -> Option<Sheet> {
    let state = &model.projection;
    match state.pane() {
        Pane::Operations => Some(operations(state.operations.good()?)),
        Pane::Queries => {
            let answers = state.answers.as_ref()?;
            let columns = answers.columns();
            let row = |row: &Map<String, Value>| {
                let cell = |name: &String| row.get(name).cloned().unwrap_or_default();
                columns.iter().map(cell).collect()
            };
            let rows = answers.rows()?.iter().map(row).collect();
            Some(Sheet {
                columns,
                rows,
                of: None,
            })
        }
        _ => {
            let page = state.rows.page.good()?;
            let row = |row: &Vec<Cell>| row.iter().map(value).collect();
            let has_all = state.rows.count() == Some(page.rows.len());
            Some(Sheet {
                columns: state.rows.columns().to_vec(),
                rows: page.rows.iter().map(row).collect(),
                of: (!has_all).then(|| page.matching.to_string()),
            })
        }
    }
}

/// The steps of the stream that were read, with what each changed and the state after it; or the streams to choose from.
fn steps(model: &Model) -> Option<Sheet> {
    let columns = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let Some(shown) = &model.stream.shown else {
        let streams = stream::listed(model);
        let row = |recent: &stream::Recent<'_>| {
            let event = recent.last;
            let lacking = stream::lacking(&model.snapshot, event);
            vec![
                json!(event.stream),
                json!(event.version),
                json!(event.event_type),
                json!(event.position),
                json!(lacking.not_yet + lacking.parked),
                json!(lacking.all),
                json!(lacking.parked),
                json!(lacking.skipped),
            ]
        };
        return Some(Sheet {
            columns: columns(&[
                "stream",
                "version",
                "type",
                "position",
                "lacking",
                "read_models",
                "parked",
                "skipped",
            ]),
            rows: streams.iter().map(row).collect(),
            of: Some("all streams".to_owned()),
        });
    };
    let row = |step: &Step| {
        let (event, after) = (&step.event, step.after.as_ref());
        vec![
            json!(event.version),
            json!(event.position),
            json!(event.event_type),
            json!(event.recorded_at.to_string()),
            event.data.value(),
            after.map_or(Value::Null, |after| json!(after.changes)),
            after.map_or(Value::Null, |after| after.state.clone()),
        ]
    };
    let read = shown.steps.is.as_ref()?;
    Some(Sheet {
        columns: columns(&[
            "version",
            "position",
            "type",
            "recorded_at",
            "data",
            "changes",
            "state",
        ]),
        rows: read.steps.iter().map(row).collect(),
        of: (read.version.get() > read.steps.len() as u64).then(|| thousands(read.version.get())),
    })
}

/// The program's messages that are shown, the newest first.
fn messages(model: &Model) -> Sheet {
    let row = |message: &std::sync::Arc<Message>| {
        vec![
            json!(message.at.to_string()),
            json!(message.level.as_str()),
            json!(message.target),
            json!(message.text),
        ]
    };
    Sheet {
        columns: ["at", "level", "target", "text"].map(str::to_owned).into(),
        rows: model.log.shown().map(row).collect(),
        of: (model.log.messages.len() >= KEPT).then(|| "those of this session".to_owned()),
    }
}

/// What was asked of projections, the newest first.
fn operations(done: &[Recorded]) -> Sheet {
    let row = |line: &Recorded| {
        vec![
            json!(line.position.get()),
            json!(line.at.to_string()),
            json!(line.projection),
            json!(line.what),
            json!(line.by),
            json!(line.outcome.as_ref().map(|outcome| &outcome.what)),
        ]
    };
    Sheet {
        columns: ["position", "at", "projection", "what", "by", "outcome"]
            .map(str::to_owned)
            .into(),
        rows: done.iter().map(row).collect(),
        of: None,
    }
}

/// A value of a read model: text, whole and real numbers as such, bytes as hexadecimal digits.
pub fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => json!(number),
        Cell::Text(text) => json!(text),
        Cell::Real(number) => json!(number),
        Cell::Blob(bytes) => bytes
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
            .into(),
    }
}

/// A table as CSV. NULL is an empty field.
fn csv(sheet: &Sheet) -> String {
    let mut out = String::new();
    let line = |out: &mut String, cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
        let _ = write!(out, "{}\r\n", cells.join(","));
    };
    line(&mut out, &mut sheet.columns.iter().cloned());
    for row in &sheet.rows {
        let mut cells = row.iter().map(|cell| match cell {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        line(&mut out, &mut cells);
    }
    out
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) || cell.trim() != cell {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// A table as JSON. Of columns with the same name, the last counts.
fn as_json(sheet: &Sheet) -> String {
    let object = |row: &Vec<Value>| -> Value {
        let fields = sheet.columns.iter().cloned().zip(row.iter().cloned());
        fields.collect::<Map<_, _>>().into()
    };
    let rows: Vec<Value> = sheet.rows.iter().map(object).collect();
    format!("{:#}\n", Value::Array(rows))
}

#[cfg(test)]
mod tests;
