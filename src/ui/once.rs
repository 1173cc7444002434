//! One picture of a screen, without a terminal: drawn once everything that the screen asks for is answered.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use tokio::time::timeout;

use super::options::UiOptions;
use super::run::UiError;
use super::screen::Screen;
use super::session::Session;
use super::state::Model;
use super::svg;
use super::text::clean;
use super::theme::Theme;
use super::view;
use crate::workspace::Operator;

/// How long answers are waited for; then what is there is drawn, as the dashboard draws what is on its way.
const PATIENCE: Duration = Duration::from_secs(5);

/// The screen that the options name, `width` by `height` cells, as SVG. Errors: it cannot be of what they say.
pub async fn picture(
    operator: Operator,
    options: &UiOptions,
    (width, height): (u16, u16),
) -> Result<String, UiError> {
    let model = settled(operator, options, Size::new(width, height), false).await?;
    Ok(svg(&model, &options.theme()))
}

/// The screen that the options name as text, without colours, tabs and keys: at most `width` (and at least 40) cells
/// wide, and `height` (and at least 8) lines tall. The Overview is as tall as it needs to be. Errors: the screen cannot
/// be of what they say.
pub async fn plain(
    operator: Operator,
    options: &UiOptions,
    (width, height): (u16, u16),
) -> Result<String, UiError> {
    let height = match options.start {
        Screen::Overview => u16::MAX,
        _ => height.max(view::SMALLEST.1),
    };
    let size = Size::new(width.max(view::SMALLEST.0), height);
    let model = settled(operator, options, size, true).await?;
    let text = view::plain::text(&view::plain::draw(&model, &options.theme()));
    Ok(format!("{}\n", text.trim_end()))
}

/// The model of a screen that has its answers. A `still` one is drawn for nobody who could press a key.
async fn settled(
    operator: Operator,
    options: &UiOptions,
    size: Size,
    still: bool,
) -> Result<Model, UiError> {
    let mut session = Session::new(operator, options, size);
    session.model.still = still;
    session.begin(options)?;
    session.logged();
    // Where it takes longer, the screen itself says what is still on its way.
    let _ = timeout(PATIENCE, session.settle()).await;
    Ok(session.model)
}

/// The screen as it is, as SVG.
pub fn svg(model: &Model, theme: &Theme) -> String {
    let area = Rect::from((Position::ORIGIN, model.size));
    let mut buffer = Buffer::empty(area);
    view::draw(model, theme, area, &mut buffer);
    svg::render(&buffer, &clean(&model.snapshot.workspace.name), theme)
}
