//! How an objective was held over the last hour, what is left of its budget, and what another policy would have given.

use ratatui::style::Style;
use ratatui::text::Line;

use super::super::page::{key_of, wrapped};
use super::super::words::own;
use crate::text::{human_duration, thousands};
use crate::ui::action::Action;
use crate::ui::state::Model;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::bar;
use crate::workspace::{ProjectionView, Service, TARGET, WhatIf};

/// Its lines.
pub fn lines(
    model: &Model,
    view: &ProjectionView,
    theme: &Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let state = &model.projection;
    let mut lines = match &state.service.value {
        None => vec![Line::from(own("reading the log …", theme.dim))],
        Some(Err(error)) => wrapped(error, theme.bad, width, theme),
        Some(Ok(None)) => {
            let words = "It has no objective: write `-- objective: 1s` in its file, and every breach is recorded.";
            wrapped(words, theme.dim, width, theme)
        }
        Some(Ok(Some(service))) => held(view, service, theme, width),
    };
    lines.push(Line::default());
    lines.push(Line::from(own(
        "What another policy would have given",
        theme.strong,
    )));
    match &state.what_if {
        Some((policy, asked)) => match &asked.value {
            None => lines.push(Line::from(own(
                format!("{policy}: reading an hour of events …"),
                theme.dim,
            ))),
            Some(Err(error)) => lines.extend(wrapped(error, theme.bad, width, theme)),
            Some(Ok(found)) => lines.extend(would(found, theme, width)),
        },
        None => {
            let words = format!(
                "{} asks it: `:objective {} batch 500 or 5s`",
                key_of(&model.keys, Action::Open),
                text::clean(&view.name)
            );
            lines.extend(wrapped(&words, theme.dim, width, theme));
        }
    }
    lines
}

fn held(
    view: &ProjectionView,
    service: &Service,
    theme: &Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let (word, style) = if view.breach {
        (format!("{} breached now", theme.glyphs.breach), theme.bad)
    } else {
        (format!("{} met now", theme.glyphs.done), theme.good)
    };
    let mut lines = vec![
        Line::from(vec![
            own(
                format!("an age of at most {}  ", text::limit(service.objective)),
                theme.strong,
            ),
            own(word, style),
        ]),
        Line::default(),
    ];
    let over = human_duration(service.over);
    lines.extend(share(
        &format!("held, of the last {over}"),
        service.held(),
        theme.good,
        width,
        theme,
    ));
    let budget = service.budget();
    let left = service.left();
    let part = left.map_or(0.0, |left| {
        left.as_secs_f64() / budget.as_secs_f64().max(f64::EPSILON)
    });
    let style = if left.is_some() {
        theme.accent
    } else {
        theme.bad
    };
    let words = match left {
        Some(left) => format!(
            "left of the budget: {} of {}",
            human_duration(left),
            human_duration(budget)
        ),
        None => format!("the budget of {} is used up", human_duration(budget)),
    };
    lines.extend(share(&words, part, style, width, theme));
    let breaches = match service.breaches {
        0 => "Never breached in that time.".to_owned(),
        1 => format!("Breached once, for {}.", human_duration(service.breached)),
        times => format!(
            "Breached {} times, for {} in all.",
            thousands(times as u64),
            human_duration(service.breached)
        ),
    };
    let target = format!(
        " The budget is what {} of the time leaves.",
        percent(TARGET)
    );
    lines.extend(wrapped(
        &format!("{breaches}{target}"),
        theme.dim,
        width,
        theme,
    ));
    lines
}

/// A share in words, and as a bar under them.
fn share(words: &str, share: f64, style: Style, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let cells = u16::try_from(width.saturating_sub(12).clamp(4, 40)).unwrap_or(4);
    let mut bar: Vec<_> = bar::progress(share, cells, style, theme).into();
    bar.push(own(format!("  {}", percent(share)), theme.strong));
    vec![
        Line::from(own(words.to_owned(), theme.text)),
        Line::from(bar),
        Line::default(),
    ]
}

/// Never 100 % where anything is missing.
fn percent(share: f64) -> String {
    let cut = (share * 10_000.0).floor() / 100.0;
    format!("{cut} %")
}

fn would(found: &WhatIf, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(own(found.policy.to_string(), theme.accent))];
    let mut say = |words: String| lines.extend(wrapped(&words, theme.text, width, theme));
    say(format!(
        "over {} since {} UTC:",
        text::count(found.events as u64, "event", "events"),
        found.since.strftime("%T")
    ));
    match found.visible {
        Some([half, most, all]) => say(format!(
            "half visible after {}, 99 of 100 after {}, the slowest after {}",
            human_duration(half),
            human_duration(most),
            human_duration(all)
        )),
        None => say("none would be visible".to_owned()),
    }
    if found.unseen > 0 {
        say(format!(
            "{} would still be waiting",
            text::count(found.unseen as u64, "event", "events")
        ));
    }
    if let Some(held) = found.held {
        lines.push(Line::default());
        lines.extend(share(
            "the objective would have been held",
            held,
            theme.good,
            width,
            theme,
        ));
    }
    lines
}
