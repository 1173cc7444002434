//! The command line: completed, recalled, done.

use super::super::action::{ACTIONS, Action};
use super::super::screen::Screen;
use super::super::state::form::{Form, defaults};
use super::super::state::line::{
    action_named, candidates, choices, is_position, is_whole, read, shows_projection,
    takes_projection,
};
use super::super::state::{Layer, Model};
use super::super::text;
use super::{Effect, chosen, export, load, screen};
use crate::event::{Position, StreamId};
use crate::lag::Status;
use crate::workspace::{
    AsOf, CommandInfo, FaultError, FaultOrder, Operation, Policy, Problem, Which, from_words,
    reason,
};

/// How many lines are remembered.
const HISTORY: usize = 500;

/// An action within the command line.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if matches!(model.layers.last(), Some(Layer::Line(line)) if line.sending.is_some()) {
        return Vec::new();
    }
    match action {
        Action::Up => recall(model, true),
        Action::Down => recall(model, false),
        Action::Complete => complete(model),
        Action::Accept => return accept(model),
        _ => {}
    }
    Vec::new()
}

/// The line before that begins with what was typed, or the one after it; after the last, what was typed.
fn recall(model: &mut Model, back: bool) {
    let Some(Layer::Line(line)) = model.layers.last_mut() else {
        return;
    };
    let (typed, at) = match line.back.take() {
        Some(back) => back,
        None => (line.editor.text().to_owned(), model.history.len()),
    };
    let shown = line.editor.text();
    let fits = |at: &usize| {
        let other = model.history[*at].as_str();
        other.starts_with(&typed) && other != shown
    };
    let found = if back {
        (0..at).rev().find(fits)
    } else {
        (at + 1..model.history.len()).find(fits)
    };
    match found {
        Some(found) => {
            line.editor.set(model.history[found].as_str());
            line.back = Some((typed, found));
        }
        None if back => line.back = Some((typed, at)),
        None => line.editor.set(typed),
    }
}

fn complete(model: &mut Model) {
    let Some(Layer::Line(line)) = model.layers.last() else {
        return;
    };
    let typed = line.editor.text().to_owned();
    let start = read(&typed).last;
    // What is whole is ended, and not turned into something longer.
    let whole = is_whole(model, &typed).then(|| typed[start..].to_owned());
    let candidate = whole.or_else(|| candidates(model, &typed).into_iter().next());
    // The first word may have been typed by some of its letters.
    let some_letters = || {
        let first = !typed.contains(char::is_whitespace) && !typed.is_empty();
        let choice = first.then(|| choices(model, &typed).into_iter().next());
        choice.flatten().map(|choice| choice.name)
    };
    let Some(word) = candidate.or_else(some_letters) else {
        return;
    };
    let space = if word.ends_with('=') { "" } else { " " };
    if let Some(Layer::Line(line)) = model.layers.last_mut() {
        line.editor.set(format!("{}{word}{space}", &typed[..start]));
    }
}

fn accept(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Line(line)) = model.layers.last() else {
        return Vec::new();
    };
    let typed = line.editor.text().trim().to_owned();
    let read = read(&typed);
    let mut words = read.words;
    if words.first().is_some_and(|first| first == "skip") {
        // A reason is taken as it is typed: it may have an apostrophe.
        words = typed.splitn(4, ' ').map(str::to_owned).collect();
    }
    let Some((first, rest)) = words.split_first() else {
        model.layers.pop();
        return Vec::new();
    };
    let rows = matches!(model.screen, Screen::Overview | Screen::Rebuilds);
    // What is looked for ends where the line does.
    let is_open = read.open.filter(|_| !matches!(&**first, "skip" | "events"));
    let done = match is_open {
        Some(mark) => Err(unclosed(&typed[read.last..], mark)),
        None => run(model, first, rest),
    };
    match done {
        Ok(effects) => {
            let mut effects = effects;
            if rows {
                choose(model, first, rest);
            }
            if model.history.last() != Some(&typed) {
                model.history.push(typed.clone());
                effects.push(Effect::Remember(typed));
            }
            if model.history.len() > HISTORY {
                model.history.remove(0);
            }
            effects
        }
        Err(error) => {
            if let Some(Layer::Line(line)) = model.layers.last_mut() {
                line.error = Some(error);
            }
            Vec::new()
        }
    }
}

/// What is wrong with a word that nobody has ended.
fn unclosed(word: &str, mark: char) -> String {
    let other = if mark == '"' { '\'' } else { '"' };
    format!(
        "{word} has no end: write {mark} behind it, or {other} around what has a {mark} of its own"
    )
}

/// Chooses the projection that a line named: the next key is about the same.
fn choose(model: &mut Model, first: &str, rest: &[String]) {
    let names = matches!(first, "resume" | "unskip")
        || action_named(model, first).is_some_and(takes_projection);
    let named = rest.first().filter(|_| names);
    if let Some(view) = named.and_then(|name| model.projection(name)) {
        model.overview.selected = Some(view.name.clone());
    }
}

/// Errors: there are words that nothing would be done with.
fn no_more(first: &str, rest: &[String]) -> Result<(), String> {
    match rest.first() {
        None => Ok(()),
        Some(word) => Err(format!("{first} does nothing with {word:?}: leave it out")),
    }
}

/// Does what a line says; the line is closed where it could be done. Errors: what is wrong with it.
pub fn run(model: &mut Model, first: &str, rest: &[String]) -> Result<Vec<Effect>, String> {
    if model.read_only && changes(model, first) {
        return Err("this dashboard only looks: it was started with --read-only".to_owned());
    }
    if first == "resume" && !model.read_only {
        let name = projection(model, rest)?;
        model.layers.pop();
        return Ok(super::operation::start(model, name, Operation::Resume));
    }
    if first == "unskip" && !model.read_only {
        let name = projection(model, rest)?;
        let event = position(
            rest.get(1)
                .ok_or("which event? Write unskip NAME POSITION")?,
        )?;
        model.layers.pop();
        return Ok(super::operation::start(
            model,
            name,
            Operation::Unskip { event },
        ));
    }
    if first == "fault" {
        return fault(model, rest);
    }
    if let Some(action) = action_named(model, first) {
        return if takes_projection(action) {
            on_projection(model, action, rest)
        } else if let (Action::Go(Screen::Events), [_, ..]) = (action, rest) {
            let effects = super::events::open_with(model, rest)?;
            model.layers.pop();
            Ok(effects)
        } else if action == Action::Go(Screen::Events) {
            Ok(super::events::open_all(model))
        } else if let (true, Some(name)) = (shows_projection(action), rest.first()) {
            no_more(first, &rest[1..])?;
            let name = projection(model, std::slice::from_ref(name))?;
            model.layers.pop();
            model.overview.selected = Some(name);
            Ok(super::act(model, action))
        } else if let (Action::Go(Screen::Stream), Some(name)) = (action, rest.first()) {
            no_more(first, &rest[1..])?;
            let stream = StreamId::new(name).map_err(|e| e.to_string())?;
            model.layers.pop();
            Ok(super::stream::open(model, stream))
        } else if let (Action::Load, Some(rate)) = (action, rest.first()) {
            no_more(first, &rest[1..])?;
            let rate = rate.trim_end_matches("/s").parse::<f64>().ok();
            let rate = rate
                .filter(|rate| (0.0..=1e6).contains(rate))
                .ok_or("write the load in commands a second, as load 50")?;
            model.layers.pop();
            Ok(load::set(model, rate))
        } else if let (Action::Theme, [name, ..]) = (action, rest) {
            no_more(first, &rest[1..])?;
            let theme = name.parse()?;
            model.layers.pop();
            Ok(screen::themed(model, theme))
        } else if action == Action::Export {
            let format = match rest {
                [] => export::Format::Csv,
                [word] if word == "csv" => export::Format::Csv,
                [word] if word == "json" => export::Format::Json,
                _ => return Err("write export csv or export json".to_owned()),
            };
            model.layers.pop();
            Ok(export::table(model, format))
        } else {
            no_more(first, rest)?;
            model.layers.pop();
            Ok(super::act(model, action))
        };
    }
    if is_position(first) && rest.is_empty() {
        return super::events::open_with(model, &[first.to_owned()]);
    }
    let has = |command: &CommandInfo| command.name == first;
    if let Some(entry) = ACTIONS.iter().find(|entry| entry.name == first)
        && !model.commands.iter().any(has)
    {
        return Err(model.why_not(entry));
    }
    send(model, first, rest)
}

/// Whether a word asks for a change.
fn changes(model: &Model, first: &str) -> bool {
    let mut named = ACTIONS.iter().filter(|entry| entry.name == first);
    matches!(first, "resume" | "unskip")
        || named.any(|entry| entry.changing)
        || model.commands.iter().any(|command| command.name == first)
}

fn on_projection(
    model: &mut Model,
    action: Action,
    rest: &[String],
) -> Result<Vec<Effect>, String> {
    let shown = model.time_shown().filter(|_| action == Action::Past);
    let shown = shown.map(str::to_owned);
    if action == Action::Past
        && let Some(name) = shown.clone().or_else(|| chosen_name(model))
        && rest
            .first()
            .is_some_and(|word| model.projection(word).is_none())
        && let Ok(at) = as_of(&rest.join(" "))
    {
        within_log(model, at)?;
        model.layers.pop();
        return Ok(super::time::open(model, name, Some(at)));
    }
    let named = match shown {
        Some(name) if rest.is_empty() => Ok(name),
        _ => projection(model, rest),
    };
    let name = named.map_err(|error| match rest.first() {
        Some(word) if action == Action::Past && as_of(word).is_err() => {
            let names = error.split_once("; ").map_or("", |(_, names)| names);
            format!("{word:?} is no position, no time and no projection: {names}")
        }
        _ => error,
    })?;
    let rest = rest.get(1..).unwrap_or_default();
    match action {
        Action::Policy if !rest.is_empty() => {
            let policy: Policy = rest
                .join(" ")
                .parse()
                .map_err(|e: <Policy as std::str::FromStr>::Err| e.to_string())?;
            model.layers.pop();
            return Ok(super::operation::start(
                model,
                name,
                Operation::SetPolicy(policy),
            ));
        }
        Action::Retry | Action::Skip if rest.is_empty() && has_none_parked(model, &name) => {
            return Err(format!("nothing is parked in {name}"));
        }
        Action::Retry => {
            let which = match rest {
                [word] if word == "all" || word == "--all" => Which::All,
                [word] if word.contains('-') => {
                    Which::Stream(StreamId::new(word).map_err(|e| e.to_string())?)
                }
                [word] => Which::Event(position(word)?),
                _ => {
                    return Err(
                        "which? Write retry NAME and a position, a stream, or all".to_owned()
                    );
                }
            };
            model.layers.pop();
            return Ok(super::operation::start(
                model,
                name,
                Operation::Retry(which),
            ));
        }
        Action::Skip => {
            let [event, why @ ..] = rest else {
                return Err(
                    "which event, and why? Write skip NAME POSITION and the reason".to_owned(),
                );
            };
            let event = position(event)?;
            let reason = reason(&why.join(" "))?;
            model.layers.pop();
            let operation = Operation::Skip { event, reason };
            return Ok(super::operation::start(model, name, operation));
        }
        Action::Past => {
            let at = match rest {
                [] => None,
                words => Some(as_of(&words.join(" "))?),
            };
            at.map_or(Ok(()), |at| within_log(model, at))?;
            model.layers.pop();
            return Ok(super::time::open(model, name, at));
        }
        Action::Ask => return super::question::typed(model, &name, rest),
        Action::Objective => {
            let policy = match rest {
                [] => None,
                words => {
                    let policy: Result<Policy, _> = words.join(" ").parse();
                    Some(policy.map_err(|e: <Policy as std::str::FromStr>::Err| e.to_string())?)
                }
            };
            model.layers.pop();
            return Ok(super::projection::objective(model, name, policy));
        }
        Action::Repair => {
            let [key] = rest else {
                return Err("whose rows? Write repair NAME KEY, as repair orders 1042".to_owned());
            };
            let key = key.clone();
            model.layers.pop();
            return Ok(super::page::repair(model, name, key));
        }
        Action::Pause if paused(model, &name) => return Err(format!("{name} is paused already")),
        Action::Pause => {
            model.layers.pop();
            return Ok(super::operation::start(model, name, Operation::Pause));
        }
        _ => {}
    }
    // As the command line of the shell has it, and the history of what was asked.
    let (action, rest) = match (action, rest) {
        (Action::Rebuild, [word]) if word == "--hold" => (Action::Hold, &[][..]),
        other => other,
    };
    if action != Action::Replay
        && let Some(word) = rest.first()
    {
        let name = action.name();
        return Err(format!(
            "{word:?} is too much: {name} takes the name of a projection and nothing else"
        ));
    }
    let after = rest.first().cloned();
    if let Some(after) = &after {
        after
            .replace(',', "")
            .parse::<u64>()
            .map_err(|_| format!("{after:?} is not a position: write a whole number from 0"))?;
    }
    model.layers.pop();
    Ok(chosen::on_projection(model, action, &name, after))
}

/// The projection that is chosen elsewhere.
fn chosen_name(model: &Model) -> Option<String> {
    model.selected().map(|view| view.name.clone())
}

/// When a read model is to be shown. Errors: what was typed is no point of time.
fn as_of(word: &str) -> Result<AsOf, String> {
    let number = word.replace(',', "").parse().map(Position::new);
    let at = number.map(AsOf::Position);
    at.or_else(|_| word.parse())
        .map_err(|e: <AsOf as std::str::FromStr>::Err| e.to_string())
}

/// Errors: it is a position that the log has not reached.
fn within_log(model: &Model, at: AsOf) -> Result<(), String> {
    let newest = model.newest.as_ref().unwrap_or(&model.snapshot);
    match at {
        AsOf::Position(position) if position > newest.head => Err(format!(
            "position {} is beyond the head: the log ends at {}",
            text::thousands(position.get()),
            text::thousands(newest.head.get())
        )),
        _ => Ok(()),
    }
}

/// A position that was typed. Errors: it is none.
fn position(word: &str) -> Result<Position, String> {
    let number = word.replace(',', "").parse().map(Position::new);
    number.map_err(|_| format!("{word:?} is not a position: write a whole number"))
}

fn has_none_parked(model: &Model, name: &str) -> bool {
    model.projection(name).is_some_and(|view| view.parked == 0)
}

fn paused(model: &Model, name: &str) -> bool {
    let view = model.projection(name);
    view.is_some_and(|view| view.lag.status == Status::Paused)
}

/// Injects a fault, or ends faults. Errors: what is wrong with the words, or that there are none here.
fn fault(model: &mut Model, rest: &[String]) -> Result<Vec<Effect>, String> {
    if action_named(model, "fault").is_none() {
        return Err(if model.read_only {
            "this dashboard only looks: it was started with --read-only".to_owned()
        } else {
            FaultError::NotAllowed.to_string()
        });
    }
    let words = rest.join(" ");
    let order: FaultOrder = words.parse().map_err(|e: FaultError| e.to_string())?;
    if let Some(name) = order.projection() {
        projection(model, &[name.to_owned()])?;
    }
    if let FaultOrder::Poison {
        projection,
        event_type: Some(event_type),
    } = &order
        && let Some(view) = model.projection(projection)
        && !view.event_types.is_empty()
        && !view.event_types.contains(event_type)
    {
        let error = FaultError::Type {
            projection: projection.clone(),
            event_type: event_type.clone(),
            known: view.event_types.join(", "),
        };
        return Err(error.to_string());
    }
    model.layers.pop();
    Ok(vec![Effect::Inject(order)])
}

/// The projection that the words name; the chosen one where they name none.
fn projection(model: &Model, words: &[String]) -> Result<String, String> {
    let view = match words.first() {
        Some(name) => model.projection(name),
        None => model.selected(),
    };
    view.map(|view| view.name.clone()).ok_or_else(|| {
        let all = model.snapshot.projections.iter();
        let names: Vec<&str> = all.map(|view| view.name.as_str()).collect();
        match words.first() {
            Some(name) if problem_of(model, name).is_some() => {
                problem_of(model, name).unwrap_or_default().to_owned()
            }
            _ if names.is_empty() => "there is no projection".to_owned(),
            Some(name) => format!("no projection {name:?}; there are {}", names.join(", ")),
            None => "name a projection".to_owned(),
        }
    })
}

/// What is wrong with the file of a projection that is not there because of that.
fn problem_of<'a>(model: &'a Model, name: &str) -> Option<&'a str> {
    let [file, lead] = [format!("{name}.sql:"), format!("{name}: ")];
    let mut problems = model.snapshot.problems.iter();
    let found = problems.find(|problem| {
        let rest = problem.rsplit_once(&file).map(|(before, _)| before);
        problem.starts_with(&lead) || rest.is_some_and(|b| b.is_empty() || b.ends_with(['/', '\\']))
    });
    found.and_then(|problem| problem.lines().next())
}

/// Sends a command that is complete, as it was typed; opens its form where something is missing or wrong, with what was
/// typed. Errors, in the words of the shell's command line: there is no such command or field, one is given twice.
fn send(model: &mut Model, name: &str, rest: &[String]) -> Result<Vec<Effect>, String> {
    let info = model
        .commands
        .iter()
        .find(|c| c.name == name && !model.read_only)
        .ok_or_else(|| format!("there is no action and no command {name:?}; Tab completes"))?;
    let mut form = Form::new(info);
    let filled = form.fill(rest);
    let words: Vec<String> = [rest, &defaults(&info.schema, rest)].concat();
    match from_words(info, &words) {
        Ok(data) => {
            // It stays until the command is accepted: what is wrong is mended where it was typed.
            if let Some(Layer::Line(line)) = model.layers.last_mut() {
                line.error = None;
                line.sending = Some(name.to_owned());
            }
            Ok(vec![Effect::Send {
                command: name.to_owned(),
                data,
            }])
        }
        Err(mut problems) => {
            // What is wrong with what was typed stands before what was not.
            problems.sort_by_key(|problem| problem.problem == Problem::Missing);
            if filled.is_err() {
                let each: Vec<String> = problems.iter().map(ToString::to_string).collect();
                return Err(format!("{name} cannot be sent: {}", each.join("; ")));
            }
            let (missing, wrong): (Vec<_>, Vec<_>) = problems
                .iter()
                .partition(|problem| problem.problem == Problem::Missing);
            let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            let missing: Vec<String> = missing.iter().map(|p| p.field.clone()).collect();
            model.layers.pop();
            // A problem may be with a part of a field.
            let first = problems.first().map_or("", |problem| &problem.field);
            let field = first.split(['.', '[']).next().unwrap_or_default();
            let place = form.fields.iter().position(|f| f.name == field);
            form.focus = place.unwrap_or(0);
            form.know(&model.known);
            form.refuse(&wrong, &missing);
            model.layers.push(Layer::Form(form));
            Ok(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests;
