//! From one screen to another, what counts on all of them, and whose turn an action is.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::super::action::{Action, within};
use super::super::screen::Screen;
use super::super::state::commands::Chooser;
use super::super::state::editor::Editor;
use super::super::state::filter::Filter;
use super::super::state::line::CommandLine;
use super::super::state::ripple::Reach;
use super::super::state::{Layer, Model, Narrowing, Said, Tone};
use super::super::theme::ThemeName;
use super::super::view;
use super::{Effect, events, export, load, log, overview, projection, rebuilds, stream, time};

/// How many screens back one can go.
const TRAIL: usize = 20;

/// Shows a screen; what it needs is asked for.
pub fn go(model: &mut Model, screen: Screen) -> Vec<Effect> {
    model.layers.clear();
    if model.screen != screen {
        overview::pin(model);
        model.trail.retain(|before| *before != screen);
        model.trail.push(model.screen);
        if model.trail.len() > TRAIL {
            model.trail.remove(0);
        }
        model.screen = screen;
        forget(model);
    }
    opened(model)
}

/// Takes the filter away that what is shown is narrowed by; else back to the screen that one came from. The Overview, the
/// first of them, has its last message taken away.
fn back(model: &mut Model) -> Vec<Effect> {
    let is_narrowed = model.is_narrowed();
    let effects = if is_narrowed {
        narrow(model, "")
    } else {
        Vec::new()
    };
    if model.screen == Screen::Overview {
        model.said = None;
        model.trail.clear();
    }
    if is_narrowed || model.screen == Screen::Overview {
        return effects;
    }
    model.screen = model.trail.pop().unwrap_or_default();
    forget(model);
    opened(model)
}

/// What was said belongs to the screen that it was said on, but for what went wrong and what is still waited for.
fn forget(model: &mut Model) {
    let stays = match &model.said {
        Some(Said::Note(tone, _)) => *tone == Tone::Bad,
        Some(Said::Ripple(ripple)) => {
            let views = &model.snapshot.projections;
            views
                .iter()
                .map(|view| ripple.reach(view, model.now))
                .any(|reach| !matches!(reach, Reach::Visible(_) | Reach::Skipped))
        }
        None => true,
    };
    if !stays {
        model.said = None;
    }
}

fn opened(model: &mut Model) -> Vec<Effect> {
    match model.screen {
        Screen::Overview => Vec::new(),
        Screen::Events => events::opened(model),
        Screen::Projection => projection::opened(model),
        Screen::Stream => stream::opened(model),
        Screen::Time => time::opened(model),
        Screen::Rebuilds => rebuilds::opened(model),
        Screen::Log => log::opened(model),
    }
}

/// A new picture of the workspace is shown.
pub fn seen(model: &mut Model) -> Vec<Effect> {
    match model.screen {
        Screen::Overview | Screen::Log => Vec::new(),
        Screen::Time => time::seen(model),
        Screen::Events => events::seen(model),
        Screen::Projection => projection::seen(model),
        Screen::Stream => stream::seen(model),
        Screen::Rebuilds => rebuilds::seen(model),
    }
}

/// An action with nothing over the screen.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Go(Screen::Stream) if model.screen == Screen::Events => {
            return events::open_stream(model);
        }
        Action::Go(screen) => return go(model, screen),
        Action::NextScreen => return go(model, model.screen.turned(1)),
        Action::PreviousScreen => return go(model, model.screen.turned(Screen::ALL.len() - 1)),
        Action::Close => {
            return events::is_closed(model).unwrap_or_else(|| back(model));
        }
        Action::Freeze => return freeze(model),
        Action::Line => return line(model),
        Action::Load => return load::turn(model),
        Action::Faster | Action::Slower => return load::step(model, action == Action::Faster),
        Action::Mouse => return mouse_over(model),
        Action::Theme => {
            let at = ThemeName::ALL
                .iter()
                .position(|theme| *theme == model.theme);
            let next = at.map_or(0, |at| (at + 1) % ThemeName::ALL.len());
            return themed(model, ThemeName::ALL[next]);
        }
        Action::Commands => {
            let chooser = Chooser::new(model.commands.clone());
            model.layers.push(Layer::Commands(chooser));
            return super::keys_known(model);
        }
        Action::Export => return export::table(model, export::Format::Csv),
        Action::Picture => return export::picture(model),
        // It needs words: the line for them, begun.
        Action::Fault => {
            let line = CommandLine {
                editor: Editor::new("fault "),
                ..CommandLine::default()
            };
            model.layers.push(Layer::Line(line));
        }
        Action::Filter => {
            let before = model.narrowed_to().to_owned();
            let editor = Editor::new(before.clone());
            model.layers.push(Layer::Filter(Narrowing {
                editor,
                before,
                is_refused: false,
            }));
        }
        _ => return of_screen(model, action),
    }
    Vec::new()
}

fn of_screen(model: &mut Model, action: Action) -> Vec<Effect> {
    match model.screen {
        Screen::Overview => overview::act(model, action),
        Screen::Events => events::act(model, action),
        Screen::Projection => projection::act(model, action),
        Screen::Stream => stream::act(model, action),
        Screen::Time => time::act(model, action),
        Screen::Rebuilds => rebuilds::act(model, action),
        Screen::Log => log::act(model, action),
    }
}

/// Esc where one pane has the whole screen gives the others back, as on the Events screen; `None` where all are
/// there, or where there is no room for more than one.
pub fn is_zoomed_out(model: &mut Model) -> Option<Vec<Effect>> {
    let zoomed = match model.screen {
        Screen::Overview => model.overview.panes.zoomed,
        Screen::Projection => model.projection.panes.zoomed && view::projection_has_room(model),
        Screen::Stream => {
            let shown = model.stream.shown.as_ref();
            shown.is_some_and(|shown| shown.panes.zoomed)
        }
        Screen::Rebuilds => model.rebuilds.panes.zoomed,
        Screen::Events | Screen::Time | Screen::Log => false,
    };
    (zoomed && model.layers.is_empty()).then(|| of_screen(model, Action::Zoom))
}

/// Narrows the screen's table.
pub fn narrow(model: &mut Model, text: &str) -> Vec<Effect> {
    let filter = Filter::parse(text);
    match model.screen {
        Screen::Overview => {
            model.overview.table.filter = filter;
            Vec::new()
        }
        Screen::Events => events::filtered(model, filter),
        Screen::Projection => projection::filtered(model, filter),
        Screen::Stream => stream::filtered(model, filter),
        Screen::Time => Vec::new(),
        Screen::Rebuilds => rebuilds::filtered(model, filter),
        Screen::Log => log::filtered(model, filter),
    }
}

/// Lets the picture stand still, or follow again.
fn freeze(model: &mut Model) -> Vec<Effect> {
    match model.newest.take() {
        Some(newest) => {
            model.snapshot = newest;
            seen(model)
        }
        None => {
            model.newest = Some(model.snapshot.clone());
            Vec::new()
        }
    }
}

/// Opens the command line, over whatever is there.
pub fn line(model: &mut Model) -> Vec<Effect> {
    model.layers.push(Layer::Line(CommandLine::default()));
    super::keys_known(model)
}

/// Another theme, until the end; and how it is kept.
pub fn themed(model: &mut Model, theme: ThemeName) -> Vec<Effect> {
    model.theme = theme;
    let words = format!(
        "theme {theme}. To keep it, write theme = \"{theme}\" under [ui] in ~/.config/highwater/config.toml"
    );
    model.say(Tone::Info, words);
    vec![Effect::Theme(theme)]
}

fn mouse_over(model: &mut Model) -> Vec<Effect> {
    model.mouse = !model.mouse;
    let what = if model.mouse {
        "the mouse chooses rows"
    } else {
        "the mouse is the terminal's: select text with it"
    };
    model.say(Tone::Info, what);
    vec![Effect::Mouse(model.mouse)]
}

/// The mouse: a click chooses a screen or a row, the wheel moves the choice.
pub fn mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    if !model.mouse {
        return Vec::new();
    }
    let scroll = match event.kind {
        MouseEventKind::ScrollUp => Action::Up,
        MouseEventKind::ScrollDown => Action::Down,
        MouseEventKind::Down(MouseButton::Left) if model.layers.is_empty() => {
            return clicked(model, event.column, event.row);
        }
        MouseEventKind::Drag(MouseButton::Left) if model.layers.is_empty() => {
            return time::dragged(model, event.column);
        }
        _ => return Vec::new(),
    };
    if model.screen == Screen::Events && model.layers.is_empty() {
        events::pointed(model, event.column, event.row);
    }
    let listens = within(model.context()).any(|entry| entry.action == scroll);
    if listens {
        super::act(model, scroll)
    } else {
        Vec::new()
    }
}

fn clicked(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    if let Some(screen) = view::tab_at(model, x, y) {
        return go(model, screen);
    }
    match model.screen {
        Screen::Overview => overview::clicked(model, x, y),
        Screen::Events => events::clicked(model, x, y),
        Screen::Projection => projection::clicked(model, x, y),
        Screen::Stream => stream::clicked(model, x, y),
        Screen::Time => time::clicked(model, x, y),
        Screen::Log => Vec::new(),
        Screen::Rebuilds => rebuilds::clicked(model, x, y),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{self, model};
    use super::super::super::tests::press;
    use super::*;

    fn words(model: &Model) -> String {
        match &model.said {
            Some(Said::Note(_, words)) => words.clone(),
            _ => String::new(),
        }
    }

    #[test]
    fn a_key_that_counts_elsewhere_says_what_it_does_and_where() {
        let mut model = model();
        press(&mut model, &["2", "p"]);
        assert!(words(&model).starts_with(
            "p has no meaning here. On 1 Overview, 3 Projection and 6 Rebuilds: Pause"
        ));
        model.said = None;
        press(&mut model, &["v"]);
        assert_eq!(words(&model), "", "one that counts nowhere says nothing");
        press(&mut model, &["/", "p"]);
        assert_eq!(words(&model), "", "in a field it is text");
    }

    #[test]
    fn what_was_said_goes_with_its_screen_but_not_what_went_wrong() {
        let mut model = model();
        model.say(Tone::Good, "saved");
        press(&mut model, &["2"]);
        assert_eq!(words(&model), "");
        model.say(Tone::Bad, "it failed");
        press(&mut model, &["3", "esc"]);
        assert_eq!(words(&model), "it failed");
    }

    #[test]
    fn esc_gives_the_other_panes_back_before_it_leaves_the_screen() {
        let mut model = model();
        press(&mut model, &["tab", "z", "esc"]);
        assert!(!model.overview.panes.zoomed);
        for (key, screen) in [("3", Screen::Projection), ("6", Screen::Rebuilds)] {
            press(&mut model, &[key, "z", "esc"]);
            assert_eq!(model.screen, screen);
            press(&mut model, &["esc"]);
            assert_eq!(model.screen, Screen::Overview);
        }
        // Where one pane is all there is room for, nothing would be seen to happen.
        let mut model = testing::model_of(testing::normal(), 80, 24);
        press(&mut model, &["3", "z", "esc"]);
        assert_eq!(model.screen, Screen::Overview);
    }

    #[test]
    fn a_sort_steps_over_columns_that_are_not_shown() {
        let mut model = testing::model_of(testing::normal(), 60, 16);
        let shown = view::overview_columns(&model);
        assert!(shown.len() < 11, "{shown:?}");
        for column in shown {
            press(&mut model, &[">"]);
            assert_eq!(
                model.overview.table.sort.map(|sort| sort.column),
                Some(column)
            );
        }
        press(&mut model, &[">"]);
        assert_eq!(model.overview.table.sort, None);
    }

    #[test]
    fn what_applies_now_stays_in_the_footer_whatever_waits() {
        let mut snapshot = testing::normal();
        for view in &mut snapshot.projections {
            view.lag.behind = 0;
            view.policy = "every 2s".parse().unwrap();
        }
        let model = testing::model_of(snapshot, 120, 36);
        let entry = within(model.context()).find(|entry| entry.action == Action::Apply);
        assert!(model.can(entry.unwrap()));
    }
}
