//! Pages about a projection: opened, scrolled, filled in when the answer comes.

use super::super::action::Action;
use std::sync::Arc;

use super::super::state::page::{About, Page, Parked, Repair, Verify};
use super::super::state::{Layer, Model, Tone};
use super::{Effect, news};
use crate::workspace::{
    CannotUndo, Checked, Diff, Done, Mending, Operation, Progress, Recorded, Undone,
};

/// Lines a page key moves.
const PAGE: usize = 10;

/// No page is longer than this.
const LONGEST: usize = 100_000;

/// Opens the page that an action asks for.
pub fn open(model: &mut Model, action: Action, projection: String) -> Vec<Effect> {
    let (about, effects) = match action {
        Action::Why => (About::Why, Vec::new()),
        Action::Operations => {
            let projection = projection.clone();
            (
                About::Operations(None),
                vec![Effect::History { projection }],
            )
        }
        Action::Diff => {
            let projection = projection.clone();
            (About::Diff(None), vec![Effect::Diff { projection }])
        }
        Action::Parked => {
            let projection = projection.clone();
            (About::Parked(None), vec![Effect::Parked { projection }])
        }
        Action::Verify => {
            let (number, projection) = (model.begin(), projection.clone());
            let about = About::Verify(Verify {
                number,
                progress: Progress::default(),
                result: None,
            });
            (about, vec![Effect::Verify { number, projection }])
        }
        _ => return Vec::new(),
    };
    model.layers.push(Layer::Page(Page::new(projection, about)));
    effects
}

/// Opens the page that shows what mending a key would change.
pub fn repair(model: &mut Model, projection: String, key: String) -> Vec<Effect> {
    let about = About::Repair(Repair {
        key: key.clone(),
        mending: None,
    });
    let page = Page::new(projection.clone(), about);
    model.layers.push(Layer::Page(page));
    vec![Effect::Mending { projection, key }]
}

/// Enter on that page: mends the key, once what would change was on the screen.
pub fn accept(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Page(page)) = model.layers.last() else {
        return Vec::new();
    };
    let About::Repair(repair) = &page.about else {
        return Vec::new();
    };
    if !repair.is_due() {
        return Vec::new();
    }
    let (name, key) = (page.projection.clone(), repair.key.clone());
    model.layers.pop();
    super::operation::start(model, name, Operation::Repair { key })
}

/// What mending a key would change has come: the page that waits for it takes it.
pub fn mending(
    model: &mut Model,
    projection: &str,
    key: &str,
    result: &Result<Arc<Mending>, String>,
) {
    for layer in &mut model.layers {
        if let Layer::Page(page) = layer
            && page.projection == projection
            && let About::Repair(repair) = &mut page.about
            && repair.key == key
        {
            repair.mending = Some(result.clone());
        }
    }
}

/// The page of a read model that is verified by this piece of work.
fn verifying(model: &mut Model, number: u64) -> Option<&mut Verify> {
    model.layers.iter_mut().find_map(|layer| match layer {
        Layer::Page(page) => match &mut page.about {
            About::Verify(verify) if verify.number == number => Some(verify),
            _ => None,
        },
        _ => None,
    })
}

/// How far verifying is.
pub fn progress(model: &mut Model, number: u64, progress: Progress) {
    if let Some(verify) = verifying(model, number) {
        verify.progress = progress;
    }
}

/// What verifying came to.
pub fn verified(model: &mut Model, number: u64, result: Result<Box<Checked>, String>) {
    if let Some(verify) = verifying(model, number) {
        verify.result = Some(result);
    }
}

/// An action within a page. The view knows how long it is, and shows the end where this is beyond it.
pub fn act(page: &mut Page, action: Action, lines: usize) {
    let last = lines.min(LONGEST);
    page.scroll = match action {
        Action::Up => page.scroll.min(last).saturating_sub(1),
        Action::Down => page.scroll + 1,
        Action::PageUp => page.scroll.min(last).saturating_sub(PAGE),
        Action::PageDown => page.scroll + PAGE,
        Action::First => 0,
        Action::Last => last,
        _ => page.scroll,
    }
    .min(last);
}

/// The history has come: the page that waits for it takes it.
pub fn told(model: &mut Model, projection: &str, told: &Result<Vec<Recorded>, String>) {
    for layer in &mut model.layers {
        if let Layer::Page(page) = layer
            && page.projection == projection
            && let About::Operations(waits) = &mut page.about
        {
            *waits = Some(told.clone());
        }
    }
}

/// What differs has come: the page that waits for it takes it.
pub fn compared(model: &mut Model, projection: &str, diff: &Result<Box<Diff>, String>) {
    for layer in &mut model.layers {
        if let Layer::Page(page) = layer
            && page.projection == projection
            && let About::Diff(waits) = &mut page.about
        {
            *waits = Some(diff.clone());
        }
    }
}

/// What is parked has come: the page that waits for it takes it.
pub fn parked(model: &mut Model, projection: &str, parked: &Result<Parked, String>) {
    for layer in &mut model.layers {
        if let Layer::Page(page) = layer
            && page.projection == projection
            && let About::Parked(waits) = &mut page.about
        {
            if let Ok((_, events)) = parked {
                page.scroll = page.scroll.min(events.len().saturating_sub(1));
            }
            *waits = Some(parked.clone());
        }
    }
}

/// Reads anew what a page shows of parked events, where another number of them is parked by now.
pub fn look_again(model: &Model) -> Vec<Effect> {
    let pages = model.layers.iter().filter_map(|layer| match layer {
        Layer::Page(page) => Some(page),
        _ => None,
    });
    let outdated = pages.filter(|page| {
        let view = model.projection(&page.projection);
        matches!(&page.about, About::Parked(Some(Ok((count, _))))
            if view.is_some_and(|view| view.parked != count.events))
    });
    let effects = outdated.map(|page| Effect::Parked {
        projection: page.projection.clone(),
    });
    effects.collect()
}

/// Something was taken back, or not.
pub fn undone(
    model: &mut Model,
    projection: &str,
    result: Result<Result<Undone, CannotUndo>, String>,
) {
    let (tone, text) = match result {
        Err(error) => (Tone::Bad, format!("undo: {error}")),
        Ok(Err(why)) => (Tone::Info, why.to_string()),
        Ok(Ok(undone)) => {
            let did = format!("`{}` is taken back by `{}`", undone.was, undone.by);
            match undone.done {
                Done::Finished { what } => {
                    let later = news::overtaken(model, projection, &undone.by, undone.asked);
                    if let Some(news) = later {
                        model.say(Tone::Info, format!("{news}, after you took it back"));
                        return;
                    }
                    (Tone::Good, format!("{did}: {what}"))
                }
                Done::Failed { reason } => (Tone::Bad, format!("{did} failed: {reason}")),
                Done::Requested => (Tone::Info, format!("{did} once an engine runs")),
            }
        }
    };
    model.say(tone, format!("{projection}: {text}"));
}
