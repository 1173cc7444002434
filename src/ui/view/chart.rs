//! Lag over time: the age or the gap of read models, out of the samples that their views carry.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::state::Model;
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::chart::{Chart, Point, Series, Unit};
use super::super::widgets::flow::{self, Piece};
use super::words::own;
use crate::workspace::ProjectionView;

/// The seconds between two samples.
const STEP: f64 = 0.5;

/// How old a read model was, in seconds before now.
fn age(view: &ProjectionView) -> Vec<Point> {
    let count = view.history.len();
    let samples = view.history.iter().enumerate().map(|(at, age)| {
        #[allow(clippy::cast_precision_loss)]
        let back = (count - 1 - at) as f64 * STEP;
        Point {
            at: -back,
            value: Some(f64::from(*age)),
        }
    });
    samples.collect()
}

fn series(points: Vec<Point>, style: Style) -> Series {
    Series { points, style }
}

/// Draws the age of a read model, with its objective.
pub fn ages(model: &Model, view: &ProjectionView, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let series = [series(age(view), theme.accent)];
    let limit = view.objective.map(|objective| objective.as_secs_f64());
    draw(model, &series, (Unit::Time, limit), theme, area, buf);
}

/// Draws lines over the stretch that is shown; the last one sets the scale.
fn draw(
    model: &Model,
    series: &[Series],
    (unit, limit): (Unit, Option<f64>),
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let span = model.overview.span;
    let now = model.snapshot.taken_at;
    let (from, to) = span.window(now);
    let shown = |point: &&Point| point.at >= from && point.at <= to;
    let values = series.last().into_iter().flat_map(|series| {
        let shown = series.points.iter().filter(shown);
        shown.filter_map(|point| point.value)
    });
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
        series,
        from,
        to,
        unit,
        top,
        limit,
        label: &label,
    };
    chart.draw(buf, area, theme);
}

/// Whose line it is, the objective's, and that the chart stands still.
pub fn legend(
    model: &Model,
    view: Option<&ProjectionView>,
    width: usize,
    theme: &Theme,
) -> Line<'static> {
    let mut pieces: Vec<Piece> = Vec::new();
    if let Some(view) = view {
        let name = text::cut(&text::clean(&view.name), 24, theme.glyphs.ellipsis);
        pieces.push(vec![
            own(theme.glyphs.bar_full.repeat(2), theme.accent),
            own(format!(" {name}"), theme.dim),
        ]);
        if let Some(objective) = view.objective {
            pieces.push(vec![
                own(theme.glyphs.limit.repeat(2), theme.warn),
                own(format!(" objective {}", text::limit(objective)), theme.dim),
            ]);
        }
    }
    if model.overview.span.end.is_some() {
        pieces.push(vec![own("in the past", theme.warn)]);
    }
    let width = u16::try_from(width).unwrap_or(u16::MAX);
    flow::one_line(pieces, &Span::raw("   "), width)
}
