//! How a read model is, why, what helps, and every number of its lag.

use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::page::{helps, wrapped};
use super::super::words::own;
use crate::lag::Status;
use crate::text::human_duration;
use crate::ui::state::Model;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::workspace::{ProjectionView, Visibility};

/// A number with its name.
struct Number {
    name: &'static str,
    value: String,
    style: Style,
}

/// Its lines.
pub fn lines(
    model: &Model,
    view: &ProjectionView,
    theme: &Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let case = model.snapshot.case(view);
    let verdict = case.verdict();
    let mut lines = wrapped(&case.sentence(&verdict), theme.strong, width, theme);
    lines.extend(helps((&case, &verdict), &model.keys, theme, width));
    lines.push(Line::default());
    lines.extend(table(&numbers(model, view, theme), width, theme));
    let types = match view.event_types.as_slice() {
        [] => "takes every event".to_owned(),
        types => format!("takes {}", types.join(", ")),
    };
    lines.push(Line::default());
    lines.extend(wrapped(&types, theme.dim, width, theme));
    lines
}

/// Two beside each other where there is room.
fn table(numbers: &[Number], width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let columns = if width >= 48 { 2 } else { 1 };
    let each = width / columns;
    let rows = numbers.len().div_ceil(columns);
    let row = |row: usize| {
        let mut spans = Vec::new();
        for number in numbers.iter().skip(row).step_by(rows) {
            let name = format!("{:<12}", number.name);
            let room = each.saturating_sub(14);
            let value = text::cut(&number.value, room, theme.glyphs.ellipsis);
            let space = each.saturating_sub(12 + text::width(&value));
            spans.push(own(name, theme.dim));
            spans.push(own(value, number.style));
            spans.push(Span::raw(" ".repeat(space)));
        }
        Line::from(spans)
    };
    (0..rows).map(row).collect()
}

fn numbers(model: &Model, view: &ProjectionView, theme: &Theme) -> Vec<Number> {
    let lag = &view.lag;
    let number = |name, value: String| Number {
        name,
        value,
        style: theme.text,
    };
    let none = || theme.glyphs.none.to_owned();
    let rate = |rate: Option<f64>| rate.map_or_else(none, |rate| format!("{}/s", text::rate(rate)));
    let least = if lag.behind_exact { "" } else { "at least " };
    let behind = format!("{least}{}", text::thousands(lag.behind));
    let allowance = match view.policy.allowance() {
        None => "any age".to_owned(),
        Some(allowance) => text::limit(allowance.saturating_add(view.stored_within)),
    };
    let stale = match view.stale_keys {
        1_000.. => "1,000+".to_owned(),
        keys => keys.to_string(),
    };
    let age = match view.objective {
        Some(objective) => format!("{} of {}", text::span(lag.age), text::limit(objective)),
        None => text::span(lag.age),
    };
    let eta = match view.eta {
        Some(eta) => format!("in {}", text::span(eta)),
        None if lag.status == Status::Falling => "never".to_owned(),
        None => none(),
    };
    let busy = view
        .rates
        .utilisation
        .map_or_else(none, |share| format!("{:.0} %", share * 100.0));
    let breach = match (view.breach, view.objective) {
        (true, _) => Number {
            name: "objective",
            value: format!("{} breached", theme.glyphs.breach),
            style: theme.bad,
        },
        (false, Some(_)) => number("objective", format!("{} met", theme.glyphs.done)),
        (false, None) => number("objective", "none".to_owned()),
    };
    let visible = |of: fn(Visibility) -> Duration| {
        view.visibility.map_or_else(none, |v| human_duration(of(v)))
    };
    vec![
        number("checkpoint", text::thousands(view.checkpoint.get())),
        number("gap", text::thousands(lag.gap)),
        number("behind", behind),
        number("age", age),
        breach,
        number("allowance", allowance),
        number("excess", text::span(lag.excess)),
        number("stale keys", stale),
        number("spread", text::thousands(spread(model))),
        number("stored", rate(view.rates.stored)),
        number("applied", rate(view.rates.applied)),
        number("capacity", rate(view.rates.capacity)),
        number("busy", busy),
        number("caught up", eta),
        number("parked", text::thousands(view.parked)),
        number("p50", visible(|v| v.p50)),
        number("p99", visible(|v| v.p99)),
    ]
}

/// The largest difference between two checkpoints: answers of two read models may contradict each other within it.
fn spread(model: &Model) -> u64 {
    let checkpoints = || {
        model
            .snapshot
            .projections
            .iter()
            .map(|v| v.checkpoint.get())
    };
    let (least, most) = (checkpoints().min(), checkpoints().max());
    most.unwrap_or(0) - least.unwrap_or(0)
}
