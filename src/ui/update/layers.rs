//! What keys do in what lies over the screen: which layer takes them, and the changes of its text.

use super::super::action::{Action, Edit};
use super::super::state::form::Form;
use super::super::state::help::Help;
use super::super::state::{Layer, Model};
use super::super::{state, view};
use super::{Change, Effect, chosen, form, line, operation, page, question, screen};

/// An action within the topmost layer.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if action == Action::Line {
        return screen::line(model);
    }
    if let Some(Layer::Page(open)) = model.layers.last() {
        if action == Action::Accept {
            return page::accept(model);
        }
        if state::line::takes_projection(action) {
            let name = open.projection.clone();
            if let Some(event) = open.parked().map(|event| event.position)
                && matches!(action, Action::Retry | Action::Skip)
            {
                // The page stays under the line.
                return chosen::begin_line(model, action, &name, Some(event));
            }
            model.layers.pop();
            return chosen::on_projection(model, action, &name, None);
        }
        let lines = view::page_length(model, open);
        if let Some(Layer::Page(open)) = model.layers.last_mut() {
            page::act(open, action, lines);
        }
        return Vec::new();
    }
    let last = match model.layers.last() {
        Some(Layer::Help(help)) => view::help_scroll(model, help),
        _ => 0,
    };
    match model.layers.last_mut() {
        None | Some(Layer::Page(_)) => Vec::new(),
        Some(Layer::Help(help)) => {
            help_act(help, action, last);
            Vec::new()
        }
        Some(Layer::Commands(chooser)) => {
            let count = chooser.fitting.len().max(1);
            match action {
                Action::Up => chooser.chosen = (chooser.chosen + count - 1) % count,
                Action::Down => chooser.chosen = (chooser.chosen + 1) % count,
                Action::Accept => {
                    if let Some(command) = chooser.command() {
                        let mut form = Form::new(command);
                        form.know(&model.known);
                        model.layers.push(Layer::Form(form));
                    }
                }
                _ => {}
            }
            Vec::new()
        }
        Some(Layer::Queries(chooser)) => {
            let count = chooser.fitting.len().max(1);
            match action {
                Action::Up => chooser.chosen = (chooser.chosen + count - 1) % count,
                Action::Down => chooser.chosen = (chooser.chosen + 1) % count,
                Action::Accept => {
                    if let Some(query) = chooser.command().cloned() {
                        question::form(model, &query);
                    }
                }
                _ => {}
            }
            Vec::new()
        }
        // The filter is kept as it is typed: the key only closes its line. One that is none would narrow nothing, and
        // say so nowhere.
        Some(Layer::Filter(narrowing)) => {
            if action == Action::Accept {
                narrowing.is_refused = narrowing.error(model.screen).is_some();
                if !narrowing.is_refused {
                    model.layers.pop();
                }
            }
            Vec::new()
        }
        Some(Layer::Form(_)) => form::act(model, action),
        Some(Layer::Query(_)) => question::act(model, action),
        Some(Layer::Policy(_) | Layer::Confirm(_)) => operation::act(model, action),
        Some(Layer::Line(_)) => line::act(model, action),
    }
}

/// An action within the list of keys, of which so many lines can be scrolled away.
fn help_act(help: &mut Help, action: Action, last: usize) {
    let scroll = help.scroll.min(last);
    help.scroll = match action {
        Action::Up => scroll.saturating_sub(1),
        Action::Down => scroll + 1,
        Action::PageUp => scroll.saturating_sub(10),
        Action::PageDown => scroll + 10,
        Action::First => 0,
        Action::Last => last,
        _ => scroll,
    }
    .min(last);
    match action {
        Action::Filter => help.is_typing = true,
        Action::Accept => help.is_typing = false,
        _ => {}
    }
}

/// A change of the text that has the cursor.
pub fn edit(model: &mut Model, edit: Edit) -> Vec<Effect> {
    change(model, &Change::Edit(edit))
}

/// A text, typed or pasted, into the field that has the cursor.
pub fn typed(model: &mut Model, text: &str) -> Vec<Effect> {
    change(model, &Change::Typed(text))
}

fn change(model: &mut Model, change: &Change<'_>) -> Vec<Effect> {
    match model.layers.last_mut() {
        Some(Layer::Commands(chooser) | Layer::Queries(chooser)) => {
            let before = chooser.filter.text().to_owned();
            change.apply(&mut chooser.filter);
            if chooser.filter.text() != before {
                chooser.search();
            }
        }
        Some(Layer::Form(form)) if !form.sending => {
            form.answer = None;
            if let Some(field) = form.focused() {
                field.touched = true;
                field.going = None;
                change.apply(&mut field.editor);
            }
        }
        Some(Layer::Query(question)) => {
            question.form.answer = None;
            if let Some(field) = question.form.focused() {
                field.touched = true;
                change.apply(&mut field.editor);
            }
        }
        Some(Layer::Filter(narrowing)) => {
            narrowing.is_refused = false;
            change.apply(&mut narrowing.editor);
            let text = narrowing.editor.text().to_owned();
            return screen::narrow(model, &text);
        }
        Some(Layer::Help(help)) if help.is_typing => {
            change.apply(&mut help.editor);
            help.scroll = 0;
        }
        Some(Layer::Policy(prompt)) => change.apply(&mut prompt.editor),
        Some(Layer::Line(line)) if line.sending.is_none() => {
            line.error = None;
            line.back = None;
            change.apply(&mut line.editor);
        }
        Some(Layer::Confirm(confirm)) => {
            let before = confirm.operation();
            if let Some(editor) = confirm.focused() {
                change.apply(editor);
            }
            if confirm.operation() != before {
                confirm.preview = None;
                return operation::ask(confirm);
            }
        }
        _ => {}
    }
    Vec::new()
}
