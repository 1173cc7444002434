//! A drawn frame as a picture: SVG, the same bytes for the same frame.
//!
//! Box, block and braille characters are drawn as shapes, so that lines meet whatever the font is.

mod shape;

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::text;
use super::theme::Theme;
use shape::Run;

/// A cell, in units of the picture.
const CELL: (f64, f64) = (9.0, 20.0);
/// The size of the text; most monospaced fonts are 0.6 as wide.
const FONT: f64 = 15.0;
/// The space around the frame, and the bar with the title.
const MARGIN: f64 = 16.0;
const BAR: f64 = 36.0;

const FAMILY: &str =
    "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";

/// Draws a frame as SVG, on the background of its theme, with a title above.
pub fn render(buffer: &Buffer, title: &str, theme: &Theme) -> String {
    let paper = Colours::of(theme);
    let area = buffer.area;
    let width = f64::from(area.width) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(area.height) * CELL.1 + MARGIN + BAR;
    let mut out = String::new();
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"{FAMILY}\" font-size=\"{FONT}\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"{}\"/>\n\
         <text x=\"{}\" y=\"23\" text-anchor=\"middle\" fill=\"#8b93a1\" font-size=\"13\">{}</text>\n",
        escaped(title),
        paper.ground,
        width / 2.0,
        escaped(title)
    );
    out.push_str(&head);
    for (at, colour) in ["#e0655f", "#d9a441", "#6aa84f"].iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let x = MARGIN + 6.0 + at as f64 * 18.0;
        let _ = writeln!(
            out,
            "<circle cx=\"{x}\" cy=\"18\" r=\"5.5\" fill=\"{colour}\"/>"
        );
    }
    for y in 0..area.height {
        row(buffer, y, &paper, &mut out);
    }
    out.push_str("</svg>\n");
    out
}

/// One line: backgrounds, then shapes, and words in one piece each.
fn row(buffer: &Buffer, y: u16, paper: &Colours, out: &mut String) {
    let top = BAR + f64::from(y) * CELL.1;
    let (mut word, mut run) = (Word::default(), Run::default());
    backgrounds(buffer, y, paper, out);
    let mut skip = 0;
    for x in 0..buffer.area.width {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let cell = &buffer[(buffer.area.x + x, buffer.area.y + y)];
        let symbol = cell.symbol();
        let wide = text::width(symbol).max(1);
        skip = wide - 1;
        let look = Look::of(cell, paper);
        let left = left_of(x);
        let shape = symbol.chars().next().filter(|c| shape::is_one(*c));
        let blank = symbol.trim().is_empty();
        // A cell of its own, whatever the font makes of it.
        let alone = !symbol.is_ascii();
        if blank || alone || !word.continues(&look) {
            word.finish(out);
        }
        if let Some(c) = shape {
            if !run.takes(c, left, top, &look) {
                run.finish(out);
                run.takes(c, left, top, &look);
            }
        } else if !blank {
            word.push(symbol, left, top, look, wide);
            if alone {
                word.finish(out);
            }
        }
    }
    word.finish(out);
    run.finish(out);
}

/// Where a column begins.
fn left_of(x: u16) -> f64 {
    MARGIN + f64::from(x) * CELL.0
}

/// What is behind the cells of a line: neighbours with the same colour in one piece.
fn backgrounds(buffer: &Buffer, y: u16, paper: &Colours, out: &mut String) {
    let (area, top) = (buffer.area, BAR + f64::from(y) * CELL.1);
    let mut behind: Vec<Option<String>> = Vec::with_capacity(usize::from(area.width));
    while behind.len() < usize::from(area.width) {
        let x = u16::try_from(behind.len()).unwrap_or(u16::MAX);
        let cell = &buffer[(area.x + x, area.y + y)];
        let wide = text::width(cell.symbol()).max(1);
        let colour = Look::of(cell, paper).background;
        behind.extend(std::iter::repeat_n(colour, wide));
    }
    let mut x = 0;
    for same in behind.chunk_by(PartialEq::eq) {
        let end = x + u16::try_from(same.len()).unwrap_or(u16::MAX);
        if let Some(colour) = &same[0] {
            let _ = writeln!(
                out,
                "<rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"{colour}\"/>",
                left_of(x),
                left_of(end) - left_of(x),
                CELL.1
            );
        }
        x = end;
    }
}

/// The picture's background and text.
struct Colours {
    ground: String,
    text: String,
}

impl Colours {
    fn of(theme: &Theme) -> Self {
        let hex = |(r, g, b)| format!("#{r:02x}{g:02x}{b:02x}");
        Self {
            ground: hex(theme.paper.ground),
            text: hex(theme.paper.text),
        }
    }
}

/// How a cell looks, in colours of the picture.
#[derive(Debug, Clone, Default, PartialEq)]
struct Look {
    colour: String,
    background: Option<String>,
    /// What is behind it.
    ground: String,
    bold: bool,
    dim: bool,
    underlined: bool,
}

impl Look {
    fn of(cell: &Cell, paper: &Colours) -> Self {
        let mut front = colour(cell.fg).unwrap_or_else(|| paper.text.clone());
        let mut back = colour(cell.bg);
        if cell.modifier.contains(Modifier::REVERSED) {
            let behind = back.unwrap_or_else(|| paper.ground.clone());
            back = Some(front);
            front = behind;
        }
        Self {
            ground: back.clone().unwrap_or_else(|| paper.ground.clone()),
            colour: front,
            background: back,
            bold: cell.modifier.contains(Modifier::BOLD),
            dim: cell.modifier.contains(Modifier::DIM),
            underlined: cell.modifier.contains(Modifier::UNDERLINED),
        }
    }

    fn opacity(&self) -> &'static str {
        if self.dim { " opacity=\"0.6\"" } else { "" }
    }
}

/// Characters that stand together and look the same.
#[derive(Debug, Default)]
struct Word {
    text: String,
    left: f64,
    top: f64,
    look: Look,
    cells: usize,
}

impl Word {
    fn continues(&self, look: &Look) -> bool {
        self.text.is_empty() || self.look == *look
    }

    fn push(&mut self, symbol: &str, left: f64, top: f64, look: Look, cells: usize) {
        if self.text.is_empty() {
            (self.left, self.top, self.look, self.cells) = (left, top, look, 0);
        }
        self.text.push_str(symbol);
        self.cells += cells;
    }

    fn finish(&mut self, out: &mut String) {
        if self.text.is_empty() {
            return;
        }
        let look = &self.look;
        let bold = if look.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let line = if look.underlined {
            " text-decoration=\"underline\""
        } else {
            ""
        };
        let cells = u16::try_from(self.cells).unwrap_or(u16::MAX);
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{bold}{line}{}>{}</text>",
            self.left,
            self.top + 15.0,
            f64::from(cells) * CELL.0,
            look.colour,
            look.opacity(),
            escaped(&self.text)
        );
        self.text.clear();
    }
}

/// A colour of the terminal in the picture; `None` for the default.
fn colour(colour: Color) -> Option<String> {
    const NAMED: [&str; 16] = [
        "#1c2129", "#d0605e", "#6aa84f", "#d08c35", "#4f86c6", "#9a7ecc", "#2ba5b5", "#c8cdd6",
        "#6b7280", "#e57373", "#8bc34a", "#f0b849", "#6fa8dc", "#b39ddb", "#4dd0e1", "#ffffff",
    ];
    let index = match colour {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => return Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Some(match index {
        0..16 => NAMED[usize::from(index)].to_owned(),
        16..232 => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + n * 40 };
            let cube = index - 16;
            let (r, g, b) = (level(cube / 36), level(cube / 6 % 6), level(cube % 6));
            format!("#{r:02x}{g:02x}{b:02x}")
        }
        _ => {
            let grey = 8 + (index - 232) * 10;
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    })
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !crate::event::is_disguise(*c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn the_same_frame_is_the_same_picture_and_text_is_escaped() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "a<b ─▅⣿", Style::new().fg(Color::Indexed(38)));
        let picture = render(&buffer, "x & y", &Theme::dark());
        assert_eq!(picture, render(&buffer, "x & y", &Theme::dark()));
        assert!(picture.contains("a&lt;b") && picture.contains("x &amp; y"));
        assert!(picture.contains("#00afd7"));
        // A line, a block and eight dots are shapes, not text.
        assert_eq!(picture.matches("<path").count(), 3);
        assert_eq!(picture.matches("h2.5v2.5").count(), 8);
        assert!(!picture.contains('▅'));
    }

    #[test]
    fn neighbours_are_one_piece_and_a_wide_character_keeps_its_two_cells() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, "────日x", Style::new().bg(Color::Indexed(38)));
        let picture = render(&buffer, "", &Theme::dark());
        assert_eq!(picture.matches("<path").count(), 1);
        assert!(picture.contains("M16 46H52"), "{picture}");
        assert_eq!(picture.matches("fill=\"#00afd7\"").count(), 1);
        assert!(picture.contains("<text x=\"52\" y=\"51\" textLength=\"18\""));
        assert!(picture.contains("<text x=\"70\" y=\"51\" textLength=\"9\""));
    }

    #[test]
    fn every_mark_is_a_shape_or_in_every_font() {
        // Of WGL4, which the fonts of all systems have, and of the same width there.
        const IN_FONTS: &str = "·…≥≤−–≠×µ";
        let all = format!("{:?}", Theme::dark().glyphs);
        let others = all.chars().filter(|c| !c.is_ascii());
        for c in others.filter(|c| !IN_FONTS.contains(*c)) {
            assert!(shape::is_one(c), "{c}");
        }
    }
}
