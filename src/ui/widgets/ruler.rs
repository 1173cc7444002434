//! A line with marks on it, their names above, a scale below, and one stretch shaded.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::text;
use super::super::theme::Theme;

/// A mark.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Where, from 0 (left) to 1 (right).
    pub at: f64,
    /// What it is.
    pub name: String,
    /// Its character.
    pub glyph: &'static str,
    /// How mark and name look.
    pub style: Style,
    /// Whether it goes before the others: on their place, and with its name always there.
    pub first: bool,
}

/// A point of the scale.
#[derive(Debug, Clone)]
pub struct Tick {
    /// Where, from 0 to 1.
    pub at: f64,
    /// What stands there.
    pub label: String,
    /// How it looks.
    pub style: Style,
}

/// The line with all that is on it.
#[derive(Debug, Clone, Default)]
pub struct Ruler {
    /// The marks, in their order of importance.
    pub marks: Vec<Mark>,
    /// The scale; those that do not fit are left out, the last ones first.
    pub ticks: Vec<Tick>,
    /// The shaded stretch.
    pub shade: Option<(f64, f64)>,
}

/// The lines needed: at least one of names, the line, the scale.
pub const HEIGHT: u16 = 4;

/// Marks that share a cell.
struct Group<'a> {
    x: u16,
    marks: Vec<&'a Mark>,
}

impl Ruler {
    /// Draws it: names on all lines but the last two.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        if area.width < 3 || area.height == 0 {
            return;
        }
        let names = area.height.saturating_sub(2);
        let line = Rect {
            y: area.y + names,
            height: 1,
            ..area
        };
        self.line(buf, line, theme);
        self.names(
            buf,
            Rect {
                height: names,
                ..area
            },
            theme,
        );
        if area.height >= 2 {
            let scale = Rect {
                y: line.y + 1,
                height: 1,
                ..area
            };
            self.scale(buf, scale);
        }
    }

    fn groups(&self, area: Rect) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for mark in &self.marks {
            let x = place(mark.at, area);
            match groups.iter_mut().find(|g| g.x == x) {
                Some(group) if mark.first => group.marks.insert(0, mark),
                Some(group) => group.marks.push(mark),
                None => groups.push(Group {
                    x,
                    marks: vec![mark],
                }),
            }
        }
        groups.sort_by_key(|g| (!g.marks[0].first, std::cmp::Reverse(g.x)));
        groups
    }

    fn line(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let glyphs = theme.glyphs;
        let across = glyphs.rule.repeat(usize::from(area.width));
        buf.set_string(area.x, area.y, across, theme.rule);
        if let Some((from, to)) = self.shade {
            for x in place(from, area)..place(to, area) {
                buf.set_string(x, area.y, glyphs.shade, theme.accent);
            }
        }
        buf.set_string(area.x, area.y, glyphs.log_start, theme.rule);
        buf.set_string(area.right() - 1, area.y, glyphs.log_end, theme.accent);
        for group in self.groups(area) {
            let mark = group.marks[0];
            buf.set_string(group.x, area.y, mark.glyph, mark.style);
        }
    }

    /// The names over their marks, on the lowest line where there is room: of a few ways to place them
    /// the one that finds room for most.
    fn names(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let groups = self.groups(area);
        let labels: Vec<Vec<(String, Style)>> = groups
            .iter()
            .map(|group| label(group, area.width, theme))
            .collect();
        let wide = |label: &Vec<(String, Style)>| {
            let cells: usize = label.iter().map(|(part, _)| text::width(part)).sum();
            u16::try_from(cells)
                .unwrap_or(u16::MAX)
                .clamp(1, area.width)
        };
        let wanted: Vec<(u16, u16)> = groups
            .iter()
            .zip(&labels)
            .map(|(group, label)| (group.x, wide(label)))
            .collect();
        for placed in most(&wanted, area) {
            let y = area.bottom() - 1 - placed.level;
            for below in y + 1..area.bottom() {
                let x = groups[placed.group].x;
                buf.set_string(x, below, theme.glyphs.leader, theme.rule);
            }
            let (mut x, end) = (placed.from, placed.from + wanted[placed.group].1);
            for (part, style) in &labels[placed.group] {
                let room = usize::from(end.saturating_sub(x));
                x = buf.set_stringn(x, y, part, room, *style).0;
            }
        }
    }

    fn scale(&self, buf: &mut Buffer, area: Rect) {
        let mut taken: Vec<(u16, u16)> = Vec::new();
        for tick in &self.ticks {
            let wide = u16::try_from(text::width(&tick.label)).unwrap_or(u16::MAX);
            if wide == 0 || wide > area.width {
                continue;
            }
            let x = place(tick.at, area);
            let from = x
                .saturating_sub(wide / 2)
                .clamp(area.x, area.right() - wide);
            let to = from + wide - 1;
            if taken.iter().all(|(a, b)| to + 2 < *a || *b + 2 < from) {
                buf.set_string(from, area.y, &tick.label, tick.style);
                taken.push((from, to));
            }
        }
    }
}

/// A name that has found room.
struct Placed {
    group: usize,
    level: u16,
    from: u16,
}

/// Of a few ways to place labels the one that finds room for most. Where marks stand close together, one of them
/// lifted above its neighbours may make room for all.
fn most(wanted: &[(u16, u16)], area: Rect) -> Vec<Placed> {
    let mut best: Vec<Placed> = Vec::new();
    let lifted = std::iter::once(None).chain((1..wanted.len()).map(Some));
    for lifted in lifted {
        for way in [(false, false), (false, true), (true, false), (true, true)] {
            if best.len() == wanted.len() {
                return best;
            }
            let placed = place_all(wanted, area, way, lifted);
            if placed.len() > best.len() {
                best = placed;
            }
        }
    }
    best
}

/// Finds room for labels: each by its mark's cell and its own width, in the order of importance, so
/// that the first always finds room. `rightward` takes the others from the left to the right;
/// `left_first` lets a label begin at its mark before it lets it end there. What is `lifted` does not stand on the
/// lowest line.
fn place_all(
    wanted: &[(u16, u16)],
    area: Rect,
    (rightward, left_first): (bool, bool),
    lifted: Option<usize>,
) -> Vec<Placed> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    if rightward && order.len() > 1 {
        order[1..].sort_by_key(|at| wanted[*at].0);
    }
    let free = |row: &[(u16, u16)], from: u16, to: u16| {
        row.iter().all(|(a, b)| to + 1 < *a || *b + 1 < from)
    };
    let mut taken: Vec<Vec<(u16, u16)>> = vec![Vec::new(); usize::from(area.height)];
    let mut placed = Vec::new();
    for group in order {
        let (x, wide) = wanted[group];
        let most = area.right() - wide;
        let ends = (x + 1).saturating_sub(wide).clamp(area.x, most);
        let begins = x.clamp(area.x, most);
        let ways = if left_first {
            [begins, ends]
        } else {
            [ends, begins]
        };
        let lowest = usize::from(lifted == Some(group));
        let found = (lowest..taken.len()).find_map(|level| {
            let below = taken[..level].iter().all(|row| free(row, x, x));
            let fits = |from: &u16| below && free(&taken[level], *from, *from + wide - 1);
            ways.into_iter().find(fits).map(|from| (level, from))
        });
        if let Some((level, from)) = found {
            for row in &mut taken[..level] {
                row.push((x, x));
            }
            taken[level].push((from, from + wide - 1));
            let level = u16::try_from(level).unwrap_or(0);
            placed.push(Placed { group, level, from });
        }
    }
    placed
}

/// The cell of a place on the line.
fn place(at: f64, area: Rect) -> u16 {
    let at = if at.is_finite() {
        at.clamp(0.0, 1.0)
    } else {
        0.0
    };
    // Between 0 and the width.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let cells = (at * f64::from(area.width.saturating_sub(1))).round() as u16;
    area.x + cells
}

/// The names of a group, as many as fit into a third of the line and the number of the others.
fn label(group: &Group<'_>, width: u16, theme: &Theme) -> Vec<(String, Style)> {
    let most = usize::from(width / 3).max(12);
    let mut parts: Vec<(String, Style)> = Vec::new();
    let mut used = 0;
    for (i, mark) in group.marks.iter().enumerate() {
        let lead = if i == 0 { "" } else { ", " };
        let rest = group.marks.len() - i;
        let wide = text::width(&mark.name) + lead.len();
        if i > 0 && used + wide > most {
            parts.push((format!(" +{rest}"), theme.dim));
            break;
        }
        used += wide;
        if i > 0 {
            parts.push((lead.to_owned(), theme.dim));
        }
        parts.push((mark.name.clone(), mark.style));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_overlap_and_stay_on_the_line() {
        let area = Rect::new(2, 0, 60, 2);
        let wanted = [(61, 6), (2, 5), (8, 7), (14, 5), (20, 9), (24, 9)];
        for way in [(false, false), (false, true), (true, false), (true, true)] {
            let placed = place_all(&wanted, area, way, None);
            assert!(placed.iter().any(|p| p.group == 0));
            for (i, a) in placed.iter().enumerate() {
                let end = |p: &Placed| p.from + wanted[p.group].1;
                assert!(a.from >= area.x && end(a) <= area.right());
                for b in &placed[..i] {
                    assert!(a.level != b.level || end(a) < b.from || end(b) < a.from);
                }
            }
        }
    }

    #[test]
    fn a_label_between_close_neighbours_stands_above_them() {
        let area = Rect::new(0, 0, 116, 3);
        // A mark of its own at the right, and three that stand close together.
        let wanted = [(26, 9), (115, 30), (63, 7), (59, 9), (51, 5)];
        let placed = most(&wanted, area);
        assert_eq!(placed.len(), wanted.len());
        assert!(placed.iter().any(|p| p.group == 3 && p.level == 1));
    }
}
