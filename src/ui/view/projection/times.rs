//! What a projection's loop does with its time, and how long events take from stored to visible.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::put_cut;
use super::super::words::own;
use crate::text::human_duration;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::bar;
use crate::workspace::ProjectionView;

/// There are no more buckets than this.
const BUCKETS: usize = 40;

/// Draws both.
pub fn draw(view: &ProjectionView, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let room = area.width;
    let mut lines = split(view, theme, room);
    lines.push(Line::default());
    let left = usize::from(area.height).saturating_sub(lines.len());
    lines.extend(visible(view, theme, room, left));
    for (row, line) in (0..area.height).zip(&lines) {
        put_cut(buf, area, row, line, theme);
    }
}

/// How much of its time the loop worked, and at what.
fn split(view: &ProjectionView, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let work = &view.work;
    if work.wall.is_zero() {
        let words = "Nobody has measured its loop yet: nothing applies events here.";
        return vec![Line::from(own(words, theme.dim))];
    }
    let busy = work.live() + work.rebuild;
    let share = |part: Duration, of: Duration| {
        if of.is_zero() {
            0.0
        } else {
            part.as_secs_f64() / of.as_secs_f64()
        }
    };
    let mut lines = vec![Line::from(vec![
        own("Its loop worked ", theme.strong),
        own(
            format!("{:.1} %", share(busy, work.wall) * 100.0),
            theme.strong,
        ),
        own(
            format!(" of the last {}; of that:", human_duration(work.wall)),
            theme.dim,
        ),
    ])];
    let parts = [
        ("load", work.load, "reading the log"),
        ("apply", work.apply, "running handlers"),
        ("commit", work.commit, "writing what it made"),
        ("rebuild", work.rebuild, "building another version"),
    ];
    let cells = (width / 3).clamp(6, 30);
    for (name, time, words) in parts {
        let share = share(time, busy);
        let mut spans = vec![own(format!("{name:<8}"), theme.text)];
        spans.extend(bar::progress(share, cells, theme.accent, theme));
        spans.push(own(format!(" {:>3.0} %  ", share * 100.0), theme.strong));
        spans.push(own(words, theme.dim));
        lines.push(Line::from(spans));
    }
    lines
}

/// From stored to visible: the quantiles, and how many events took how long.
fn visible(view: &ProjectionView, theme: &Theme, width: u16, room: usize) -> Vec<Line<'static>> {
    let title = Line::from(vec![
        own("From stored to visible", theme.strong),
        own(", over the last minute", theme.dim),
    ]);
    let Some(v) = view.visibility else {
        let words = "No event became visible in that time, rebuilds aside.";
        return vec![title, Line::from(own(words, theme.dim))];
    };
    let mut lines = vec![title];
    let mut quantiles = Vec::new();
    for (name, time) in [
        ("half", v.p50),
        ("99 of 100", v.p99),
        ("the slowest", v.max),
    ] {
        quantiles.push(own(format!("{name} "), theme.dim));
        quantiles.push(own(format!("{}   ", human_duration(time)), theme.text));
    }
    lines.push(Line::from(quantiles));
    lines.push(Line::default());
    lines.extend(histogram(view, theme, width, room.saturating_sub(3)));
    lines
}

/// A line a bucket; neighbours are joined where there are more than lines.
fn histogram(view: &ProjectionView, theme: &Theme, width: u16, room: usize) -> Vec<Line<'static>> {
    let buckets = &view.visible_after;
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return Vec::new();
    };
    if room == 0 {
        return Vec::new();
    }
    // The bounds that have no event between those that have are shown too: else a gap would not be seen.
    let bounds = std::iter::successors(Some(first.up_to), |bound| Some(next(*bound)));
    let within = bounds.take_while(|bound| *bound < last.up_to);
    let mut bounds: Vec<Duration> = within.take(BUCKETS).collect();
    bounds.push(last.up_to);
    let each = bounds.len().div_ceil(room).max(1);
    let mut rows: Vec<(Duration, u64)> = Vec::new();
    for group in bounds.chunks(each) {
        let above = rows.last().map(|(bound, _)| *bound);
        let upper = *group.last().unwrap_or(&last.up_to);
        let within = |up_to: Duration| above.is_none_or(|above| up_to > above) && up_to <= upper;
        let found = buckets.iter().filter(|bucket| within(bucket.up_to));
        rows.push((upper, found.map(|bucket| bucket.events).sum()));
    }
    let most = rows.iter().map(|(_, events)| *events).max().unwrap_or(1);
    let cells = width.saturating_sub(22).clamp(4, 60);
    let line = |(upper, events): (Duration, u64)| {
        #[allow(clippy::cast_precision_loss)]
        let share = events as f64 / most.max(1) as f64;
        let [full, _] = bar::progress(share, cells, theme.trace, theme);
        // One event is one too many to be not seen.
        let full = if events > 0 && full.content.is_empty() {
            Span::styled(theme.glyphs.dot, theme.trace)
        } else {
            full
        };
        Line::from(vec![
            own(format!("{:>8} ", human_duration(upper)), theme.dim),
            full,
            own(
                format!(" {}", text::thousands(events)),
                if events == 0 { theme.rule } else { theme.text },
            ),
        ])
    };
    rows.into_iter().map(line).collect()
}

/// The bound after one, in steps of 1, 2 and 5.
fn next(bound: Duration) -> Duration {
    let nanos = bound.as_nanos().max(1);
    let power = 10_u128.pow(nanos.ilog10());
    let step = match nanos / power {
        1 => 2,
        2..5 => 5,
        _ => 10,
    };
    Duration::from_nanos(u64::try_from(step * power).unwrap_or(u64::MAX))
        .max(bound + Duration::from_nanos(1))
}
