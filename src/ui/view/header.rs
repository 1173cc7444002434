//! The head of the screen: which workspace, who runs it, how far the log is, and breaches first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::state::Model;
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::flow::{self, Piece};
use super::words::{own, span};
use super::{put, put_right};
use crate::lag::Status;
use crate::workspace::{Durability, Snapshot};

/// How many lines it takes.
pub fn height(model: &Model, area: Rect) -> u16 {
    let wrong = !model.snapshot.problems.is_empty() || !model.snapshot.engine.running;
    2 + u16::from(wrong && area.height >= 12)
}

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let snapshot = &model.snapshot;
    let name = name(snapshot, theme, area.width);
    let room = usize::from(area.width).saturating_sub(name.width() + 2);
    let variants = [
        (true, true, true),
        (true, true, false),
        (true, false, false),
    ];
    let fits = variants
        .into_iter()
        .map(|(engine, rate, words)| right(snapshot, theme, engine, rate, words))
        .find(|line| line.width() <= room);
    let right = fits.unwrap_or_else(|| right(snapshot, theme, false, false, false));
    let left = path(
        snapshot,
        theme,
        name,
        room.saturating_sub(right.width() + 2),
    );
    put(buf, area, 0, &left);
    put_right(buf, area, 0, left.width(), &right);

    let health = health(snapshot, theme, area.width);
    put(buf, area, 1, &health);
    let room = usize::from(area.width).saturating_sub(health.width() + 3);
    let counts = counts(model, theme);
    let fitting = counts.into_iter().find(|line| line.width() <= room);
    if let Some(counts) = fitting {
        put_right(buf, area, 1, health.width(), &counts);
    }
    if area.height > 2 {
        put(buf, area, 2, &problem(snapshot, theme, area.width));
    }
}

/// The name.
fn name(snapshot: &Snapshot, theme: &Theme, width: u16) -> Line<'static> {
    let mut line = Line::from(own(format!(" {} ", theme.glyphs.wave), theme.accent));
    if width >= 70 {
        line.push_span(own("highwater", theme.title));
        line.push_span(Span::raw("  "));
    }
    let most = usize::from(width / 4).max(8);
    let name = text::cut(&snapshot.workspace.name, most, theme.glyphs.ellipsis);
    line.push_span(span(&name, theme.strong));
    line
}

/// The name and where the data is, in so many more cells.
fn path(snapshot: &Snapshot, theme: &Theme, mut name: Line<'static>, room: usize) -> Line<'static> {
    if room >= 8 {
        let path = snapshot.workspace.path.display().to_string();
        let path = text::cut_front(&path, room, theme.glyphs.ellipsis);
        name.push_span(Span::raw("  "));
        name.push_span(span(&path, theme.dim));
    }
    name
}

/// Engine, durability, head and the events a second; the head is always there.
fn right(
    snapshot: &Snapshot,
    theme: &Theme,
    engine: bool,
    rate: bool,
    words: bool,
) -> Line<'static> {
    let mut pieces = Vec::new();
    if engine {
        pieces.push(vec![match snapshot.engine {
            e if !e.running => own(format!("{} no engine runs", theme.glyphs.dead), theme.bad),
            e if e.here => own("engine here", theme.dim),
            e => match e.pid {
                Some(pid) => own(format!("engine pid {pid}"), theme.dim),
                None => own("engine elsewhere", theme.dim),
            },
        }]);
    }
    if snapshot.workspace.durability == Durability::Relaxed {
        let name = if words {
            "durability relaxed"
        } else {
            "relaxed"
        };
        pieces.push(vec![own(name, theme.warn)]);
    }
    pieces.push(vec![
        own("head ", theme.dim),
        own(text::thousands(snapshot.head.get()), theme.strong),
    ]);
    if let Some(stored) = snapshot.stored_per_second.filter(|_| rate) {
        pieces.push(vec![
            own(text::rate(stored), theme.text),
            own(" events/s", theme.dim),
        ]);
    }
    let mut line = flow::one_line(pieces, &Span::raw("  "), u16::MAX);
    line.push_span(Span::raw(" "));
    line
}

/// What is wrong, or that nothing is.
fn health(snapshot: &Snapshot, theme: &Theme, width: u16) -> Line<'static> {
    let breaches: Vec<_> = snapshot.projections.iter().filter(|v| v.breach).collect();
    let stopped = snapshot.projections.iter().filter(|v| {
        !v.breach
            && matches!(
                v.lag.status,
                Status::Faulted(_) | Status::Dead | Status::Ahead | Status::Stalled
            )
    });
    let mut pieces = Vec::new();
    if !breaches.is_empty() {
        let many = text::count(breaches.len() as u64, "breach", "breaches");
        let words = format!("{} {many}", theme.glyphs.breach);
        pieces.push(vec![Span::raw(" "), own(words, theme.bad)]);
    }
    // Before the breaches are named: some of them may not be for real.
    let mut dot = false;
    let faulty = snapshot.projections.iter().filter(|v| v.injected.is_some());
    let faulty: Vec<&str> = faulty.map(|view| view.name.as_str()).collect();
    if !faulty.is_empty() {
        let faulty = faulty.join(", ");
        pieces.push(vec![
            own(" fault injected in ", theme.held),
            span(&faulty, theme.text),
        ]);
        dot = true;
    }
    for view in breaches {
        let over = view.objective.map(text::limit).unwrap_or_default();
        // Else the first breach would read as one more name with a fault.
        let late = std::mem::take(&mut dot)
            .then(|| own(format!("{}  late: ", theme.glyphs.dot), theme.dim));
        let mut piece: Piece = late.into_iter().collect();
        piece.push(span(&view.name, theme.text));
        // A breach is over only once the objective was held for a few looks.
        if view.objective.is_some_and(|most| view.lag.age <= most) {
            piece.push(own(format!(" within {over} again"), theme.dim));
        } else {
            let age = own(format!(" {}", text::span(view.lag.age)), theme.warn);
            piece.extend([age, own(format!(" of {over}"), theme.dim)]);
        }
        pieces.push(piece);
    }
    for view in stopped {
        let (glyph, word, style) = super::words::status(view.lag.status, theme);
        pieces.push(vec![
            Span::raw(" "),
            own(format!("{glyph} {word}"), style),
            Span::raw(" "),
            span(&view.name, theme.text),
        ]);
    }
    let parked = snapshot.projections.iter().filter(|view| view.parked > 0);
    for view in parked {
        pieces.push(vec![
            own(
                format!(
                    " {} parked in ",
                    text::count(view.parked, "event", "events")
                ),
                theme.warn,
            ),
            span(&view.name, theme.text),
        ]);
    }
    if pieces.is_empty() {
        let line = if snapshot.projections.is_empty() {
            own(" no projections yet", theme.dim)
        } else {
            own(format!(" {} ", theme.glyphs.done), theme.good)
        };
        let mut line = Line::from(line);
        if !snapshot.projections.is_empty() {
            line.push_span(own("every objective is met", theme.dim));
        }
        return line;
    }
    flow::one_line(pieces, &Span::raw("  "), width)
}

/// What the commands sent from this process came to, and the load: from all of it to the least that says something. The load
/// is what somebody has switched on, and stays longest. Where there is less room, what was refused is told in one
/// number before it is left out.
fn counts(model: &Model, theme: &Theme) -> [Line<'static>; 4] {
    let counts = model.snapshot.commands;
    let part = |number: u64, word: &str| {
        let style = if number > 0 { theme.text } else { theme.dim };
        [
            own(text::thousands(number), style),
            own(format!(" {word} "), theme.dim),
        ]
    };
    let accepted = part(counts.accepted, "accepted").to_vec();
    let mut rest = vec![Span::raw(" ")];
    rest.extend(part(counts.rejected, "rejected"));
    rest.push(Span::raw(" "));
    rest.extend(part(counts.conflict, "in conflict"));
    let mut in_all = vec![Span::raw(" ")];
    in_all.extend(part(counts.rejected + counts.conflict, "refused"));
    let title = own("sent here ", theme.dim);
    let load = model.load.filter(|load| *load > 0.0);
    let load = load.map(|load| own(format!("load {}/s ", text::rate(load)), theme.dim));
    let between = load.is_some().then(|| Span::raw("  "));
    let load: Vec<_> = load.into_iter().collect();
    let here = own("here ", theme.dim);
    let behind_load = |spans: Vec<Span<'static>>| {
        let load = load.iter().cloned().chain(between.clone());
        Line::from(load.chain(spans).collect::<Vec<_>>())
    };
    let sent = [vec![title], accepted.clone()].concat();
    let short = [accepted.clone(), vec![here]].concat();
    let least = if load.is_empty() {
        Line::from(short.clone())
    } else {
        Line::from(load.clone())
    };
    [
        behind_load([sent, rest].concat()),
        behind_load([accepted, in_all].concat()),
        behind_load(short),
        least,
    ]
}

/// The first problem that belongs to no projection, and how many more there are; or what to do where
/// nobody applies events.
fn problem(snapshot: &Snapshot, theme: &Theme, width: u16) -> Line<'static> {
    let none = "Nobody applies events here: start an engine with highwater run.";
    let stopped = (!snapshot.engine.running).then_some(none);
    let mut all = stopped
        .into_iter()
        .chain(snapshot.problems.iter().map(String::as_str));
    let Some(first) = all.next().and_then(|problem| problem.lines().next()) else {
        return Line::default();
    };
    let more = match all.count() {
        0 => String::new(),
        n => format!("  (+{n} more)"),
    };
    let room = usize::from(width).saturating_sub(4 + more.len());
    let text = text::cut(&text::clean(first), room, theme.glyphs.ellipsis);
    Line::from(vec![
        Span::raw(" "),
        own(theme.glyphs.failed, theme.bad),
        Span::raw(" "),
        own(text, theme.text),
        own(more, theme.dim),
    ])
}
