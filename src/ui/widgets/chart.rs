//! Lines over time: values at moments, holes where nothing is known, a limit across, labels with units at both
//! axes. Which stretch of time is shown is handed in, so that somebody else can zoom and pan.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::widgets::Widget as _;
use ratatui::widgets::canvas::{Canvas, Context, Line};

use super::super::text;
use super::super::theme::Theme;

/// What was measured at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When, in seconds from any fixed moment.
    pub at: f64,
    /// The value; `None` where a hole begins: the line is not drawn across it.
    pub value: Option<f64>,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Series {
    /// Oldest first.
    pub points: Vec<Point>,
    /// How it looks.
    pub style: Style,
}

/// What values are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Time,
    /// Things.
    Count,
}

/// What is drawn.
pub struct Chart<'a> {
    /// The lines, those that matter most at the end: they are drawn over the others.
    pub series: &'a [Series],
    /// The first moment that is shown, in the time of the points.
    pub from: f64,
    /// The last one.
    pub to: f64,
    /// What values are counted in.
    pub unit: Unit,
    /// The highest value that has to be seen; what is above the scale that this gives is not drawn.
    pub top: f64,
    /// A line across.
    pub limit: Option<f64>,
    /// How a moment is written under the chart.
    pub label: &'a dyn Fn(f64) -> String,
}

/// The values at the left are at least so wide: charts under each other begin at the same cell.
const SIDE: u16 = 5;

/// The fewest lines with which it can be drawn: two of lines, one of times.
pub const LEAST: u16 = 3;

impl Unit {
    /// A value in at most six cells.
    pub fn words(self, value: f64) -> String {
        match self {
            Self::Time => {
                let time = Duration::try_from_secs_f64(value.max(0.0)).unwrap_or(Duration::MAX);
                text::limit(time)
            }
            Self::Count if value < 9_999.5 => text::thousands(whole(value)),
            Self::Count if value < 999_500.0 => format!("{:.0}k", value / 1e3),
            Self::Count => format!("{:.1}M", value / 1e6),
        }
    }

    /// The smallest round value that is at least so large.
    fn round_up(self, value: f64) -> f64 {
        const MINUTE: f64 = 60.0;
        const HOUR: f64 = 3_600.0;
        if !value.is_finite() || value <= 0.0 {
            return 1.0;
        }
        if self == Self::Count {
            return round_up(value.max(4.0));
        }
        match value {
            v if v <= 30.0 => round_up(v.max(0.002)),
            v if v <= 30.0 * MINUTE => {
                first_of(&[1.0, 2.0, 5.0, 10.0, 20.0, 30.0], v / MINUTE) * MINUTE
            }
            v if v <= 12.0 * HOUR => first_of(&[1.0, 2.0, 4.0, 8.0, 12.0], v / HOUR) * HOUR,
            v => 24.0 * HOUR * round_up(v / (24.0 * HOUR)),
        }
    }
}

fn first_of(steps: &[f64], value: f64) -> f64 {
    let found = steps.iter().copied().find(|step| *step >= value);
    found.unwrap_or(value)
}

/// 1, 2, 3 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    power * first_of(&[1.0, 2.0, 3.0, 5.0, 10.0], value / power)
}

fn whole(value: f64) -> u64 {
    // A float cast saturates.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = value.round().max(0.0) as u64;
    whole
}

impl Chart<'_> {
    /// Draws it; nothing where there is no room.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let top = self.unit.round_up(self.top.max(self.limit.unwrap_or(0.0)));
        let side = self.side(top);
        if area.height < LEAST || area.width < side + 8 || self.to <= self.from {
            return;
        }
        let plot = Rect {
            x: area.x + side + 1,
            width: area.width - side - 1,
            height: area.height - 1,
            ..area
        };
        self.values(buf, area, plot, top, theme);
        self.lines(buf, plot, top, theme);
        self.times(
            buf,
            Rect {
                y: plot.bottom(),
                height: 1,
                ..plot
            },
            theme,
        );
    }

    /// How wide the values at the left are.
    fn side(&self, top: f64) -> u16 {
        let limit = self.limit.unwrap_or(0.0);
        let widest = [top, top / 2.0, limit, 0.0]
            .map(|value| text::width(&self.unit.words(value)))
            .into_iter()
            .max();
        u16::try_from(widest.unwrap_or(0))
            .unwrap_or(u16::MAX)
            .max(SIDE)
    }

    /// The values at the left, and the limit across.
    fn values(&self, buf: &mut Buffer, area: Rect, plot: Rect, top: f64, theme: &Theme) {
        let row = |value: f64| {
            let share = (value / top).clamp(0.0, 1.0) * f64::from(plot.height - 1);
            plot.bottom() - 1 - u16::try_from(whole(share)).unwrap_or(0)
        };
        let side = usize::from(plot.x - area.x - 1);
        let mut taken: Vec<u16> = Vec::new();
        let mut write = |buf: &mut Buffer, value: f64, style: Style| {
            let y = row(value);
            if !taken.contains(&y) {
                taken.push(y);
                let words = format!("{:>side$}", self.unit.words(value));
                buf.set_string(area.x, y, words, style);
            }
        };
        for y in plot.top()..plot.bottom() {
            buf.set_string(plot.x - 1, y, theme.glyphs.leader, theme.rule);
        }
        if let Some(limit) = self.limit.filter(|limit| *limit <= top) {
            let across = theme.glyphs.limit.repeat(usize::from(plot.width));
            buf.set_string(plot.x, row(limit), across, theme.warn);
            write(buf, limit, theme.warn);
        }
        write(buf, 0.0, theme.dim);
        write(buf, top, theme.dim);
        if plot.height >= 7 {
            write(buf, top / 2.0, theme.dim);
        }
    }

    fn lines(&self, buf: &mut Buffer, plot: Rect, top: f64, theme: &Theme) {
        let marker = if theme.is_ascii() {
            Marker::Custom('*')
        } else {
            Marker::Braille
        };
        let dots = f64::from(plot.width) * 2.0;
        Canvas::default()
            .marker(marker)
            .x_bounds([0.0, dots])
            .y_bounds([0.0, top])
            .paint(|ctx| {
                for series in self.series {
                    self.line(ctx, series, dots, top);
                }
            })
            .render(plot, buf);
    }

    /// One line. Of moments that share a column of dots only the lowest, the highest and the last are drawn, so
    /// that its cost is that of its width.
    fn line(&self, ctx: &mut Context<'_>, series: &Series, dots: f64, top: f64) {
        let color = series.style.fg.unwrap_or(Color::Reset);
        let column = |at: f64| ((at - self.from) / (self.to - self.from) * dots).floor();
        let first = series.points.partition_point(|point| point.at < self.from);
        let mut open: Option<Column> = None;
        // The one before the first that is shown: its line may come in from the left.
        for point in &series.points[first.saturating_sub(1)..] {
            let x = column(point.at);
            let Some(value) = point.value.filter(|value| *value <= top) else {
                if let Some(column) = open.take() {
                    column.draw(ctx, color);
                }
                continue;
            };
            let value = value.max(0.0);
            match &mut open {
                Some(column) if column.x >= x => column.take(value),
                Some(column) => {
                    column.draw(ctx, color);
                    ctx.draw(&Line::new(column.x, column.last, x, value, color));
                    *column = Column::new(x, value);
                }
                None => open = Some(Column::new(x, value)),
            }
            if point.at > self.to {
                return;
            }
        }
        if let Some(column) = open {
            column.draw(ctx, color);
        }
    }

    /// The moments under it, as many as find room: the ends first.
    fn times(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let mut taken: Vec<(u16, u16)> = Vec::new();
        for share in [0.0, 1.0, 0.5, 0.25, 0.75] {
            let label = (self.label)(self.from + (self.to - self.from) * share);
            let wide = u16::try_from(text::width(&label)).unwrap_or(u16::MAX);
            if wide > area.width {
                continue;
            }
            let middle = u16::try_from(whole(f64::from(area.width) * share)).unwrap_or(0);
            let x = middle.saturating_sub(wide / 2).min(area.width - wide);
            if taken.iter().all(|(a, b)| x + wide + 2 < *a || b + 2 < x) {
                buf.set_string(area.x + x, area.y, &label, theme.dim);
                taken.push((x, x + wide));
            }
        }
    }
}

/// The values of one column of dots.
struct Column {
    x: f64,
    low: f64,
    high: f64,
    last: f64,
}

impl Column {
    const fn new(x: f64, value: f64) -> Self {
        Self {
            x,
            low: value,
            high: value,
            last: value,
        }
    }

    const fn take(&mut self, value: f64) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        self.last = value;
    }

    fn draw(&self, ctx: &mut Context<'_>, color: Color) {
        ctx.draw(&Line::new(self.x, self.low, self.x, self.high, color));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(points: &[(f64, Option<f64>)], limit: Option<f64>, theme: &Theme) -> Vec<String> {
        let points = points.iter().map(|(at, value)| Point {
            at: *at,
            value: *value,
        });
        let series = [Series {
            points: points.collect(),
            style: theme.text,
        }];
        let chart = Chart {
            series: &series,
            from: -60.0,
            to: 0.0,
            unit: Unit::Time,
            top: 10.0,
            limit,
            label: &|at| format!("{at}s"),
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 34, 6));
        let area = buf.area;
        chart.draw(&mut buf, area, theme);
        let line = |y| (0..34).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..6).map(line).collect()
    }

    #[test]
    fn a_line_rises_from_left_to_right_and_both_axes_say_their_units() {
        let theme = Theme::colour().ascii();
        let lines = drawn(&[(-60.0, Some(0.0)), (0.0, Some(10.0))], Some(5.0), &theme);
        assert!(
            lines[0].starts_with("  10s|") && lines[0].ends_with("**"),
            "{lines:?}"
        );
        assert!(lines[4].starts_with("    0|**"), "{lines:?}");
        assert!(lines[2].starts_with("   5s|--"), "{lines:?}");
        assert!(
            lines[5].contains("-60s") && lines[5].ends_with("0s"),
            "{lines:?}"
        );
    }

    #[test]
    fn nothing_is_drawn_across_a_hole() {
        let theme = Theme::colour().ascii();
        let points = [
            (-60.0, Some(0.0)),
            (-45.0, Some(0.0)),
            (-44.0, None),
            (-15.0, Some(0.0)),
            (0.0, Some(0.0)),
        ];
        let line = &drawn(&points, None, &theme)[4][6..];
        assert!(
            line.starts_with("*****") && line.ends_with("*****"),
            "{line:?}"
        );
        assert!(line.contains("          "), "{line:?}");
    }

    #[test]
    fn what_is_older_than_the_picture_comes_in_from_the_left() {
        let theme = Theme::colour().ascii();
        let lines = drawn(&[(-600.0, Some(10.0)), (600.0, Some(10.0))], None, &theme);
        assert!(!lines[0][6..].contains(' '), "{lines:?}");
    }

    #[test]
    fn values_are_rounded_up_to_what_people_count_in() {
        let up = |unit: Unit, value: f64| unit.words(unit.round_up(value));
        assert_eq!(up(Unit::Time, 0.4), "500ms");
        assert_eq!(up(Unit::Time, 13.0), "20s");
        assert_eq!(up(Unit::Time, 45.0), "1m");
        assert_eq!(up(Unit::Time, 9_000.0), "4h");
        assert_eq!(up(Unit::Count, 7_300.0), "10k");
        assert_eq!(up(Unit::Count, f64::NAN), "1");
    }
}
