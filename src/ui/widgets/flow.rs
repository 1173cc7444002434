//! Short pieces one after the other on as many lines as they need: none is split.

use ratatui::text::{Line, Span};

/// A piece: some spans that stay together.
pub type Piece = Vec<Span<'static>>;

/// The pieces on lines of at most `width` cells, with `between` them. Lines after the first begin
/// `hang` cells further in.
pub fn lines(
    pieces: Vec<Piece>,
    between: &Span<'static>,
    width: u16,
    hang: u16,
) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let mut lines: Vec<Line<'static>> = Vec::new();
    for piece in pieces {
        let cells: usize = piece.iter().map(Span::width).sum();
        match lines.last_mut() {
            Some(line) if line.width() + between.width() + cells <= width => {
                line.spans.push(between.clone());
                line.spans.extend(piece);
            }
            None => lines.push(Line::from(piece)),
            Some(_) => {
                let mut line = Line::from(" ".repeat(usize::from(hang)));
                line.spans.extend(piece);
                lines.push(line);
            }
        }
    }
    lines
}

/// The first pieces that fit on one line.
pub fn one_line(pieces: Vec<Piece>, between: &Span<'static>, width: u16) -> Line<'static> {
    let mut line = Line::default();
    for piece in pieces {
        let cells: usize = piece.iter().map(Span::width).sum();
        let space = if line.spans.is_empty() {
            0
        } else {
            between.width()
        };
        if line.width() + space + cells > usize::from(width) {
            break;
        }
        if space > 0 {
            line.spans.push(between.clone());
        }
        line.spans.extend(piece);
    }
    line
}
