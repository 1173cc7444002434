//! The command line: what is typed after `:`, what it means, and how it could go on.

use std::collections::BTreeSet;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::super::action::{ACTIONS, Action};
use super::super::keymap::shown;
use super::super::screen::Screen;
use super::super::theme::ThemeName;
use super::Model;
use super::editor::Editor;
use super::form;
use super::operation::POLICIES;
use super::stream::recent;
use crate::text::thousands;

/// What is typed after `:`.
#[derive(Debug, Clone, Default)]
pub struct CommandLine {
    /// What is typed.
    pub editor: Editor,
    /// What is wrong with it, once Enter was pressed.
    pub error: Option<String>,
    /// The command that was sent and is not answered yet: meanwhile nothing can be typed.
    pub sending: Option<String>,
    /// What was typed before somebody went back in history, and the place there of what is shown.
    pub back: Option<(String, usize)>,
}

/// A line, as it is read.
#[derive(Debug, Default)]
pub struct Read {
    /// Its words.
    pub words: Vec<String>,
    /// Where the last of them begins, in bytes; the line's end where that one is ended already.
    pub last: usize,
    /// The quotation mark that nobody has closed.
    pub open: Option<char>,
}

/// The words of a line.
pub fn words(line: &str) -> Vec<String> {
    read(line).words
}

/// Reads a line. Quotes, single or double, and brackets keep spaces together.
pub fn read(line: &str) -> Read {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut depth, mut any) = (None::<char>, 0_usize, false);
    let mut last = 0;
    for (at, c) in line.char_indices() {
        if !any {
            last = at;
        }
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
    } else {
        last = line.len();
    }
    Read {
        words,
        last,
        open: quote,
    }
}

/// How the line after `:` could go on: whole words for the last one, the best first.
pub fn candidates(model: &Model, line: &str) -> Vec<String> {
    let (options, last) = options(model, line);
    let is_value = last.contains('=');
    let fits = |option: &String| option.starts_with(&last) && *option != last;
    let fitting = options.into_iter().filter(fits);
    fitting
        .map(|option| match option.split_once('=') {
            Some((field, value)) if is_value => format!("{field}={}", quoted(value)),
            _ => option,
        })
        .collect()
}

/// Whether the last word of a line is one that could stand there: then it is not taken for the beginning of another.
pub fn is_whole(model: &Model, line: &str) -> bool {
    let (options, last) = options(model, line);
    !last.is_empty() && options.contains(&last)
}

/// What could stand in the place of the last word, and that word.
fn options(model: &Model, line: &str) -> (Vec<String>, String) {
    let Read {
        mut words, last, ..
    } = read(line);
    let last = if last < line.len() {
        words.pop().unwrap_or_default()
    } else {
        String::new()
    };
    let options = match last.split_once('=') {
        Some((field, _)) => values(model, words.first(), field),
        None => instead(model, &words),
    };
    (options, last)
}

/// What could stand after these words.
fn instead(model: &Model, words: &[String]) -> Vec<String> {
    match words.first().map(String::as_str) {
        None => first_words(model),
        Some(first) => match action_named(model, first) {
            Some(Action::Policy | Action::Objective) if words.len() >= 2 => policies(&words[2..]),
            Some(Action::Ask) if words.len() >= 2 => queries(model, &words[1], &words[2..]),
            Some(Action::Retry) if words.len() == 2 => {
                let parked = model.parked_shown(&words[1]).iter();
                let events = parked.map(|event| event.position.to_string());
                std::iter::once("all".to_owned()).chain(events).collect()
            }
            Some(Action::Skip) if words.len() == 2 => {
                let parked = model.parked_shown(&words[1]).iter();
                parked.map(|event| event.position.to_string()).collect()
            }
            Some(Action::Fault) => faults(model, &words[1..]),
            Some(Action::Go(Screen::Stream)) if words.len() == 1 => streams(model),
            Some(Action::Go(Screen::Events)) => terms(model),
            Some(Action::Export) if words.len() == 1 => vec!["csv".to_owned(), "json".to_owned()],
            Some(Action::Theme) if words.len() == 1 => {
                let all = ThemeName::ALL.iter();
                all.map(|theme| theme.name().to_owned()).collect()
            }
            Some(Action::Repair) if words.len() == 2 => keys_of(model, &words[1]),
            Some(Action::Past) if words.len() == 2 => {
                vec!["1m".to_owned(), "10m".to_owned(), "1h".to_owned()]
            }
            Some(action)
                if (takes_projection(action) || shows_projection(action)) && words.len() == 1 =>
            {
                let times = ["1m", "10m", "1h"]
                    .iter()
                    .filter(|_| action == Action::Past);
                let names = projections(model).into_iter();
                names.chain(times.map(|&time| time.to_owned())).collect()
            }
            _ => field_words(model, first, words),
        },
    }
}

/// The names of all projections: the chosen one first, which is meant where none is named.
fn projections(model: &Model) -> Vec<String> {
    let chosen = model.selected().map(|view| view.name.as_str());
    let all = model.snapshot.projections.iter();
    let mut names: Vec<String> = all.map(|view| view.name.clone()).collect();
    names.sort_by_key(|name| Some(name.as_str()) != chosen);
    names
}

/// Which projection is meant by a line that names none, where Enter would do something to it.
fn meant(model: &Model, first: &str) -> Option<String> {
    let action = action_named(model, first);
    let needs_more = matches!(action, Some(Action::Retry | Action::Skip | Action::Repair));
    let is_it = first == "resume" && !model.read_only
        || action.is_some_and(takes_projection) && !needs_more;
    if action == Some(Action::Past)
        && let Some(name) = model.time_shown()
    {
        return Some(format!("Enter means {name}, which is shown"));
    }
    let view = model.selected().filter(|_| is_it)?;
    Some(format!("Enter means {}, which is chosen", view.name))
}

/// What a line still needs that nothing can be told of by candidates, or what it means.
pub fn needs(model: &Model, line: &str) -> Option<String> {
    let words = words(line);
    let first = words.first()?;
    let number = if words.len() == 1 {
        Some(first)
    } else {
        words.get(1).filter(|_| words.len() == 2)
    };
    let goes = |word: &String| {
        let head = thousands(model.snapshot.head.get());
        format!("Enter goes to the event at {word} of {head}")
    };
    if words.len() == 1
        && let Some(meant) = meant(model, first)
    {
        return Some(meant);
    }
    let Some(action) = action_named(model, first) else {
        return number.filter(|word| is_position(word)).map(goes);
    };
    let needs = match (action, words.len()) {
        (Action::Skip, 2) => "a parked event's position, then the reason",
        (Action::Skip, 3) => "the reason",
        (Action::Go(Screen::Events), 1) if line.ends_with(char::is_whitespace) => {
            "a position to go to, or what is wanted:"
        }
        (Action::Go(Screen::Events), 2) => return number.filter(|w| is_position(w)).map(goes),
        _ => return None,
    };
    Some(needs.to_owned())
}

/// Whether a word is a number, as a position is written.
pub fn is_position(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    digits > 0 && word.chars().all(|c| c.is_ascii_digit() || c == ',')
}

/// The action with this name after `:`, where it is to be had.
pub fn action_named(model: &Model, name: &str) -> Option<Action> {
    let entry = ACTIONS.iter().find(|entry| entry.name == name)?;
    (!name.is_empty() && model.has(entry)).then_some(entry.action)
}

/// Whether it goes to a screen of one projection, which may be named.
pub fn shows_projection(action: Action) -> bool {
    matches!(
        action,
        Action::Go(Screen::Projection | Screen::Time | Screen::Rebuilds)
    )
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
            | Action::Ask
            | Action::Objective
    )
}

/// How `field=` of a command could go on: with the values of a choice, or keys that there are; else with the schema's
/// example.
fn values(model: &Model, command: Option<&String>, field: &str) -> Vec<String> {
    let mut infos = model.commands.iter();
    let Some(info) = infos.find(|info| Some(&info.name) == command) else {
        return Vec::new();
    };
    let mut all = form::options(&info.schema, field, &model.known);
    if all.is_empty() {
        all.extend(form::example(&info.schema, field, &model.known));
    }
    let fields = all.into_iter().map(|value| format!("{field}={value}"));
    fields.collect()
}

/// A word that is read as one.
fn quoted(word: &str) -> String {
    if word.contains(|c: char| c.is_whitespace() || "[]{}'".contains(c)) && !word.contains('"') {
        format!("\"{word}\"")
    } else {
        word.to_owned()
    }
}

/// The keys that may be rows of a read model: of the categories whose events it takes, as far as that is known.
fn keys_of(model: &Model, projection: &str) -> Vec<String> {
    let named = model
        .known
        .iter()
        .filter(|(category, _)| projection.starts_with(category.as_str()));
    named.flat_map(|(_, keys)| keys.iter().cloned()).collect()
}

/// One line of the list of what can be typed first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The word.
    pub name: String,
    /// Its keys where the line was opened, as they are shown.
    pub keys: String,
    /// What it does.
    pub help: String,
}

/// What the first word could be, the best first: what begins with what is typed, then what has its letters in their
/// order.
pub fn choices(model: &Model, typed: &str) -> Vec<Choice> {
    let below = model
        .layers
        .len()
        .checked_sub(2)
        .and_then(|at| model.layers.get(at));
    let context = model.context_of(below);
    let mut found: Vec<Choice> = Vec::new();
    for entry in ACTIONS
        .iter()
        .filter(|entry| !entry.name.is_empty() && model.has(entry))
    {
        if found.iter().any(|choice| choice.name == entry.name) {
            continue;
        }
        // An action that is another thing on another screen has an entry for each: the one that counts here.
        let own = ACTIONS.iter().find(|other| {
            other.action == entry.action && other.contexts.contains(&context) && model.has(other)
        });
        let keys = own.map_or_else(Vec::new, |own| model.keys.keys(context, own));
        let keys: Vec<&str> = keys.into_iter().map(shown).collect();
        found.push(Choice {
            name: entry.name.to_owned(),
            keys: keys.join(" "),
            help: own.unwrap_or(entry).help.to_owned(),
        });
    }
    let commands = model.commands.iter().filter(|_| !model.read_only);
    found.extend(commands.map(|command| Choice {
        name: command.name.clone(),
        keys: String::new(),
        help: command.description.clone(),
    }));
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut space = Vec::new();
    let mut scored: Vec<(bool, u32, Choice)> = Vec::new();
    for choice in found {
        let score = pattern.score(Utf32Str::new(&choice.name, &mut space), &mut matcher);
        if let Some(score) = score {
            scored.push((choice.name.starts_with(typed), score, choice));
        }
    }
    scored.sort_by_key(|(begins, score, _)| std::cmp::Reverse((*begins, *score)));
    scored.into_iter().map(|(_, _, choice)| choice).collect()
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
    let mut all: Vec<String> = streams.map(|r| r.last.stream.to_string()).collect();
    let known = model.known.iter();
    let known =
        known.flat_map(|(category, keys)| keys.iter().map(move |key| format!("{category}-{key}")));
    for stream in known {
        if !all.contains(&stream) {
            all.push(stream);
        }
    }
    all
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

/// How a question could go on: a query, its parameters, how fresh.
fn queries(model: &Model, name: &str, typed: &[String]) -> Vec<String> {
    let queries = model.projection(name).map(|view| view.queries.as_slice());
    let queries = queries.unwrap_or_default();
    let Some((query, given)) = typed.split_first() else {
        return queries.iter().map(|query| query.name.clone()).collect();
    };
    let found = queries.iter().find(|found| found.name == *query);
    let parameters = found.map_or(&[][..], |found| &found.parameters);
    let leads = parameters.iter().map(|name| format!("{name}="));
    let levels = ["eventual", "strong", "within=2s", "at-least="].map(str::to_owned);
    leads
        .filter(|lead| !given.iter().any(|word| word.starts_with(lead)))
        .chain(levels)
        .collect()
}

fn policies(typed: &[String]) -> Vec<String> {
    let place = typed.len();
    let fitting = POLICIES.iter().filter_map(|(policy, _)| {
        let words: Vec<&str> = policy.split(' ').collect();
        let begins = typed.first().is_none_or(|first| words[0] == first);
        let word = words.get(place).filter(|_| begins)?;
        Some((*word).to_owned())
    });
    fitting.collect()
}

fn field_words(model: &Model, command: &str, words: &[String]) -> Vec<String> {
    let Some(info) = model.commands.iter().find(|c| c.name == command) else {
        return if command == "resume" && words.len() == 1 {
            projections(model)
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
    fn a_line_that_names_no_projection_says_which_one_is_meant() {
        let mut model = model();
        model.overview.selected = Some("stock".to_owned());
        for line in ["pause", "resume", "rebuild ", "policy", "as-of "] {
            let meant = needs(&model, line);
            assert_eq!(
                meant.as_deref(),
                Some("Enter means stock, which is chosen"),
                "{line}"
            );
        }
        // The first is what Tab takes, and what stands there in grey.
        assert_eq!(candidates(&model, "pause ")[0], "stock");
        assert_eq!(candidates(&model, "resume ")[0], "stock");
        for line in ["pause orders", "retry", "skip", "repair", "quit", "paus"] {
            assert_eq!(needs(&model, line), None, "{line}");
        }
        model.read_only = true;
        assert_eq!(needs(&model, "resume"), None);
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
