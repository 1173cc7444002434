//! What keys do on the Events screen: the choice walks along the log, the chosen event is folded, its story is
//! walked through; and what it does with answers.

use std::sync::Arc;

use super::super::action::Action;
use super::super::ask::events::{Answer, Ask, Found};
use super::super::screen::Screen;
use super::super::state::events::{Asked, CAUSES, DETAIL, Detail, LIST, PAGE, PANES};
use super::super::state::filter::Filter;
use super::super::state::line::is_position;
use super::super::state::search::Search;
use super::super::state::{Model, Tone};
use super::super::view::events as view;
use super::super::widgets::json::{self, MARK};
use super::{Effect, screen, stream};
use crate::event::Position;
use crate::text::thousands;
use crate::workspace::Story;

/// The screen is shown: what it needs is asked for.
pub fn opened(model: &mut Model) -> Vec<Effect> {
    let head = model.snapshot.head;
    let list = &mut model.events.list;
    list.error = None;
    if list.begun == 0 {
        list.follow(head);
    }
    seen(model)
}

/// A new picture of the workspace came while it is shown.
pub fn seen(model: &mut Model) -> Vec<Effect> {
    let head = model.snapshot.head;
    let shown = view::rows(model).max(1) as u64;
    let events = &mut model.events;
    let list = &mut events.list;
    // A log that is shorter than what was read of it is another one.
    let is_other = list.high > head && !list.is_stale;
    // What has passed before anybody could see it is not read.
    let is_far = head.since(list.high) > shown && events.search.is_everything();
    if is_other || list.follows && is_far && !list.is_stale {
        list.follow(head);
    }
    settle(model)
}

/// The terminal has another size.
pub fn resized(model: &mut Model) -> Vec<Effect> {
    if model.screen == Screen::Events {
        settle(model)
    } else {
        Vec::new()
    }
}

/// Asks for what is shown and not there: rows, the chosen event, its story.
fn settle(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    if model.screen == Screen::Events {
        effects.extend(ask_rows(model));
        effects.extend(ask_detail(model));
        effects.extend(ask_story(model));
    }
    effects
}

fn ask_rows(model: &mut Model) -> Option<Effect> {
    let lines = view::rows(model).max(1);
    let (from, way) = model.events.list.wanted(model.snapshot.head, lines)?;
    let number = model.begin();
    let begun = model.events.list.begun;
    model.events.list.under_way = Some(Asked { number, way, begun });
    Some(Effect::Events(Ask::Page {
        number,
        search: Box::new(model.events.search.clone()),
        from,
        way,
        // With the chosen row, so that the first page is enough.
        limit: (2 * lines + 1).min(PAGE),
    }))
}

fn ask_detail(model: &mut Model) -> Option<Effect> {
    let area = view::inner(view::areas(model).detail);
    let events = &mut model.events;
    if let Some(detail) = &mut events.detail
        && area.width > 0
    {
        detail
            .json
            .set_cells(usize::from(area.width.saturating_sub(MARK)));
    }
    let Some(position) = events.list.chosen().map(|entry| entry.position) else {
        // Nothing is chosen: nothing of another choice is shown.
        events.detail = None;
        return None;
    };
    let is_there = events
        .detail
        .as_ref()
        .is_some_and(|d| d.event.position == position);
    let has_failed = events
        .detail_error
        .as_ref()
        .is_some_and(|(at, _)| *at == position);
    if is_there || has_failed || events.detail_asked.is_some() || events.list.is_stale {
        return None;
    }
    events.detail_asked = Some(position);
    Some(Effect::Events(Ask::Detail {
        position,
        lines: usize::from(area.height),
        cells: usize::from(area.width.saturating_sub(MARK)),
    }))
}

fn ask_story(model: &mut Model) -> Option<Effect> {
    let is_shown = !view::areas(model).causes.is_empty();
    let head = model.snapshot.head;
    let events = &mut model.events;
    let chosen = events.list.chosen().map(|entry| entry.position);
    if events.list.follows || chosen.is_none() {
        events.causes.story = None;
        return None;
    }
    if !is_shown {
        return None;
    }
    let Detail { event, .. } = events.detail.as_deref()?;
    if Some(event.position) != chosen {
        return None;
    }
    let causes = &mut events.causes;
    let is_told =
        |story: &Arc<Story>| story.origin() == event.position || story.holds(event.position);
    if !causes.story.as_ref().is_some_and(is_told) {
        causes.story = Some(Arc::new(Story::of(event)));
        causes.error = None;
        causes.at = event.position;
    }
    let ways = causes.wanted(head, events.panes.focus == CAUSES);
    let story = causes.story.clone().filter(|_| !ways.is_empty())?;
    let number = model.begin();
    model.events.causes.under_way = Some(number);
    Some(Effect::Events(Ask::Story {
        number,
        story,
        ways,
    }))
}

/// An action.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let head = model.snapshot.head;
    let focus = model.events.panes.focus;
    match action {
        Action::Next | Action::Previous => {
            model.events.list.stop(head);
            model.events.panes.turn(PANES, action == Action::Previous);
        }
        Action::Zoom => model.events.panes.zoomed = !model.events.panes.zoomed,
        Action::Copy => return copy(model),
        Action::Open if focus == LIST => {
            model.events.list.stop(head);
            model.events.panes.focus = DETAIL;
            model.events.panes.zoomed = true;
        }
        Action::Open if focus == CAUSES => return go_to_cause(model),
        _ => match focus {
            LIST => walk(model, action),
            DETAIL => {
                let page = usize::from(view::inner(view::areas(model).detail).height);
                if let Some(detail) = &mut model.events.detail {
                    fold(detail, action, page);
                }
            }
            _ => walk_causes(model, action),
        },
    }
    settle(model)
}

/// Where a key goes from a place, where it is one that goes anywhere.
fn moved(action: Action, from: usize, page: usize) -> Option<usize> {
    let page = page.saturating_sub(1).max(1);
    Some(match action {
        Action::Up => from.saturating_sub(1),
        Action::Down => from + 1,
        Action::PageUp => from.saturating_sub(page),
        Action::PageDown => from + page,
        Action::First => 0,
        Action::Last => usize::MAX,
        _ => return None,
    })
}

fn walk(model: &mut Model, action: Action) {
    let (head, page) = (model.snapshot.head, view::rows(model));
    let list = &mut model.events.list;
    match action {
        Action::First if list.low.get() > 1 => list.go(Position::START, head),
        Action::Last if list.high.plus(PAGE as u64) < head || list.is_stale => list.follow(head),
        Action::Last => (list.follows, list.at) = (true, head),
        // The rows are on their way: no key is lost meanwhile.
        _ if list.is_stale => {
            let from = usize::try_from(list.at.get()).unwrap_or(usize::MAX);
            if let Some(to) = moved(action, from, page) {
                list.aim(Position::new(to as u64), head);
            }
        }
        _ => {
            let to = list.index().and_then(|from| moved(action, from, page));
            if let Some(to) = to {
                list.choose(to, head);
            }
        }
    }
}

fn fold(detail: &mut Detail, action: Action, page: usize) {
    let json = &mut detail.json;
    match action {
        Action::Open => drop(json.turn()),
        Action::Fold => json.fold(),
        Action::Unfold => json.unfold(),
        _ => {
            if let Some(to) = moved(action, json.chosen(), page) {
                json.choose(to);
            }
        }
    }
}

fn walk_causes(model: &mut Model, action: Action) {
    let page = usize::from(view::inner(view::areas(model).causes).height);
    let causes = &mut model.events.causes;
    if let Some(to) = moved(action, causes.index(), page) {
        causes.choose(to);
    }
}

/// Goes to the event of the chosen row of the tree. Words that hide it are taken away.
fn go_to_cause(model: &mut Model) -> Vec<Effect> {
    let events = &model.events;
    let causes = &events.causes;
    let tree = causes.story.as_deref().map_or(&[][..], Story::tree);
    let Some(caused) = tree.get(causes.index()) else {
        return Vec::new();
    };
    let event = &caused.event;
    let position = event.position;
    let is_hidden = !(events.search.terms.takes(event) && events.search.fits(event));
    if is_hidden {
        model.events.search = Search::default();
        model.say(Tone::Info, "the filter hides that event: it is taken away");
    }
    go_to(model, position, is_hidden);
    settle(model)
}

/// Chooses the event at a position; the rows are read anew where it is not among them.
fn go_to(model: &mut Model, position: Position, anew: bool) {
    let head = model.snapshot.head;
    let list = &mut model.events.list;
    let entries = &list.entries;
    let place = entries.binary_search_by_key(&position, |entry| entry.position);
    match place {
        Ok(place) if !anew && !list.is_stale => list.choose(place, head),
        _ => list.go(position, head),
    }
}

/// The whole log, whatever it was narrowed to.
pub fn open_all(model: &mut Model) -> Vec<Effect> {
    let before = std::mem::take(&mut model.events.search);
    let was_narrowed = !before.is_everything();
    let list = &mut model.events.list;
    if was_narrowed {
        let (head, follows, at) = (model.snapshot.head, list.follows, list.at);
        // Around the same place.
        match follows {
            true => list.follow(head),
            false => list.go(at, head),
        }
    }
    let effects = screen::go(model, Screen::Events);
    if was_narrowed {
        let words = format!("all events again: no longer only {}", before.text().trim());
        model.say(Tone::Info, words);
    }
    effects
}

/// What stands after `:events`: a position to go to, or words that narrow.
///
/// Errors: there is no such position, or what is wrong with the words.
pub fn open_with(model: &mut Model, words: &[String]) -> Result<Vec<Effect>, String> {
    let head = model.snapshot.head;
    if let [word] = words
        && is_position(word)
    {
        let position = word.replace(',', "").parse().map(Position::new);
        let position = position.unwrap_or(Position::new(u64::MAX));
        if position > head || position == Position::START {
            return Err(format!(
                "there is no event at {word}: positions go from 1 to {}",
                thousands(head.get())
            ));
        }
        let was_narrowed = !model.events.search.is_everything();
        model.events.search = Search::default();
        go_to(model, position, was_narrowed);
    } else {
        // A word with spaces was typed in quotation marks.
        let words = words.iter().map(|word| match word.split_once(':') {
            _ if !word.contains(' ') => word.clone(),
            Some((name, value)) => format!("{name}:\"{value}\""),
            None => match word.strip_prefix('!') {
                Some(word) => format!("!\"{word}\""),
                None => format!("\"{word}\""),
            },
        });
        let search = Search::parse(&words.collect::<Vec<_>>().join(" "));
        if let Some(error) = search.error() {
            return Err(error.to_owned());
        }
        model.events.search = search;
        model.events.list.follow(head);
    }
    model.events.panes.focus = LIST;
    model.events.panes.zoomed = false;
    Ok(screen::go(model, Screen::Events))
}

/// Esc: gives the keys back to the list, else takes the words away; says whether there was something of it.
pub fn is_closed(model: &mut Model) -> Option<Vec<Effect>> {
    let panes = &mut model.events.panes;
    if model.screen != Screen::Events {
        return None;
    }
    if panes.zoomed || panes.focus != LIST {
        (panes.zoomed, panes.focus) = (false, LIST);
        return Some(settle(model));
    }
    (!model.events.search.text().is_empty()).then(|| narrowed(model, Search::default()))
}

/// Shows the chosen event's stream.
pub fn open_stream(model: &mut Model) -> Vec<Effect> {
    match model.events.list.chosen().map(|entry| entry.stream.clone()) {
        Some(stream) => stream::open(model, stream),
        None => screen::go(model, Screen::Stream),
    }
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let chosen = model.events.list.chosen().map(|entry| entry.position);
    let asked = chosen.map(|position| Effect::Events(Ask::Copy(position)));
    asked.into_iter().collect()
}

/// The mouse is over a pane: it gets the keys.
pub fn pointed(model: &mut Model, x: u16, y: u16) {
    if let Some(pane) = view::areas(model).at(x, y) {
        if pane != LIST {
            model.events.list.stop(model.snapshot.head);
        }
        model.events.panes.focus = pane;
    }
}

/// A click on a cell: chooses what is there; in the tree it goes there, in the event it folds.
pub fn clicked(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    let areas = view::areas(model);
    match areas.at(x, y) {
        Some(LIST) => {
            if let Some(row) = view::row_at(model, y).filter(|_| !model.events.list.is_stale) {
                model.events.list.choose(row, model.snapshot.head);
            }
        }
        Some(DETAIL) => {
            let inside = view::inner(areas.detail);
            if let Some(detail) = &mut model.events.detail
                && let Some(row) = json::row_at(inside, &detail.json, y)
            {
                detail.json.choose(row);
                detail.json.turn();
            }
        }
        Some(CAUSES) => {
            if let Some(row) = view::cause_at(model, y) {
                model.events.causes.choose(row);
                pointed(model, x, y);
                return go_to_cause(model);
            }
        }
        _ => return Vec::new(),
    }
    pointed(model, x, y);
    settle(model)
}

/// The filter is another one.
pub fn filtered(model: &mut Model, filter: Filter) -> Vec<Effect> {
    let search = Search::parse(filter.text());
    if search == model.events.search {
        return Vec::new();
    }
    narrowed(model, search)
}

fn narrowed(model: &mut Model, search: Search) -> Vec<Effect> {
    let head = model.snapshot.head;
    let events = &mut model.events;
    events.search = search;
    if events.list.follows {
        events.list.follow(head);
    } else {
        // Around the same place, as far as there is something.
        events.list.go(events.list.at, head);
    }
    settle(model)
}

/// An answer came.
pub fn answered(model: &mut Model, answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::Page { number, found } => return rows(model, number, found),
        Answer::Detail { position, detail } => {
            let events = &mut model.events;
            events.detail_asked = events.detail_asked.filter(|asked| *asked != position);
            match detail {
                Ok(detail) => {
                    events.detail_error = None;
                    events.detail = detail;
                }
                Err(error) => events.detail_error = Some((position, error)),
            }
        }
        Answer::Story { number, story } => {
            let causes = &mut model.events.causes;
            if causes.under_way != Some(number) {
                return Vec::new();
            }
            causes.under_way = None;
            match story {
                Ok(story) => {
                    let is_it = |now: &Arc<Story>| now.origin() == story.origin();
                    if causes.story.as_ref().is_some_and(is_it) {
                        causes.story = Some(story);
                    }
                }
                Err(error) => causes.error = Some(error),
            }
        }
        Answer::Copied { position, line } => match line {
            Ok(line) => {
                let words = format!("copied event {} as CloudEvents", thousands(position.get()));
                model.say(Tone::Good, words);
                return vec![Effect::Copy(line)];
            }
            Err(error) => model.say(Tone::Bad, error),
        },
    }
    settle(model)
}

fn rows(model: &mut Model, number: u64, found: Result<Found, String>) -> Vec<Effect> {
    let head = model.snapshot.head;
    let list = &mut model.events.list;
    let Some(asked) = list.under_way.filter(|asked| asked.number == number) else {
        return Vec::new();
    };
    list.under_way = None;
    // What was begun anew meanwhile has no use for it.
    if asked.begun == list.begun {
        match found {
            Ok(found) => list.take(asked.way, found.entries, found.looked_to, head),
            Err(error) => list.error = Some(error),
        }
    }
    settle(model)
}

#[cfg(test)]
mod tests;
