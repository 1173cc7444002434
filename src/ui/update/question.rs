//! Queries: chosen from the list, filled in, asked, answered.

use std::sync::Arc;

use super::super::action::Action;
use super::super::ask::projection::{Ask, What};
use super::super::screen::Screen;
use super::super::state::commands::Chooser;
use super::super::state::projection::{Answers, Level, Pane};
use super::super::state::question::{Asked, Question, listed, refused};
use super::super::state::{Layer, Model, Tone};
use super::{Effect, screen};
use crate::workspace::{CommandInfo, Consistency, Policy};

/// Opens the form of the only query, or the list of all.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let Some(view) = model.selected() else {
        return Vec::new();
    };
    let queries = listed(view);
    match queries.as_slice() {
        [] => {
            let words = format!(
                "{} answers no queries: write `-- query NAME(…)` in its file",
                view.name
            );
            model.say(Tone::Info, words);
        }
        [only] => form(model, only),
        _ => {
            let chooser = Chooser::new(Arc::from(queries));
            model.layers.push(Layer::Queries(chooser));
        }
    }
    Vec::new()
}

/// Opens the form of a query.
pub fn form(model: &mut Model, query: &CommandInfo) {
    let question = Question::new(query, &model.projection.filled_in);
    model.layers.push(Layer::Query(question));
}

/// An action within the form.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(Layer::Query(question)) = model.layers.last_mut() else {
        return Vec::new();
    };
    let form = &mut question.form;
    let count = form.fields.len().max(1);
    let step = match action {
        Action::Next => 1,
        Action::Previous => count - 1,
        Action::Accept => return accept(model),
        _ => return Vec::new(),
    };
    if let Some(field) = form.focused() {
        field.touched = true;
    }
    form.focus = (form.focus + step) % count;
    Vec::new()
}

fn accept(model: &mut Model) -> Vec<Effect> {
    let head = model.snapshot.head;
    let Some(Layer::Query(question)) = model.layers.last_mut() else {
        return Vec::new();
    };
    match question.asked(head) {
        Ok(asked) => {
            let projection = question.projection.clone();
            ask(model, projection, asked)
        }
        Err((at, reason)) => {
            question.form.focus = at;
            if let Some(field) = question.form.focused() {
                field.touched = true;
            }
            question.form.answer = Some(refused(reason));
            Vec::new()
        }
    }
}

/// Asks, and shows where the answers will be. A dashboard that only looks does not have a `manual` read model apply
/// what waits, which is what asking it for more than the present answer does.
pub fn ask(model: &mut Model, projection: String, mut asked: Asked) -> Vec<Effect> {
    let manual = model
        .projection(&projection)
        .is_some_and(|view| view.policy == Policy::Manual);
    if manual && model.read_only {
        asked.levels = vec![Consistency::Eventual];
    }
    model.overview.selected = Some(projection.clone());
    let mut effects = screen::go(model, Screen::Projection);
    model.projection.focus(Pane::Queries);
    let filled_in = asked.parameters.clone();
    model.projection.filled_in.extend(filled_in);
    let mut all = Vec::new();
    for consistency in &asked.levels {
        let number = model.begin();
        all.push(Level {
            number,
            consistency: *consistency,
            answer: None,
        });
        effects.push(Effect::Projection(Ask {
            number,
            projection: projection.clone(),
            what: What::Query {
                query: asked.query.clone(),
                parameters: asked.parameters.clone(),
                consistency: *consistency,
            },
        }));
    }
    let choice = model.selected().and_then(|view| {
        let queries = &view.queries;
        queries.iter().position(|query| query.name == asked.query)
    });
    model.projection.scroll[Pane::Queries as usize] = choice.unwrap_or(0);
    model.projection.answers = Some(Answers {
        query: asked.query,
        parameters: asked.parameters,
        all,
        shown: 0,
        scroll: 0,
        left: 0,
    });
    effects
}

/// Asks what was typed: `NAME QUERY key=value… how`. Opens the form where something is missing. Errors: what is wrong
/// with the words.
pub fn typed(model: &mut Model, name: &str, words: &[String]) -> Result<Vec<Effect>, String> {
    let view = model.projection(name).ok_or("it is gone")?;
    let queries = listed(view);
    let Some((query, rest)) = words.split_first() else {
        model.layers.pop();
        model.overview.selected = Some(name.to_owned());
        return Ok(open(model));
    };
    let Some(info) = queries.iter().find(|info| info.name == *query) else {
        let names: Vec<&str> = queries.iter().map(|info| info.name.as_str()).collect();
        return Err(match names.as_slice() {
            [] => format!("{name} answers no queries"),
            names => format!("{name} has no query {query:?}: it has {}", names.join(", ")),
        });
    };
    let mut question = Question::new(info, &Default::default());
    question.fill(rest)?;
    let asked = question.asked(model.snapshot.head);
    model.layers.pop();
    match asked {
        Ok(asked) => Ok(ask(model, name.to_owned(), asked)),
        Err((at, _)) => {
            question.form.focus = at;
            if let Some(field) = question.form.focused() {
                field.touched = true;
            }
            model.layers.push(Layer::Query(question));
            Ok(Vec::new())
        }
    }
}
