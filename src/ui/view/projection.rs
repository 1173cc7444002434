//! Draws the Projection screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::state::Model;
use super::super::theme::Theme;

/// Draws it.
pub fn draw(_model: &Model, _theme: &Theme, _area: Rect, _buf: &mut Buffer) {}
