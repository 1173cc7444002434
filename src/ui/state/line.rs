//! The command line: what is typed after `:`, what it means, and how it could go on.

use std::collections::BTreeSet;

use super::super::action::{ACTIONS, Action};
use super::super::screen::Screen;
use super::Model;
use super::editor::Editor;
use super::operation::POLICIES;
use super::stream::recent;

/// What is typed after `:`.
#[derive(Debug, Clone, Default)]
pub struct CommandLine {
    /// What is typed.
    pub editor: Editor,
    /// What is wrong with it, once Enter was pressed.
    pub error: Option<String>,
    /// How many lines back in history; 0 is the one that is typed.
    pub back: usize,
}

/// The words of a line. Quotes, single or double, and brackets keep spaces together.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut depth, mut any) = (None::<char>, 0_usize, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(q), _) if c == q => {
                quote = None;
                if depth > 0 {
                    word.push(c);
                }
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                any = true;
                if depth > 0 {
                    word.push(c);
                }
            }
            (None, _) if c.is_whitespace() && depth == 0 => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            _ => {
                match (quote, c) {
                    (None, '[' | '{') => depth += 1,
                    (None, ']' | '}') => depth = depth.saturating_sub(1),
                    _ => {}
                }
                any = true;
                word.push(c);
            }
        }
    }
    if any {
        words.push(word);
    }
    words
}

/// How the line after `:` could go on: whole words for the last one, the best first.
pub fn candidates(model: &Model, line: &str) -> Vec<String> {
    let mut words = words(line);
    let last = if line.is_empty() || line.ends_with(char::is_whitespace) {
        String::new()
    } else {
        words.pop().unwrap_or_default()
    };
    let options: Vec<String> = match words.first().map(String::as_str) {
        None => first_words(model),
        Some(first) => match action_named(model, first) {
            Some(Action::Policy) if words.len() >= 2 => {
                return policies(&words[2..], &last);
            }
            Some(Action::Retry) if words.len() == 2 => vec!["all".to_owned()],
            Some(Action::Fault) => faults(model, &words[1..]),
            Some(Action::Go(Screen::Stream)) if words.len() == 1 => streams(model),
            Some(Action::Go(Screen::Events)) => terms(model),
            Some(action) if takes_projection(action) && words.len() == 1 => {
                let all = model.snapshot.projections.iter();
                all.map(|view| view.name.clone()).collect()
            }
            _ => field_words(model, first, &words),
        },
    };
    let fits = |option: &String| option.starts_with(&last) && *option != last;
    options.into_iter().filter(fits).collect()
}

/// The action with this name after `:`, where it is to be had.
pub fn action_named(model: &Model, name: &str) -> Option<Action> {
    let entry = ACTIONS.iter().find(|entry| entry.name == name)?;
    (!name.is_empty() && model.has(entry)).then_some(entry.action)
}

/// Whether an action's first word after its name is a projection.
pub fn takes_projection(action: Action) -> bool {
    matches!(
        action,
        Action::Pause
            | Action::Policy
            | Action::Rebuild
            | Action::Hold
            | Action::PauseRebuild
            | Action::Diff
            | Action::CutOver
            | Action::RollBack
            | Action::Cancel
            | Action::Replay
            | Action::Apply
            | Action::Why
            | Action::Operations
            | Action::Undo
            | Action::Parked
            | Action::Retry
            | Action::Skip
            | Action::Past
            | Action::Verify
            | Action::Repair
            | Action::Copy
    )
}

fn first_words(model: &Model) -> Vec<String> {
    let actions = ACTIONS
        .iter()
        .filter(|entry| !entry.name.is_empty() && model.has(entry))
        .map(|entry| entry.name.to_owned());
    let resume = (!model.read_only).then(|| "resume".to_owned());
    let commands = model.commands.iter().filter(|_| !model.read_only);
    actions
        .chain(resume)
        .chain(commands.map(|command| command.name.clone()))
        .collect()
}

/// The streams that something happened to lately, the newest first.
fn streams(model: &Model) -> Vec<String> {
    let streams = recent(&model.snapshot).into_iter();
    streams.map(|r| r.last.stream.to_string()).collect()
}

/// What the log could be narrowed to: what the projections take, and what happened lately.
fn terms(model: &Model) -> Vec<String> {
    let recent = model.snapshot.recent.iter().rev();
    let taken = model.snapshot.projections.iter();
    let mut terms: Vec<String> = taken
        .flat_map(|view| view.event_types.iter())
        .map(|name| format!("type:{name}"))
        .collect();
    for event in recent {
        terms.push(format!("type:{}", event.event_type));
        terms.push(format!("stream:{}", event.stream));
        terms.push(format!("category:{}", event.stream.category()));
    }
    let mut seen = BTreeSet::new();
    terms.retain(|term| !term.contains(char::is_whitespace) && seen.insert(term.clone()));
    terms
}

/// How a fault could go on: what, of which projection, and by how much or which event.
fn faults(model: &Model, typed: &[String]) -> Vec<String> {
    let views = model.snapshot.projections.iter();
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    let options: Vec<&str> = match typed.as_slice() {
        [] => vec!["slow", "stall", "poison", "stop"],
        ["slow" | "stall" | "poison"] => views.map(|view| view.name.as_str()).collect(),
        ["stop"] => {
            let with = views.filter(|view| view.injected.is_some());
            with.map(|view| view.name.as_str()).collect()
        }
        ["slow", _] => vec!["20ms", "100ms", "500ms"],
        ["poison", name] => {
            let view = model.projection(name);
            let types = view.map(|view| view.event_types.as_slice());
            types
                .unwrap_or_default()
                .iter()
                .map(String::as_str)
                .collect()
        }
        _ => Vec::new(),
    };
    options.into_iter().map(str::to_owned).collect()
}

fn policies(typed: &[String], last: &str) -> Vec<String> {
    let place = typed.len();
    let fitting = POLICIES.iter().filter_map(|(policy, _)| {
        let words: Vec<&str> = policy.split(' ').collect();
        let begins = typed.first().is_none_or(|first| words[0] == first);
        let word = words.get(place).filter(|_| begins)?;
        (word.starts_with(last) && *word != last).then(|| (*word).to_owned())
    });
    fitting.collect()
}

fn field_words(model: &Model, command: &str, words: &[String]) -> Vec<String> {
    let Some(info) = model.commands.iter().find(|c| c.name == command) else {
        return if command == "resume" && words.len() == 1 {
            let all = model.snapshot.projections.iter();
            all.map(|view| view.name.clone()).collect()
        } else {
            Vec::new()
        };
    };
    let fields = info.schema["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, _)| format!("{name}="))
        .filter(|lead| !words.iter().any(|word| word.starts_with(lead)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::model;
    use super::*;

    #[test]
    fn words_keep_quotes_and_brackets_together() {
        assert_eq!(
            words(r#"PlaceOrder order=7 note="two words" lines=[{"product": "a b"}]"#),
            [
                "PlaceOrder",
                "order=7",
                "note=two words",
                r#"lines=[{"product": "a b"}]"#
            ]
        );
    }

    #[test]
    fn a_line_goes_on_with_actions_commands_projections_and_fields() {
        let model = model();
        assert!(candidates(&model, "pa").contains(&"pause".to_owned()));
        assert_eq!(candidates(&model, "rebuild or"), ["orders", "orders@ap"]);
        assert_eq!(candidates(&model, "resume cust"), ["customers"]);
        assert_eq!(candidates(&model, "policy orders ba"), ["batch"]);
        assert_eq!(candidates(&model, "policy orders batch "), ["500"]);
        assert_eq!(candidates(&model, "PlaceO"), ["PlaceOrder"]);
        assert_eq!(candidates(&model, "PlaceOrder order=7 cu"), ["customer="]);
        assert_eq!(
            candidates(&model, "events type:Order"),
            ["type:OrderPlaced", "type:OrderShipped"]
        );
        assert_eq!(
            candidates(&model, "events type:x category:pr"),
            ["category:product"]
        );
    }

    #[test]
    fn a_fault_goes_on_with_what_it_can_be_where_there_can_be_any() {
        let mut model = model();
        assert!(candidates(&model, "faul").is_empty());
        model.faults = true;
        assert_eq!(candidates(&model, "faul"), ["fault"]);
        assert_eq!(
            candidates(&model, "fault "),
            ["slow", "stall", "poison", "stop"]
        );
        assert_eq!(candidates(&model, "fault slow cust"), ["customers"]);
        assert_eq!(candidates(&model, "fault slow customers 2"), ["20ms"]);
        let types = candidates(&model, "fault poison orders Order");
        assert_eq!(types, ["OrderPlaced", "OrderShipped"]);
        assert!(candidates(&model, "fault stop ").is_empty(), "none is on");
    }
}
