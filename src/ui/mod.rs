//! The dashboard: state, update, draw. Knows the workspace's handle and its snapshots; no SQL, no files.

mod action;
mod answer;
mod ask;
mod background;
mod columns;
pub mod config;
pub mod journal;
mod json;
mod keymap;
pub mod once;
mod options;
mod run;
mod screen;
mod session;
mod signals;
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
pub use columns::ColumnName;
pub use keymap::Keymap;
pub use options::UiOptions;
pub use run::{Exit, UiError, run};
pub use screen::Screen;
pub use theme::{Theme, ThemeName};

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
