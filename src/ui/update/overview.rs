//! What keys do on the Overview: the choice of a projection, how the table is sorted, the panes, the chart's time.

use super::super::action::Action;
use super::super::screen::Screen;
use super::super::state::Model;
use super::super::state::overview::Pane;
use super::super::view::{self, OverviewAt};
use super::{Effect, chart, chosen, projection, screen};

/// How many rows a page key moves.
const PAGE: usize = 10;

/// An action on the Overview.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let pane = model.overview.pane();
    match action {
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::First
        | Action::Last => step(model, action),
        Action::SortNext | Action::SortBefore => {
            let shown = view::overview_columns(model);
            let back = action == Action::SortBefore;
            model.overview.turn_sort(&shown, back);
        }
        Action::SortTurn => model.overview.table.invert(),
        Action::Next => model.overview.panes.turn(Pane::ALL.len(), false),
        Action::Previous => model.overview.panes.turn(Pane::ALL.len(), true),
        Action::Zoom => {
            let panes = &mut model.overview.panes;
            panes.zoomed = !panes.zoomed;
        }
        Action::Closer | Action::Wider | Action::Earlier | Action::Later => {
            chart::act(model, action);
        }
        Action::Open if pane == Pane::Events => return screen::go(model, Screen::Events),
        Action::Ask | Action::Objective | Action::Open if model.hides_all() => {
            return chosen::act(model, action);
        }
        Action::Ask | Action::Objective => return projection::show(model, action),
        Action::Open => return screen::go(model, Screen::Projection),
        _ => return chosen::act(model, action),
    }
    Vec::new()
}

/// What is shown as chosen is chosen: so it stays on another screen.
pub fn pin(model: &mut Model) {
    if let Some(name) = model.selected().map(|view| view.name.clone()) {
        model.overview.selected = Some(name);
    }
}

/// Moves the choice, or, where the events have the keys, the events.
fn step(model: &mut Model, action: Action) {
    let is_events = model.overview.pane() == Pane::Events;
    let at = if is_events {
        model.overview.scroll
    } else {
        model.overview.index(&model.snapshot)
    };
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(PAGE),
        Action::PageDown => at + PAGE,
        Action::Last => usize::MAX,
        _ => 0,
    };
    if is_events {
        let last = model.snapshot.recent.len().saturating_sub(1);
        model.overview.scroll = to.min(last);
    } else {
        model.overview.choose(&model.snapshot, to);
    }
}

/// A click chooses a row, sorts by a column, or gives a pane the keys.
pub fn clicked(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    let pane = match view::overview_at(model, x, y) {
        Some(OverviewAt::Row(row)) => {
            model.overview.choose(&model.snapshot, row);
            Pane::Projections
        }
        Some(OverviewAt::Heading(column)) => {
            model.overview.sort_by(column);
            Pane::Projections
        }
        Some(OverviewAt::Pane(pane)) => pane,
        None => return Vec::new(),
    };
    model.overview.panes.focus = pane as usize;
    Vec::new()
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

    use super::super::super::state::{Said, Tone};
    use super::super::super::testing::{self, model, model_of, now};
    use super::super::super::tests::{on_screen, press, type_in};
    use super::super::{Msg, update};
    use super::*;

    fn shown(model: &Model) -> Vec<&str> {
        let order = model.overview.order(&model.snapshot);
        let views = &model.snapshot.projections;
        order.iter().map(|at| views[*at].name.as_str()).collect()
    }

    fn click(model: &mut Model, x: u16, y: u16) {
        let event = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: x,
            row: y,
            modifiers: KeyModifiers::NONE,
        };
        update(model, now(), Msg::Mouse(event));
    }

    #[test]
    fn a_row_that_nobody_has_chosen_keeps_the_mark_while_rows_move() {
        let mut model = model();
        let first = model.selected().unwrap().name.clone();
        let mut turned = (*model.snapshot).clone();
        turned.projections.reverse();
        update(&mut model, now(), Msg::Snapshot(turned.into()));
        assert_ne!(model.overview.index(&model.snapshot), 0);
        assert_eq!(model.selected().unwrap().name, first);
    }

    #[test]
    fn one_that_a_filter_hides_stays_chosen_while_pictures_come() {
        let mut model = model();
        press(&mut model, &["j"]);
        let chosen = model.selected().unwrap().name.clone();
        press(&mut model, &["/"]);
        type_in(&mut model, &format!("!{chosen}"));
        assert_ne!(model.selected().unwrap().name, chosen);
        let picture = model.snapshot.clone();
        update(&mut model, now(), Msg::Snapshot(picture));
        press(&mut model, &["esc"]);
        assert_eq!(model.selected().unwrap().name, chosen);
    }

    #[test]
    fn the_table_is_sorted_by_any_column_and_the_choice_stays_on_its_row() {
        let mut model = model();
        press(&mut model, &["j", "j"]);
        assert_eq!(model.selected().unwrap().name, "orders");
        for _ in 0..5 {
            press(&mut model, &[">"]);
        }
        assert_eq!(
            shown(&model)[..3],
            ["audit", "orders@ap", "revenue"],
            "by gap"
        );
        assert_eq!(model.selected().unwrap().name, "orders");
        press(&mut model, &["I"]);
        assert_eq!(shown(&model)[5], "audit");
        press(&mut model, &["<"]);
        assert_eq!(model.overview.table.sort.unwrap().column, 3);
        // Rows move, the choice does not.
        let mut other = testing::normal();
        other.projections.reverse();
        update(&mut model, now(), Msg::Snapshot(other.into()));
        assert_eq!(model.selected().unwrap().name, "orders");
    }

    #[test]
    fn a_filter_narrows_the_rows_and_what_keys_are_about() {
        let mut model = model();
        press(&mut model, &["/"]);
        type_in(&mut model, "waiting");
        assert_eq!(shown(&model), ["audit", "orders@ap", "revenue", "stock"]);
        press(&mut model, &["enter", "j", "j"]);
        assert_eq!(model.selected().unwrap().name, "revenue");
        press(&mut model, &["/", "x", "q", "enter"]);
        assert_eq!(shown(&model), Vec::<&str>::new());
        assert_eq!(
            press(&mut model, &["p"]),
            [],
            "what is not shown is not paused"
        );
        for key in ["p", "R", "w", "A", "O", "enter", "V", "y"] {
            model.said = None;
            assert_eq!(press(&mut model, &[key]), [], "{key}");
            let words = "no projection fits the filter: Esc takes it away";
            let said = Said::Note(Tone::Info, words.to_owned());
            assert_eq!(model.said, Some(said), "{key}");
            assert_eq!((model.screen, model.layers.len()), (Screen::Overview, 0));
        }
        let drawn = on_screen(&model);
        let footer = drawn.trim_end().lines().last().unwrap();
        for word in ["pause", "policy", "rebuild", "why", "apply"] {
            assert!(!footer.contains(word), "{footer}");
        }
        assert!(footer.contains("Esc no filter"), "{footer}");
        assert!(
            drawn.contains("No projection fits the filter: Esc takes it away."),
            "{drawn}"
        );
        press(&mut model, &["3"]);
        assert_eq!(
            model.selected().unwrap().name,
            "revenue",
            "another screen has it"
        );
        press(&mut model, &["esc"]);
        assert_eq!(shown(&model).len(), 0, "back, and still narrowed");
        press(&mut model, &["esc"]);
        assert_eq!((shown(&model).len(), &model.said), (6, &None));
    }

    #[test]
    fn a_click_hits_the_row_that_is_drawn_there_and_a_heading_sorts() {
        let mut model = model();
        // The heading of the gaps; rows begin under it.
        click(&mut model, 63, 4);
        assert_eq!(
            model.overview.table.sort.map(|sort| sort.column),
            Some(4),
            "by gap"
        );
        click(&mut model, 10, 6);
        assert_eq!(model.selected().unwrap().name, "orders@ap");
        click(&mut model, 63, 4);
        assert_eq!(shown(&model)[5], "audit", "the other way around");
        click(&mut model, 10, 30);
        assert_eq!(model.overview.pane(), Pane::Events);
    }

    #[test]
    fn tab_turns_the_panes_and_z_gives_one_the_whole_screen() {
        let mut model = model_of(testing::normal(), 80, 24);
        press(&mut model, &["tab", "tab"]);
        assert_eq!(model.overview.pane(), Pane::Chart);
        press(&mut model, &["z"]);
        assert!(model.overview.panes.zoomed);
        press(&mut model, &["z", "tab", "j", "j", "pagedown", "k"]);
        assert_eq!(model.overview.scroll, 11, "events are scrolled");
        let effects = press(&mut model, &["enter"]);
        assert!(matches!(effects[..], [Effect::Events(_)]), "{effects:?}");
        assert_eq!(model.screen, Screen::Events);
        press(&mut model, &["esc", "backtab"]);
        assert_eq!(model.overview.pane(), Pane::Chart);
    }

    #[test]
    fn the_chart_is_zoomed_and_panned_and_stands_still_in_the_past() {
        let mut model = model();
        press(&mut model, &["left"]);
        assert_eq!(model.overview.span.end, None, "there is no past yet");
        testing::lived(&mut model);
        press(&mut model, &["}"]);
        assert!((model.overview.span.seconds() - 60.0).abs() < 1e-9);
        press(&mut model, &["left"]);
        let end = model.overview.span.end.unwrap();
        assert_eq!(model.snapshot.taken_at.duration_since(end).as_secs(), 15);
        press(&mut model, &["right", "{", "{"]);
        assert_eq!(model.overview.span.end, None);
        assert!((model.overview.span.seconds() - 300.0).abs() < 1e-9);
    }
}
