//! The dashboard: state, update, draw. Knows the workspace's handle and its snapshots; no SQL, no files.

mod action;
mod ask;
pub mod journal;
mod json;
mod keymap;
mod run;
mod screen;
mod state;
pub mod svg;
mod terminal;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod update;
mod view;
mod widgets;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

pub use action::markdown as keys_as_markdown;
pub use run::{Exit, UiError, UiOptions, run};
pub use theme::Theme;

use crate::workspace::Snapshot;
use state::Model;

/// The Overview of a snapshot at a size, as a drawn frame: for a picture with [`svg::render`].
pub fn picture(snapshot: &Snapshot, width: u16, height: u16, theme: &Theme) -> Buffer {
    let size = Size::new(width, height);
    let model = Model::new(Arc::new(snapshot.clone()), Arc::new([]), size);
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    view::draw(&model, theme, area, &mut buffer);
    buffer
}

/// The Overview of a snapshot as text, at most `width` (and at least 40) cells wide, as long as it
/// needs to be, without colours and keys.
pub fn plain(snapshot: &Snapshot, width: u16, theme: &Theme) -> String {
    let size = Size::new(width, u16::MAX);
    let mut model = Model::new(Arc::new(snapshot.clone()), Arc::new([]), size);
    model.overview.still = true;
    view::plain::text(&view::plain::draw(&model, theme, width))
}
