//! Characters as shapes: lines, blocks, dots and marks that must meet their neighbours, or that not every font has.

use std::fmt::Write as _;

use super::{CELL, Look};

/// How thick a line is, and a thick one.
const THIN: f64 = 1.2;
const THICK: f64 = 4.0;

/// Some cells in one line that look the same and are drawn in one piece.
#[derive(Debug, Default)]
pub struct Run {
    symbols: Vec<char>,
    left: f64,
    top: f64,
    look: Look,
}

impl Run {
    /// Takes the next cell in, where it goes on with what is here.
    pub fn takes(&mut self, c: char, left: f64, top: f64, look: &Look) -> bool {
        let Some(last) = self.symbols.last() else {
            self.symbols.push(c);
            (self.left, self.top, self.look) = (left, top, look.clone());
            return true;
        };
        let goes_on = is_braille(c) && is_braille(*last) || stretches(c) && c == *last;
        let touches = (self.cells(self.symbols.len()) - left).abs() < 0.1;
        let takes = goes_on && touches && self.look == *look;
        if takes {
            self.symbols.push(c);
        }
        takes
    }

    /// Where the cell with this number begins.
    fn cells(&self, count: usize) -> f64 {
        self.left + f64::from(u16::try_from(count).unwrap_or(u16::MAX)) * CELL.0
    }

    /// Writes what it is drawn as, and begins anew.
    pub fn finish(&mut self, out: &mut String) {
        let run = std::mem::take(self);
        let Some(first) = run.symbols.first() else {
            return;
        };
        let right = run.cells(run.symbols.len());
        let drawn = if is_braille(*first) {
            run.dots()
        } else {
            drawn(*first, run.left, right, run.top)
        };
        let (colour, ground) = (&run.look.colour, &run.look.ground);
        let dim = run.look.opacity();
        let _ = match drawn {
            Some(Drawn::Line(path, thick)) => writeln!(
                out,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{thick}\"{dim}/>"
            ),
            Some(Drawn::Dashes(path)) => writeln!(
                out,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{THIN}\" stroke-dasharray=\"3 1.5\"{dim}/>"
            ),
            Some(Drawn::Full(path)) => {
                writeln!(out, "<path d=\"{path}\" fill=\"{colour}\"{dim}/>")
            }
            Some(Drawn::Shade(path, part)) => {
                writeln!(
                    out,
                    "<path d=\"{path}\" fill=\"{colour}\" opacity=\"{part}\"/>"
                )
            }
            Some(Drawn::Hollow(path)) => writeln!(
                out,
                "<path d=\"{path}\" fill=\"{ground}\" stroke=\"{colour}\" stroke-width=\"{THIN}\"{dim}/>"
            ),
            None => Ok(()),
        };
    }

    /// The dots of braille characters: bits in the order of Unicode.
    fn dots(&self) -> Option<Drawn> {
        const PLACES: [(u8, u8); 8] = [
            (0, 0),
            (0, 1),
            (0, 2),
            (1, 0),
            (1, 1),
            (1, 2),
            (0, 3),
            (1, 3),
        ];
        let mut path = String::new();
        for (at, c) in self.symbols.iter().enumerate() {
            let bits = u32::from(*c) - 0x2800;
            let set = PLACES
                .iter()
                .enumerate()
                .filter(|(bit, _)| bits >> bit & 1 == 1);
            for (_, (x, y)) in set {
                let left = self.cells(at) + 1.0 + 4.5 * f64::from(*x);
                let top = self.top + 1.25 + 5.0 * f64::from(*y);
                let _ = write!(path, "M{left} {top}h2.5v2.5h-2.5z");
            }
        }
        Some(Drawn::Full(path))
    }
}

/// How something is drawn.
enum Drawn {
    /// A line, so thick.
    Line(String, f64),
    /// A line of dashes, two a cell.
    Dashes(String),
    /// Filled.
    Full(String),
    /// Filled in part.
    Shade(String, f64),
    /// An outline; what is behind does not show through.
    Hollow(String),
}

fn is_braille(c: char) -> bool {
    ('\u{2800}'..='\u{28ff}').contains(&c)
}

/// Whether several of it beside each other are one longer shape.
fn stretches(c: char) -> bool {
    matches!(c, '─' | '━' | '╌' | '░' | '▒' | '▓' | '▁'..='█')
}

/// Whether it is drawn as a shape.
pub fn is_one(c: char) -> bool {
    is_braille(c) || drawn(c, 0.0, CELL.0, 0.0).is_some()
}

/// A character, from `left` to `right`; `None` where it is text.
fn drawn(c: char, left: f64, right: f64, top: f64) -> Option<Drawn> {
    let place = Place {
        left,
        right,
        top,
        bottom: top + CELL.1,
        x: left + CELL.0 / 2.0,
        y: top + CELL.1 / 2.0,
    };
    place
        .of_box(c)
        .or_else(|| place.of_blocks(c))
        .or_else(|| place.of_marks(c))
        .or_else(|| place.of_signs(c))
}

/// The edges of a cell, and its middle.
struct Place {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: f64,
    y: f64,
}

impl Place {
    /// The lines of boxes: they end at the middle of the cell's edges.
    fn of_box(&self, c: char) -> Option<Drawn> {
        let Self {
            left,
            right,
            top,
            bottom,
            x,
            y,
        } = self;
        // The corner of a round box: from one side to the other, through the middle.
        let corner = |side: f64, end: f64| {
            let (dx, dy) = ((side - x).signum() * 4.0, (end - y).signum() * 4.0);
            format!("M{side} {y}H{}Q{x} {y} {x} {}V{end}", x + dx, y + dy)
        };
        let path = match c {
            '─' => format!("M{left} {y}H{right}"),
            '━' => return Some(Drawn::Line(format!("M{left} {y}H{right}"), THICK)),
            '╌' => return Some(Drawn::Dashes(format!("M{} {y}H{right}", left + 0.75))),
            '│' => format!("M{x} {top}V{bottom}"),
            '├' => format!("M{x} {top}V{bottom}M{x} {y}H{right}"),
            '┤' => format!("M{x} {top}V{bottom}M{left} {y}H{x}"),
            '└' => format!("M{x} {top}V{y}H{right}"),
            '╭' => corner(*right, *bottom),
            '╮' => corner(*left, *bottom),
            '╰' => corner(*right, *top),
            '╯' => corner(*left, *top),
            _ => return None,
        };
        Some(Drawn::Line(path, THIN))
    }

    /// Blocks fill their cell, or some eighths of it.
    fn of_blocks(&self, c: char) -> Option<Drawn> {
        let (w, h) = (self.right - self.left, CELL.1);
        let block =
            |top: f64, wide: f64, tall: f64| format!("M{} {top}h{wide}v{tall}h-{wide}z", self.left);
        Some(match c {
            '▁'..='█' => {
                let tall = h * f64::from(u32::from(c) - 0x2580) / 8.0;
                Drawn::Full(block(self.bottom - tall, w, tall))
            }
            '▌' => Drawn::Full(block(self.top, w / 2.0, h)),
            '░' => Drawn::Shade(block(self.y - 5.0, w, 10.0), 0.35),
            '▒' => Drawn::Shade(block(self.top, w, h), 0.5),
            '▓' => Drawn::Shade(block(self.top, w, h), 0.75),
            _ => return None,
        })
    }

    /// Circles, squares, diamonds and triangles.
    fn of_marks(&self, c: char) -> Option<Drawn> {
        let (x, y) = (self.x, self.y);
        let circle = |r: f64| {
            let across = 2.0 * r;
            format!(
                "M{} {y}a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0 -{across} 0z",
                x - r
            )
        };
        let square = format!("M{} {}h6.5v6.5h-6.5z", x - 3.25, y - 3.25);
        let diamond = format!("M{x} {}l4.4 5l-4.4 5l-4.4 -5z", y - 5.0);
        Some(match c {
            '●' => Drawn::Full(circle(3.75)),
            '○' => Drawn::Hollow(circle(3.25)),
            // A hole for the right half, drawn the other way round.
            '◐' => Drawn::Full(format!(
                "{}M{x} {}a2.5 2.5 0 0 1 0 5z",
                circle(3.75),
                y - 2.5
            )),
            '■' => Drawn::Full(square),
            '□' => Drawn::Hollow(square),
            '◆' => Drawn::Full(diamond),
            '◇' => Drawn::Hollow(diamond),
            '▲' => Drawn::Full(format!("M{x} {}l4.25 7.5h-8.5z", y - 4.0)),
            '▼' => Drawn::Full(format!("M{x} {}l4.25 -7.5h-8.5z", y + 4.0)),
            '▸' => Drawn::Full(format!("M{} {}l5.5 3.75l-5.5 3.75z", x - 2.5, y - 3.75)),
            '▾' => Drawn::Full(format!("M{x} {}l3.75 -5.5h-7.5z", y + 3.0)),
            _ => return None,
        })
    }

    /// Signs that not every font has.
    fn of_signs(&self, c: char) -> Option<Drawn> {
        let (x, y) = (self.x, self.y);
        let path = match c {
            '‖' => format!("M{} {}v10M{} {}v10", x - 2.0, y - 5.0, x + 2.0, y - 5.0),
            '✗' => format!("M{} {}l6.5 7.5m0 -7.5l-6.5 7.5", x - 3.25, y - 3.75),
            '⊘' => format!(
                "M{} {y}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0M{} {}l5 -5",
                x - 3.5,
                x - 2.5,
                y + 2.5
            ),
            '✓' => format!("M{} {y}l2.5 4l4.5 -8", x - 3.5),
            '→' => format!("M{} {y}h7m-3 -3l3 3l-3 3", x - 3.5),
            '←' => format!("M{} {y}h-7m3 -3l-3 3l3 3", x + 3.5),
            '↻' => format!(
                "M{} {}a3.75 3.75 0 1 0 .9 2.6m-.4 -5.6v3h-3",
                x + 2.6,
                y - 2.6
            ),
            '≋' => {
                let wave = |up: f64| format!("M{} {}q2 -2.5 4 0t4 0", x - 4.0, y + up);
                [-3.5, 0.0, 3.5].map(wave).concat()
            }
            _ => return None,
        };
        Some(Drawn::Line(path, 1.5))
    }
}
