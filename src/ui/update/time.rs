//! The past of a read model: opened, stepped, broken off, filled in when the answer comes.

use std::sync::Arc;

use super::super::action::Action;
use super::super::screen::Screen;
use super::super::state::Model;
use super::super::state::time::{FAR, Pane};
use super::super::view;
use super::{Effect, screen};
use crate::event::Position;
use crate::workspace::{AsOf, Moment, Progress};

/// The screen is shown: where nobody looked yet, at the chosen projection as it is now.
pub fn opened(model: &mut Model) -> Vec<Effect> {
    let chosen = model.selected().map(|view| view.name.clone());
    match (&mut model.time, chosen) {
        (None, Some(name)) => begin(model, name, None),
        (Some(pane), _) => {
            pane.kept = true;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Shows a projection at a moment, `None` being the head. One that is shown already goes there.
pub fn open(model: &mut Model, projection: String, goal: Option<AsOf>) -> Vec<Effect> {
    let is_it = |pane: &Pane| pane.projection == projection;
    let mut effects = if model.time.as_ref().is_some_and(is_it) {
        with(model, |pane| {
            pane.goal = goal;
            break_off(pane)
        })
    } else {
        begin(model, projection, goal)
    };
    effects.extend(screen::go(model, Screen::Time));
    // It was said just now where it is to be.
    with(model, |pane| {
        pane.kept = false;
        Vec::new()
    });
    effects
}

fn begin(model: &mut Model, projection: String, goal: Option<AsOf>) -> Vec<Effect> {
    let number = model.begin();
    let most = view::time_rows(model);
    let mut pane = Pane::new(number, projection, goal, most);
    let effects = look(&mut pane);
    model.time = Some(pane);
    effects
}

/// A new picture of the workspace: where the version that answers has moved, its rows are read again.
pub fn seen(model: &mut Model) -> Vec<Effect> {
    let Some(pane) = &mut model.time else {
        return Vec::new();
    };
    let mut views = model.snapshot.projections.iter();
    let now = views.find(|view| view.name == pane.projection);
    let Some(now) = now.filter(|_| pane.under_way.is_none() && pane.error.is_none()) else {
        return Vec::new();
    };
    if now.checkpoint == pane.beside && now.passed_by == pane.passed {
        return Vec::new();
    }
    pane.beside = now.checkpoint;
    pane.passed = Arc::clone(&now.passed_by);
    look(pane)
}

/// A click on the ruler takes the mark there.
pub fn clicked(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    let on_it = view::is_on_the_log(model, x, y);
    with(model, |pane| {
        pane.dragged = on_it;
        Vec::new()
    });
    dragged(model, x)
}

/// The mark is dragged along the log.
pub fn dragged(model: &mut Model, x: u16) -> Vec<Effect> {
    let Some(position) = view::position_at(model, x).filter(|_| model.screen == Screen::Time)
    else {
        return Vec::new();
    };
    with(model, |pane| {
        if !pane.dragged || pane.position() == Some(position) {
            return Vec::new();
        }
        pane.kept = false;
        pane.goal = Some(AsOf::Position(position));
        break_off(pane)
    })
}

/// Another projection, at the same position.
fn turn(model: &mut Model, back: bool) -> Vec<Effect> {
    let Some(pane) = &model.time else {
        return opened(model);
    };
    let views = &model.snapshot.projections;
    let at = views.iter().position(|view| view.name == pane.projection);
    let by = if back {
        views.len().saturating_sub(1)
    } else {
        1
    };
    let next = at.map_or(0, |at| (at + by) % views.len());
    let Some(name) = views.get(next).map(|view| view.name.clone()) else {
        return Vec::new();
    };
    let goal = pane.position().map(AsOf::Position);
    begin(model, name, goal)
}

/// An action within it.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::NextOne => return turn(model, false),
        Action::OneBefore => return turn(model, true),
        _ => {}
    }
    let head = model.snapshot.head;
    let far = i64::try_from(FAR).unwrap_or(i64::MAX);
    with(model, |pane| {
        pane.kept = false;
        let before = (pane.goal, pane.shown);
        match action {
            Action::Before => pane.step(-1, head),
            Action::After => pane.step(1, head),
            Action::FurtherBack => pane.step(-far, head),
            Action::FurtherOn => pane.step(far, head),
            Action::First => pane.goal = Some(AsOf::Position(Position::new(1).min(head))),
            Action::Last => pane.goal = None,
            Action::Next => pane.turn(false),
            Action::Previous => pane.turn(true),
            Action::Up => pane.scroll(-1),
            Action::Down => pane.scroll(1),
            _ => return Vec::new(),
        }
        // At the head there may be more events by now.
        if (pane.goal, pane.shown) == before && action != Action::Last {
            return Vec::new();
        }
        if matches!(
            action,
            Action::First | Action::Last | Action::FurtherBack | Action::FurtherOn
        ) {
            return break_off(pane);
        }
        look(pane)
    })
}

/// Esc: breaks off the look that is under way; says whether there was one.
pub fn is_broken_off(model: &mut Model) -> Option<Vec<Effect>> {
    if model.screen != Screen::Time || !model.layers.is_empty() {
        return None;
    }
    match &model.time {
        Some(pane) if pane.under_way.is_some() && pane.progress.is_some() => {
            Some(vec![Effect::BreakOff {
                number: pane.number,
            }])
        }
        _ => None,
    }
}

/// Looks again where more rows fit by now, or fewer.
pub fn resized(model: &mut Model) -> Vec<Effect> {
    let most = view::time_rows(model);
    with(model, |pane| {
        if pane.shown.most == most {
            return Vec::new();
        }
        pane.shown.most = most;
        look(pane)
    })
}

/// How far a look is.
pub fn progress(model: &mut Model, number: u64, progress: Progress) {
    if let Some(pane) = &mut model.time
        && pane.number == number
        && pane.under_way.is_some()
    {
        pane.progress = Some(progress);
    }
}

/// A look has ended; where something else is to be shown by now, the next one begins.
pub fn looked(model: &mut Model, number: u64, result: Result<Arc<Moment>, String>) -> Vec<Effect> {
    let Some(pane) = model.time.as_mut().filter(|pane| pane.number == number) else {
        return Vec::new();
    };
    let was_for = pane.under_way.take();
    pane.progress = None;
    let is_over = was_for == Some((pane.goal, pane.shown));
    match result {
        Ok(moment) => {
            pane.error = None;
            if is_over {
                pane.goal = Some(AsOf::Position(moment.position));
                pane.shown.first = moment.rows.first;
                pane.shown.table = moment.rows.table;
            }
            pane.moment = Some(moment);
        }
        Err(error) => {
            if is_over && let Some(moment) = &pane.moment {
                pane.goal = Some(AsOf::Position(moment.position));
            }
            pane.error = Some(error);
        }
    }
    if is_over { Vec::new() } else { look(pane) }
}

fn with(model: &mut Model, change: impl FnOnce(&mut Pane) -> Vec<Effect>) -> Vec<Effect> {
    model.time.as_mut().map_or_else(Vec::new, change)
}

/// Begins to look, where no look is under way: one that is will be followed by the next.
fn look(pane: &mut Pane) -> Vec<Effect> {
    if pane.under_way.is_some() {
        return Vec::new();
    }
    pane.under_way = Some((pane.goal, pane.shown));
    vec![Effect::Look {
        number: pane.number,
        projection: pane.projection.clone(),
        at: pane.goal,
        shown: pane.shown,
    }]
}

/// The same, of a moment that is far away: what is under way would only be waited for, unless it goes there.
fn break_off(pane: &mut Pane) -> Vec<Effect> {
    if pane.under_way == Some((pane.goal, pane.shown)) {
        return Vec::new();
    }
    let number = pane.number;
    let mut effects = look(pane);
    if effects.is_empty() {
        effects.push(Effect::BreakOff { number });
    }
    effects
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

    use super::super::super::testing::{self, HEAD, model, now};
    use super::super::super::tests::{number, press, type_in};
    use super::super::{Effect, Msg, update};
    use super::*;
    use crate::ui::state::Model;

    /// The Time screen with `audit` as it was.
    fn looking() -> (Model, u64) {
        let mut model = model();
        let number = number(&press(&mut model, &["T"]));
        answer(&mut model, number, HEAD - 100);
        (model, number)
    }

    fn answer(model: &mut Model, number: u64, at: u64) -> Vec<Effect> {
        let mut moment = testing::moment();
        moment.position = Position::new(at);
        let result = Ok(Arc::new(moment));
        update(model, now(), Msg::Looked { number, result })
    }

    fn mouse(model: &mut Model, kind: MouseEventKind, x: u16, y: u16) -> Vec<Effect> {
        let event = MouseEvent {
            kind,
            column: x,
            row: y,
            modifiers: KeyModifiers::NONE,
        };
        update(model, now(), Msg::Mouse(event))
    }

    const DOWN: MouseEventKind = MouseEventKind::Down(MouseButton::Left);
    const DRAG: MouseEventKind = MouseEventKind::Drag(MouseButton::Left);

    fn looks(effects: &[Effect]) -> Vec<Option<AsOf>> {
        let look = |effect: &Effect| match effect {
            Effect::Look { at, .. } => Some(*at),
            _ => None,
        };
        effects.iter().filter_map(look).collect()
    }

    #[test]
    fn a_mark_that_is_dragged_over_a_hundred_cells_is_folded_twice() {
        let (mut model, number) = looking();
        let line = view::body(&model)
            .map(|body| (body.x + 2, body.y + 3))
            .unwrap();
        let mut effects = mouse(&mut model, DOWN, line.0, line.1);
        assert_eq!(looks(&effects), [Some(AsOf::Position(Position::START))]);
        for x in 1..=100 {
            // The line may be left on the way.
            effects.extend(mouse(&mut model, DRAG, line.0 + x, line.1 + x % 9));
        }
        assert_eq!(looks(&effects).len(), 1);
        assert!(effects.contains(&Effect::BreakOff { number }));
        let effects = answer(&mut model, number, 3);
        let Some(AsOf::Position(to)) = looks(&effects)[0] else {
            panic!("{effects:?}");
        };
        let share = HEAD * 100 / 115;
        assert!(to.get().abs_diff(share) < HEAD / 100, "{to}");
        let settled = answer(&mut model, number, to.get());
        assert_eq!(settled, []);
        assert_eq!(model.time.as_ref().unwrap().goal, Some(AsOf::Position(to)));
    }

    #[test]
    fn what_is_pressed_beside_the_line_drags_nothing() {
        let (mut model, _) = looking();
        let before = model.time.as_ref().unwrap().goal;
        assert_eq!(mouse(&mut model, DOWN, 40, 20), []);
        assert_eq!(mouse(&mut model, DRAG, 50, 6), []);
        assert_eq!(model.time.as_ref().unwrap().goal, before);
    }

    #[test]
    fn another_projection_is_shown_at_the_same_position() {
        let (mut model, first) = looking();
        let effects = press(&mut model, &["J"]);
        assert_eq!(
            looks(&effects),
            [Some(AsOf::Position(Position::new(HEAD - 100)))]
        );
        assert_ne!(number(&effects), first);
        assert_eq!(model.time.as_ref().unwrap().projection, "customers");
        press(&mut model, &["K", "K"]);
        assert_eq!(model.time.as_ref().unwrap().projection, "stock");
    }

    #[test]
    fn rows_beside_are_read_again_only_when_the_read_model_has_moved() {
        let (mut model, number) = looking();
        let same = testing::normal();
        let asked = update(&mut model, now(), Msg::Snapshot(same.clone().into()));
        assert_eq!(looks(&asked).len(), 1, "it was not known where it stands");
        answer(&mut model, number, HEAD - 100);
        assert_eq!(update(&mut model, now(), Msg::Snapshot(same.into())), []);
        let mut moved = testing::normal();
        moved.projections[0].checkpoint = Position::new(HEAD);
        let asked = update(&mut model, now(), Msg::Snapshot(moved.clone().into()));
        assert_eq!(looks(&asked).len(), 1);
        assert_eq!(update(&mut model, now(), Msg::Snapshot(moved.into())), []);
    }

    #[test]
    fn a_look_is_not_broken_off_to_go_where_it_goes() {
        let mut model = model();
        let goal = Some(AsOf::Position(Position::new(1_000)));
        assert_eq!(looks(&open(&mut model, "audit".to_owned(), goal)), [goal]);
        assert_eq!(open(&mut model, "audit".to_owned(), goal), []);
        let elsewhere = Some(AsOf::Position(Position::new(7)));
        let effects = open(&mut model, "audit".to_owned(), elsewhere);
        assert!(
            matches!(effects[..], [Effect::BreakOff { .. }]),
            "{effects:?}"
        );
    }

    #[test]
    fn a_time_is_typed_without_the_name_of_what_is_shown() {
        let (mut model, _) = looking();
        press(&mut model, &[":"]);
        type_in(&mut model, "as-of 10m");
        let effects = press(&mut model, &["enter"]);
        let ago = AsOf::Ago(std::time::Duration::from_secs(600));
        assert_eq!(looks(&effects), [Some(ago)]);
        assert_eq!(model.time.as_ref().unwrap().projection, "audit");
    }

    #[test]
    fn elsewhere_a_time_alone_is_of_the_chosen_projection() {
        for (typed, goal) in [
            ("as-of 10m", AsOf::Ago(std::time::Duration::from_secs(600))),
            ("as-of 1,000", AsOf::Position(Position::new(1_000))),
        ] {
            let mut model = model();
            press(&mut model, &["j", "j", ":"]);
            type_in(&mut model, typed);
            assert_eq!(looks(&press(&mut model, &["enter"])), [Some(goal)]);
            assert_eq!(model.time.as_ref().unwrap().projection, "orders");
            assert_eq!(model.screen, Screen::Time);
        }
        let mut model = model();
        press(&mut model, &[":"]);
        type_in(&mut model, "as-of yesterday");
        assert_eq!(press(&mut model, &["enter"]), []);
        let drawn = super::super::super::tests::on_screen(&model);
        assert!(
            drawn.contains("no position, no time and no projection"),
            "{drawn}"
        );
    }

    #[test]
    fn a_mark_that_is_kept_is_told_of_until_it_moves() {
        let kept = |model: &Model| {
            let drawn = super::super::super::tests::on_screen(model);
            drawn.contains("The mark is where you left it; End goes to now")
        };
        let (mut model, number) = looking();
        assert!(!kept(&model));
        press(&mut model, &["1", "5"]);
        assert!(kept(&model));
        press(&mut model, &["left"]);
        answer(&mut model, number, HEAD - 101);
        assert!(!kept(&model));
    }
}
