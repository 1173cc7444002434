//! The steps of a stream: each event, which read models have it, and what it changed in the aggregate.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::super::words::{held, own, set_aside, span};
use super::super::{put, put_cut};
use crate::event::Version;
use crate::ui::state::Model;
use crate::ui::state::ripple::has;
use crate::ui::state::stream::{STEPS, Shown, base, groups, takes};
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::{rule, table};
use crate::workspace::{Change, ProjectionView, Step};

/// How many read models get a dot each.
const DOTS: usize = 12;

/// The widest type that is shown whole.
const WIDEST: usize = 22;

/// Draws them.
pub fn draw(model: &Model, shown: &Shown, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let title = title(shown);
    let models = keyed(model, shown);
    let legend = Legend::of(&title, &models, area, theme);
    let title = (title.as_str(), shown.panes.focus == STEPS);
    rule::pane(buf, area, title, &legend.title, theme);
    if shown.steps.is.is_none() {
        let words = Line::from(own("   reading the stream …", theme.dim));
        put(buf, area, 1, &words);
        return;
    }
    for (y, line) in (1..).zip(&legend.names) {
        put_cut(buf, area, y, line, theme);
    }
    let area = legend.below(area);
    let rows = rows(shown, area);
    let widths = Widths::of(shown, rows.clone(), models.len());
    put_cut(buf, area, 1, &heading(&widths, theme), theme);
    for (y, row) in (2..).zip(rows) {
        let version = Version::new(row as u64 + 1);
        let is_chosen = version == shown.version();
        let line = match shown.step(version) {
            Some(step) => line(model, &models, step, is_chosen, &widths, theme),
            None => Line::from(own(format!("   {version}  …"), theme.dim)),
        };
        put_cut(buf, area, y, &line, theme);
    }
}

fn title(shown: &Shown) -> String {
    format!(
        "{}, version {} of {}",
        text::clean(shown.stream.as_str()),
        shown.version(),
        shown.newest()
    )
}

/// The version on a line of the area.
pub fn version_at(model: &Model, shown: &Shown, area: Rect, y: u16) -> Option<Version> {
    let models = keyed(model, shown);
    let area = Legend::of(&title(shown), &models, area, &Theme::colour()).below(area);
    let line = usize::from(y.checked_sub(area.y + 2)?);
    let row = rows(shown, area).nth(line)?;
    Some(Version::new(row as u64 + 1))
}

/// The rows that have room, the chosen one among them.
fn rows(shown: &Shown, area: Rect) -> std::ops::Range<usize> {
    let count = usize::try_from(shown.newest().get()).unwrap_or(usize::MAX);
    let chosen = usize::try_from(shown.version().get()).unwrap_or(usize::MAX);
    let lines = usize::from(area.height.saturating_sub(2));
    table::shown(count, Some(chosen.saturating_sub(1)), lines)
}

/// The read models that are keyed by the stream's category.
fn keyed<'a>(model: &'a Model, shown: &Shown) -> Vec<&'a ProjectionView> {
    let rows = shown.rows.is.as_ref();
    let models = rows.map_or_else(Vec::new, |rows| groups(rows));
    let models = models.into_iter().flatten();
    let views = models.filter_map(|m| model.projection(&m.name));
    views.take(DOTS).collect()
}

/// What a dot means, and whose each is: beside the title where there is room, else on lines of their own under it.
#[derive(Default)]
struct Legend {
    title: Line<'static>,
    names: Vec<Line<'static>>,
}

/// The most lines that names have; the second one only where this many lines are left.
const NAMED: u16 = 2;
const LEFT: u16 = 8;

impl Legend {
    fn of(title: &str, models: &[&ProjectionView], area: Rect, theme: &Theme) -> Self {
        if models.is_empty() {
            return Self::default();
        }
        let room = usize::from(area.width).saturating_sub(text::width(title) + 8);
        let names = names(models).join(", ");
        let yes = own(theme.glyphs.yes, theme.good);
        let no = own(theme.glyphs.no, theme.warn);
        let words = |words: &str| own(words.to_owned(), theme.dim);
        let inside = words(&format!(" in {names}"));
        let aside = set_aside(models.iter().copied(), theme);
        let mut means = vec![
            yes.clone(),
            words(" visible "),
            no.clone(),
            words(" not yet"),
        ];
        means.extend(aside.iter().cloned());
        let whole = Line::from([means.clone(), vec![inside.clone()]].concat());
        // Whose each dot is cannot be guessed; what it means is on other screens too, but of those that are rare.
        let short = [vec![yes, no], aside.clone(), vec![inside]].concat();
        for title in [whole, Line::from(short)] {
            if title.width() <= room {
                let names = Vec::new();
                return Self { title, names };
            }
        }
        let width = usize::from(area.width).saturating_sub(4);
        let lead = format!("dots, from the left: {names}");
        let mut lines = text::wrap(&lead, width, theme.glyphs.ellipsis);
        let most = match area.height {
            0..6 => 0,
            height => NAMED.min(height.saturating_sub(LEFT).max(1)),
        };
        let most = usize::from(most);
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                let ellipsis = theme.glyphs.ellipsis;
                *last = text::cut(&format!("{last} {ellipsis}"), width, ellipsis);
            }
        }
        let line = |line: String| Line::from(words(&format!("  {line}")));
        let means = Line::from(means);
        Self {
            title: if means.width() <= room || aside.is_empty() {
                means
            } else {
                let mut aside = aside;
                aside[0].content = aside[0].content.trim_start().to_owned().into();
                Line::from(aside)
            },
            names: lines.into_iter().map(line).collect(),
        }
    }

    /// The area, but for the lines of the names.
    fn below(&self, area: Rect) -> Rect {
        let lines = u16::try_from(self.names.len()).unwrap_or(0);
        Rect {
            y: area.y + lines,
            height: area.height.saturating_sub(lines),
            ..area
        }
    }
}

/// Their names; a replica beside its projection needs only what tells it apart.
fn names(models: &[&ProjectionView]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut before = "";
    for view in models {
        let name = view.name.as_str();
        let own_part = name
            .strip_prefix(before)
            .filter(|rest| rest.starts_with('@'));
        names.push(text::clean(own_part.unwrap_or(name)).into_owned());
        before = base(name);
    }
    names
}

/// The cells of each column: as wide as what is shown needs.
struct Widths {
    version: usize,
    position: usize,
    kind: usize,
    dots: usize,
    /// Whether there are states.
    folded: bool,
}

impl Widths {
    fn of(shown: &Shown, rows: std::ops::Range<usize>, dots: usize) -> Self {
        let steps = || {
            let versions = rows.clone().map(|row| Version::new(row as u64 + 1));
            versions.filter_map(|version| shown.step(version))
        };
        let widest = |of: &dyn Fn(&Step) -> usize| steps().map(of).max().unwrap_or(0);
        Self {
            version: rows.end.to_string().len(),
            position: widest(&|step| text::thousands(step.event.position.get()).len()).max(8),
            kind: widest(&|step| text::width(step.event.event_type.as_str())).clamp(5, WIDEST),
            dots,
            folded: steps().any(|step| step.after.is_some()),
        }
    }
}

fn heading(widths: &Widths, theme: &Theme) -> Line<'static> {
    let last = if widths.folded { "it changed" } else { "data" };
    let dots = if widths.dots > 0 { widths.dots + 2 } else { 0 };
    let words = format!(
        "  {:>version$}  {:>position$}  {:kind$}  {:dots$}{last}",
        "v",
        "position",
        "event",
        "",
        version = widths.version,
        position = widths.position,
        kind = widths.kind,
    );
    Line::from(own(words, theme.dim))
}

fn line(
    model: &Model,
    models: &[&ProjectionView],
    step: &Step,
    is_chosen: bool,
    widths: &Widths,
    theme: &Theme,
) -> Line<'static> {
    let event = &step.event;
    let (mark, style) = if is_chosen {
        (theme.glyphs.selected, theme.chosen)
    } else {
        (" ", theme.text)
    };
    let kind = text::cut(
        event.event_type.as_str(),
        widths.kind,
        theme.glyphs.ellipsis,
    );
    let space = " ".repeat(widths.kind.saturating_sub(text::width(&kind)) + 2);
    let mut spans = vec![
        own(format!("{mark} "), theme.title),
        own(
            format!("{:>width$}  ", event.version, width = widths.version),
            style,
        ),
        own(
            format!(
                "{:>width$}  ",
                text::thousands(event.position.get()),
                width = widths.position
            ),
            theme.dim,
        ),
        span(&kind, if is_chosen { style } else { theme.strong }),
        Span::raw(space),
    ];
    for view in models {
        spans.push(if !takes(view, event) {
            own(theme.glyphs.dot, theme.rule)
        } else {
            let (glyph, _, style) = held(has(view, &model.snapshot, event.position), theme);
            own(glyph, style)
        });
    }
    if !models.is_empty() {
        spans.push(Span::raw("  "));
    }
    spans.push(match &step.after {
        None => span(event.data.as_str(), theme.dim),
        Some(after) if after.changes.is_empty() => own("nothing", theme.dim),
        Some(after) => {
            let all = after.changes.iter().map(|each| change(each, theme));
            own(all.collect::<Vec<_>>().join(", "), theme.text)
        }
    });
    Line::from(spans)
}

/// The longest value of a field that is told.
const VALUE: usize = 60;

/// A field that is another than before, in words.
pub fn change(change: &Change, theme: &Theme) -> String {
    let field = text::clean(&change.field);
    let after = value(&change.after, theme);
    if change.before.is_null() {
        format!("{field} {after}")
    } else {
        let becomes = theme.glyphs.becomes;
        format!("{field} {} {becomes} {after}", value(&change.before, theme))
    }
}

/// A value for people: a text without quotation marks, nothing as a dash.
fn value(value: &Value, theme: &Theme) -> String {
    let words = match value {
        Value::Null => theme.glyphs.none.to_owned(),
        Value::String(text) => text.chars().take(2 * VALUE).collect(),
        other => other.to_string().chars().take(2 * VALUE).collect(),
    };
    text::cut(&text::clean(&words), VALUE, theme.glyphs.ellipsis)
}
