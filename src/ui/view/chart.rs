//! Lag over time: the age or the gap of read models, out of what the dashboard has seen.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::state::Model;
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::chart::{Chart, Point, Series, Unit};
use super::super::widgets::flow::{self, Piece};
use super::words::own;
use crate::workspace::ProjectionView;

/// What a line is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// How old the read model was, with its objective.
    Age,
    /// How many positions it lacked.
    Gap,
    /// From stored to visible, for 99 of 100 events.
    P99,
}

/// Draws a line of a read model over the stretch that is shown.
pub fn draw(
    model: &Model,
    view: &ProjectionView,
    of: Of,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let window = model.overview.span.window(model.snapshot.taken_at);
    let dots = usize::from(area.width) * 2;
    let now = model.snapshot.taken_at;
    let columns = model.lagging.columns(&view.name, now, window, dots);
    #[allow(clippy::cast_precision_loss)]
    let value = |point: crate::lag::Point| match of {
        Of::Age => Some(point.age.as_secs_f64()),
        Of::Gap => Some(point.gap as f64),
        Of::P99 => point.p99.map(|time| time.as_secs_f64()),
    };
    let points = columns.into_iter().map(|(at, point)| Point {
        at,
        value: point.and_then(value),
    });
    let mut points: Vec<Point> = points.collect();
    // A flat line has no beginning: it need not be drawn again for each moment that joins it.
    if !points.is_empty() && points.iter().all(|point| point.value == Some(0.0)) {
        let (from, to) = window;
        points = [from, to]
            .map(|at| Point {
                at,
                value: Some(0.0),
            })
            .into();
    }
    let series = Series {
        points,
        style: theme.accent,
    };
    let limit = view.objective.map(|objective| objective.as_secs_f64());
    let (unit, limit) = match of {
        Of::Age => (Unit::Time, limit),
        Of::Gap => (Unit::Count, None),
        Of::P99 => (Unit::Time, None),
    };
    lines(model, &series, window, (unit, limit), theme, area, buf);
}

fn lines(
    model: &Model,
    series: &Series,
    (from, to): (f64, f64),
    (unit, limit): (Unit, Option<f64>),
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let span = model.overview.span;
    let now = model.snapshot.taken_at;
    let values = series.points.iter().filter_map(|point| point.value);
    let top = values.fold(0.0, f64::max);
    let label = |at: f64| {
        if span.end.is_some() {
            let moment = jiff::SignedDuration::try_from_secs_f64(at).unwrap_or_default();
            let moment = now.checked_add(moment).unwrap_or(now);
            return moment.strftime("%H:%M:%S").to_string();
        }
        match Duration::try_from_secs_f64(-at) {
            Ok(back) if !back.is_zero() => format!("{}{}", theme.glyphs.minus, text::limit(back)),
            _ => "now".to_owned(),
        }
    };
    let chart = Chart {
        series: std::slice::from_ref(series),
        from,
        to,
        unit,
        top,
        limit,
        label: &label,
    };
    chart.draw(buf, area, theme);
}

/// Whose line it is, where that is not said elsewhere; the objective's; and that the chart stands still.
pub fn legend(
    model: &Model,
    view: &ProjectionView,
    named: bool,
    width: u16,
    theme: &Theme,
) -> Line<'static> {
    let mut pieces: Vec<Piece> = Vec::new();
    if model.overview.span.end.is_some() {
        pieces.push(vec![own("in the past", theme.warn)]);
    }
    if named {
        let name = text::cut(&text::clean(&view.name), 24, theme.glyphs.ellipsis);
        pieces.push(vec![
            own(theme.glyphs.bar_full.repeat(2), theme.accent),
            own(format!(" {name}"), theme.dim),
        ]);
    }
    if let Some(objective) = view.objective {
        pieces.push(vec![
            own(theme.glyphs.limit.repeat(2), theme.warn),
            own(format!(" objective {}", text::limit(objective)), theme.dim),
        ]);
    }
    flow::one_line(pieces, &Span::raw("   "), width)
}
