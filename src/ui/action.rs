//! The table of actions: the only place where keys are written. Matching, footer, help and the command
//! line all come from it.

use super::screen::Screen;

/// What somebody can ask for with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Go(Screen),
    NextScreen,
    PreviousScreen,
    Open,
    Filter,
    Fold,
    Unfold,
    SortNext,
    SortBefore,
    SortTurn,
    Zoom,
    Closer,
    Wider,
    Earlier,
    Later,
    Freeze,
    Export,
    Picture,
    Quit,
    Suspend,
    Redraw,
    Help,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Commands,
    Line,
    Pause,
    Policy,
    Rebuild,
    Hold,
    PauseRebuild,
    Diff,
    CutOver,
    RollBack,
    Cancel,
    Replay,
    Apply,
    Why,
    Operations,
    Undo,
    Parked,
    Retry,
    Skip,
    Ask,
    Objective,
    NextOne,
    OneBefore,
    Turn,
    Past,
    Verify,
    Repair,
    Load,
    Faster,
    Slower,
    Fault,
    Copy,
    Mouse,
    Theme,
    FindStream,
    Before,
    After,
    FurtherBack,
    FurtherOn,
    Close,
    Accept,
    Next,
    Previous,
    Complete,
    NextOption,
    OptionBefore,
    Edit(Edit),
}

/// A change of a text field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edit {
    Left,
    Right,
    Home,
    End,
    Backspace,
    Delete,
    Word,
    Clear,
}

/// Where a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The first screen, with nothing over it.
    Overview,
    /// The whole log.
    Events,
    /// One projection.
    Projection,
    /// One aggregate.
    Stream,
    /// A read model as it was.
    Time,
    /// What is folded again.
    Rebuilds,
    /// The program's messages.
    Log,
    /// What a table is narrowed to.
    Filter,
    /// The list of keys.
    Help,
    /// The list of commands, with a filter.
    Commands,
    /// The form of one command.
    Form,
    /// The list of a projection's queries, with a filter.
    Queries,
    /// The form of one query.
    Query,
    /// The prompt for a policy.
    Policy,
    /// The preview of a rebuild.
    Confirm,
    /// The preview of a replay, with two fields.
    Replay,
    /// A page about one projection.
    Page,
    /// What a repair would change.
    Repair,
    /// The command line.
    Line,
}

impl Context {
    /// Whether a character that is no key of an action is text here.
    pub fn is_text(self) -> bool {
        TEXT.contains(&self)
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// Its name after `:`; empty where it has none.
    pub name: &'static str,
    /// What it does, in words.
    pub help: &'static str,
    /// Its keys, the main one first.
    pub keys: &'static [&'static str],
    /// Where they count.
    pub contexts: &'static [Context],
    /// Whether it changes anything in the workspace: not there with `--read-only`.
    pub changing: bool,
    /// Its word in the footer; empty where it is not shown there.
    pub hint: &'static str,
}

use Context::{
    Commands, Confirm, Events, Filter, Form, Help, Line, Log, Overview, Page, Policy, Projection,
    Queries, Query, Rebuilds, Repair, Replay, Stream, Time,
};

const ALL: &[Context] = &[
    Overview, Events, Projection, Stream, Time, Rebuilds, Log, Filter, Help, Commands, Form,
    Queries, Query, Policy, Confirm, Replay, Page, Repair, Line,
];
/// The screens, with nothing over them.
const SCREENS: &[Context] = &[Overview, Events, Projection, Stream, Time, Rebuilds, Log];
/// All but the first, from which there is a way back.
const OTHERS: &[Context] = &[Events, Projection, Stream, Time, Rebuilds, Log];
const TEXT: &[Context] = &[Filter, Commands, Form, Queries, Query, Policy, Replay, Line];
const NOT_TEXT: &[Context] = &[
    Overview, Events, Projection, Stream, Time, Rebuilds, Log, Help, Confirm, Page, Repair,
];
/// The same, but for the list of keys itself.
const UNDER_HELP: &[Context] = &[
    Overview, Events, Projection, Stream, Time, Rebuilds, Log, Confirm, Page, Repair,
];
const SCROLL: &[Context] = &[
    Overview, Events, Projection, Stream, Rebuilds, Log, Help, Page, Repair,
];
/// The same on a screen, and in what lies over one.
const WALKED: &[Context] = &[Overview, Events, Projection, Stream, Rebuilds, Log];
const PAGED: &[Context] = &[Help, Page, Repair];
/// Where nothing but the screen itself says which stream is meant.
const NOT_EVENTS: &[Context] = &[Overview, Projection, Stream, Time, Rebuilds, Log];
/// Where rows of a table are narrowed.
const NARROWED: &[Context] = &[Overview, Projection, Stream, Rebuilds, Log];
/// Where they are sorted. The log has one order, and so have the program's messages.
const SORTED: &[Context] = &[Overview, Projection, Stream, Rebuilds];
/// Where there are several panes.
const PANES: &[Context] = &[Overview, Events, Projection, Stream, Rebuilds];
/// Where there are charts over time.
const CHARTS: &[Context] = &[Overview, Projection];
/// What is asked of one projection.
const OF_ONE: &[Context] = &[Overview, Projection, Rebuilds, Page];
const LAYERS: &[Context] = &[
    Filter, Help, Commands, Form, Queries, Query, Policy, Confirm, Replay, Page, Repair, Line,
];

impl Entry {
    /// Whether nobody can set its keys: there is always a way out.
    pub fn is_fixed(&self) -> bool {
        self.keys == ["ctrl-c"]
    }
}

impl Action {
    /// Its name where keys are set: as after `:`, else as it is called here, `SortNext` as `sort-next`.
    pub fn name(self) -> String {
        let named = ACTIONS
            .iter()
            .find(|entry| entry.action == self && !entry.name.is_empty());
        named.map_or_else(
            || dashed(&format!("{self:?}")),
            |entry| entry.name.to_owned(),
        )
    }
}

impl Context {
    /// Its name where keys are set: `overview`.
    pub fn name(self) -> String {
        dashed(&format!("{self:?}"))
    }
}

/// `Edit(Left)` as `edit-left`.
fn dashed(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().filter(|c| c.is_alphanumeric()) {
        if c.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// Every context.
pub const fn contexts() -> &'static [Context] {
    ALL
}

const fn entry(
    action: Action,
    name: &'static str,
    hint: &'static str,
    keys: &'static [&'static str],
    contexts: &'static [Context],
    help: &'static str,
) -> Entry {
    Entry {
        action,
        name,
        help,
        keys,
        contexts,
        changing: false,
        hint,
    }
}

const fn changing(entry: Entry) -> Entry {
    Entry {
        changing: true,
        ..entry
    }
}

/// Every action, in the order in which help shows them, and the footer what it does not rank.
#[rustfmt::skip]
pub static ACTIONS: &[Entry] = &[
    changing(entry(Action::Commands, "command", "command", &["c"], SCREENS, "Send a command: choose it, fill in its form")),
    changing(entry(Action::Pause, "pause", "pause/resume", &["p"], OF_ONE, "Pause the selected projection, let it go on, or try again")),
    entry(Action::Filter, "filter", "filter", &["/"], &[Events], "Narrow the log: type: stream: category: correlation: text:, letters, /regex; ! before any for not"),
    entry(Action::Filter, "", "filter", &["/"], NARROWED, "Narrow the rows: letters in their order, /regex, or !not"),
    entry(Action::Filter, "", "search", &["/"], &[Help], "Search these keys: a key, or words of what it does"),
    entry(Action::Open, "", "open", &["enter"], &[Overview, Events, Projection, Stream, Rebuilds], "Open what is chosen"),
    entry(Action::Why, "why", "why", &["w"], OF_ONE, "Why the selected read model is as it is, and what helps"),
    changing(entry(Action::Policy, "policy", "policy", &["P"], OF_ONE, "Change when the selected projection applies events")),
    changing(entry(Action::Rebuild, "rebuild", "rebuild", &["R"], OF_ONE, "Fold the read model again from position 0, beside the one that answers")),
    changing(entry(Action::Hold, "hold", "", &["H"], OF_ONE, "The same, but the new version waits until you cut over")),
    changing(entry(Action::PauseRebuild, "pause-rebuild", "", &["Z"], OF_ONE, "Let the rebuild under way stand still, or go on")),
    entry(Action::Diff, "diff", "", &["D"], OF_ONE, "The rows that differ between the version that answers and the new one, and why"),
    changing(entry(Action::CutOver, "cutover", "", &["C"], OF_ONE, "Let the new version that is held answer")),
    changing(entry(Action::RollBack, "rollback", "", &["B"], OF_ONE, "Let the version before answer again")),
    changing(entry(Action::Cancel, "cancel", "", &["X"], OF_ONE, "Give up the version that is built or held")),
    changing(entry(Action::Replay, "replay", "", &["Y"], OF_ONE, "Apply events again, into the same read model")),
    changing(entry(Action::Apply, "apply", "apply now", &["a"], &[Overview, Projection, Stream, Rebuilds, Page], "Apply what waits now, whatever the policy says")),
    entry(Action::SortNext, "", "sort", &[">"], SORTED, "Sort by the next column"),
    entry(Action::SortBefore, "", "", &["<"], SORTED, "Sort by the column before"),
    entry(Action::SortTurn, "", "", &["I"], SORTED, "Turn the order around"),
    entry(Action::Next, "", "pane", &["tab"], PANES, "Give the keys to the next pane"),
    entry(Action::Previous, "", "", &["backtab"], PANES, "Give the keys to the pane before"),
    entry(Action::Zoom, "zoom", "zoom", &["z"], PANES, "The pane that has the keys alone, or all of them"),
    entry(Action::Operations, "operations", "", &["o"], OF_ONE, "Who asked what of the selected projection, and what became of it"),
    changing(entry(Action::Undo, "undo", "", &["u"], OF_ONE, "Take back what was asked of the selected projection last")),
    entry(Action::Parked, "parked", "", &["e"], OF_ONE, "The events that the selected read model could not apply, and parked"),
    changing(entry(Action::Retry, "retry", "retry", &["t"], OF_ONE, "Try parked events again: one, all of a stream, or all")),
    changing(entry(Action::Skip, "skip", "skip", &["s"], OF_ONE, "Leave a parked event out, with a reason")),
    entry(Action::Ask, "query", "query", &["A"], &[Overview, Projection], "Ask one of its queries, at each level of freshness"),
    entry(Action::Objective, "objective", "", &["O"], &[Overview, Projection], "How well it held its objective, and what another policy would have given"),
    entry(Action::NextOne, "", "projection", &["J"], &[Projection, Time], "The next projection"),
    entry(Action::OneBefore, "", "", &["K"], &[Projection, Time], "The projection before"),
    entry(Action::Turn, "", "", &["n"], &[Projection], "Rows: the next table; queries: the next answer's rows"),
    entry(Action::Past, "as-of", "", &["T"], OF_ONE, "The selected read model as it was: step along the log, see what each event changed"),
    entry(Action::Verify, "verify", "", &["V"], OF_ONE, "Fold the selected read model again, and compare it row by row"),
    changing(entry(Action::Repair, "repair", "", &["M"], OF_ONE, "Mend the rows of one key: fold its stream alone")),
    entry(Action::Fold, "", "", &["left"], &[Events], "Fold what is chosen, or go to what it is in"),
    entry(Action::Unfold, "", "", &["right"], &[Events], "Unfold what is chosen"),
    entry(Action::Earlier, "", "", &["left"], CHARTS, "Charts: back in time; tables: columns further left"),
    entry(Action::Later, "", "", &["right"], CHARTS, "Charts: on in time, at the end until now; tables: columns further right"),
    entry(Action::Go(Screen::Overview), "overview", "", &["1"], SCREENS, "Where every projection stands"),
    entry(Action::Go(Screen::Events), "events", "", &["2"], SCREENS, "The whole log, event by event; `:events 1,234` goes to a position"),
    entry(Action::Go(Screen::Projection), "projection", "", &["3"], SCREENS, "One projection, in full"),
    entry(Action::Go(Screen::Stream), "stream", "", &["4"], NOT_EVENTS, "One stream, step by step, beside the read models"),
    entry(Action::Go(Screen::Stream), "", "its stream", &["4"], &[Events], "The chosen event's stream, step by step, beside the read models"),
    entry(Action::Go(Screen::Time), "time", "", &["5"], SCREENS, "Read models as they were"),
    entry(Action::Go(Screen::Rebuilds), "rebuilds", "", &["6"], SCREENS, "What is folded again, and what waits for a cutover"),
    entry(Action::Go(Screen::Log), "log", "", &["7"], SCREENS, "The program's own messages"),
    entry(Action::NextScreen, "", "", &["]"], SCREENS, "The next screen"),
    entry(Action::PreviousScreen, "", "", &["["], SCREENS, "The screen before"),
    entry(Action::FindStream, "", "find", &["f"], &[Stream], "Type the name of another stream"),
    entry(Action::Before, "", "step", &["left", "h"], &[Stream, Time], "One event back"),
    entry(Action::After, "", "", &["right", "l"], &[Stream, Time], "One event on"),
    entry(Action::FurtherBack, "", "100", &["pageup", "ctrl-b"], &[Time], "A hundred events back"),
    entry(Action::FurtherOn, "", "", &["pagedown", "ctrl-f"], &[Time], "A hundred events on"),
    entry(Action::First, "", "", &["home", "g"], &[Time], "To the first event"),
    entry(Action::Last, "", "", &["end", "G"], &[Time], "To the last event"),
    entry(Action::Next, "", "table", &["tab"], &[Time], "The next table"),
    entry(Action::Previous, "", "", &["backtab"], &[Time], "The table before"),
    entry(Action::Up, "", "", &["up", "k"], &[Time], "One row up"),
    entry(Action::Down, "", "", &["down", "j"], &[Time], "One row down"),
    entry(Action::Up, "", "", &["up", "k"], WALKED, "One row up"),
    entry(Action::Down, "", "", &["down", "j"], WALKED, "One row down"),
    entry(Action::Up, "", "", &["up", "k"], PAGED, "One line up"),
    entry(Action::Down, "", "scroll", &["down", "j"], PAGED, "One line down"),
    entry(Action::PageUp, "", "", &["pageup", "ctrl-b"], SCROLL, "A page up"),
    entry(Action::PageDown, "", "", &["pagedown", "ctrl-f"], SCROLL, "A page down"),
    entry(Action::First, "", "", &["home", "g"], SCROLL, "To the first row"),
    entry(Action::Last, "", "", &["end", "G"], SCROLL, "To the last row"),
    entry(Action::Copy, "copy", "", &["y"], &[Overview, Projection], "Copy the path of the selected read model, for sqlite3 and others"),
    entry(Action::Copy, "", "", &["y"], &[Stream], "Copy the state after the chosen version, or its event where there is none, as JSON"),
    entry(Action::Copy, "", "copy", &["y"], &[Events], "Copy the chosen event as CloudEvents JSON"),
    changing(entry(Action::Load, "load", "load", &["l"], &[Overview, Events, Projection, Rebuilds], "Start or stop the demo's load")),
    changing(entry(Action::Faster, "", "", &["+", "="], &[Overview, Events, Projection, Rebuilds], "More load")),
    changing(entry(Action::Slower, "", "", &["-"], &[Overview, Events, Projection, Rebuilds], "Less load")),
    changing(entry(Action::Fault, "fault", "fault", &["F"], &[Overview, Projection], "Inject a fault: slow NAME 20ms, stall NAME, poison NAME [TYPE], stop [NAME]")),
    entry(Action::Freeze, "freeze", "freeze", &["space"], SCREENS, "Let the picture stand still while data goes on, or let it follow again"),
    entry(Action::Wider, "", "chart", &["{"], CHARTS, "Charts: a longer one"),
    entry(Action::Closer, "", "", &["}"], CHARTS, "Charts: a shorter stretch of time"),
    entry(Action::Export, "export", "", &["E"], SCREENS, "Write what the screen's table shows into a file, as CSV; after `:export`, as csv or json"),
    entry(Action::Picture, "picture", "", &["S"], SCREENS, "Save the screen as a picture, as SVG"),
    entry(Action::Mouse, "mouse", "", &["m"], SCREENS, "Mouse on or off; off lets the terminal select text"),
    entry(Action::Theme, "theme", "", &["L"], SCREENS, "The next theme; after `:theme` one by its name: auto, dark, light, high-contrast, monochrome"),
    entry(Action::Line, "", "type it", &[":"], SCREENS, "Type a command or an action"),
    entry(Action::Help, "help", "all keys", &["?", "f1"], UNDER_HELP, "Show or hide this help"),
    entry(Action::Help, "", "", &["?", "f1"], &[Help], "Hide this help"),
    entry(Action::Help, "", "", &["f1"], TEXT, "Show this help"),
    entry(Action::Up, "", "", &["up", "ctrl-p"], &[Commands, Queries, Policy, Line], "The one before"),
    entry(Action::Down, "", "", &["down", "ctrl-n"], &[Commands, Queries, Policy, Line], "The one after"),
    entry(Action::Accept, "", "choose", &["enter"], &[Commands], "Open the form of the chosen command"),
    entry(Action::Accept, "", "send", &["enter"], &[Form], "Send the command"),
    entry(Action::Accept, "", "choose", &["enter"], &[Queries], "Open the form of the chosen query"),
    entry(Action::Accept, "", "ask", &["enter"], &[Query], "Ask it"),
    entry(Action::Accept, "", "set", &["enter"], &[Policy], "Set the policy"),
    entry(Action::Accept, "", "do it", &["enter"], &[Confirm, Replay, Repair], "Do it"),
    entry(Action::Accept, "", "do it", &["enter"], &[Line], "Do what is written"),
    entry(Action::Complete, "", "complete", &["tab"], &[Line, Policy], "Complete the word"),
    entry(Action::Next, "", "next field", &["tab", "down"], &[Form, Query, Replay], "To the next field"),
    entry(Action::Previous, "", "", &["backtab", "up"], &[Form, Query, Replay], "To the field before"),
    entry(Action::NextOption, "", "what there is", &["ctrl-n"], &[Form], "Fill in what there is: the next key or choice that begins with what is typed"),
    entry(Action::OptionBefore, "", "", &["ctrl-p"], &[Form], "Fill in the one before"),
    entry(Action::Edit(Edit::Left), "", "", &["left"], TEXT, "The cursor one character left"),
    entry(Action::Edit(Edit::Right), "", "", &["right"], TEXT, "The cursor one character right"),
    entry(Action::Edit(Edit::Home), "", "", &["home", "ctrl-a"], TEXT, "The cursor to the beginning"),
    entry(Action::Edit(Edit::End), "", "", &["end", "ctrl-e"], TEXT, "The cursor to the end"),
    entry(Action::Edit(Edit::Backspace), "", "", &["backspace", "ctrl-h"], TEXT, "Delete the character before"),
    entry(Action::Edit(Edit::Delete), "", "", &["delete", "ctrl-d"], TEXT, "Delete the character after"),
    entry(Action::Edit(Edit::Word), "", "", &["ctrl-w"], TEXT, "Delete the word before"),
    entry(Action::Edit(Edit::Clear), "", "", &["ctrl-u"], TEXT, "Empty the field"),
    entry(Action::Accept, "", "keep", &["enter"], &[Filter], "Keep the filter"),
    entry(Action::Close, "", "close", &["esc"], LAYERS, "Close this"),
    entry(Action::Close, "", "back", &["esc"], OTHERS, "Take the filter away, else back to the screen before"),
    entry(Action::Close, "", "no filter", &["esc"], &[Overview], "Take the filter and the last message away"),
    entry(Action::Redraw, "", "", &["ctrl-l"], ALL, "Draw everything again"),
    entry(Action::Suspend, "", "", &["ctrl-z"], ALL, "Back to the shell; fg returns"),
    entry(Action::Quit, "quit", "quit", &["q"], NOT_TEXT, "Quit"),
    entry(Action::Quit, "", "", &["ctrl-c"], ALL, "Quit, from everywhere"),
];

/// The entries that count in a context.
pub fn within(context: Context) -> impl Iterator<Item = &'static Entry> {
    ACTIONS
        .iter()
        .filter(move |entry| entry.contexts.contains(&context))
}

/// The keys of the first screen as a Markdown table, for a manual.
pub fn markdown() -> String {
    let mut out = "| key | what it does |\n| --- | --- |\n".to_owned();
    for entry in within(Overview) {
        let keys: Vec<String> = entry
            .keys
            .iter()
            .map(|key| format!("`{}`", super::keymap::shown(key)))
            .collect();
        // A bar would end the cell.
        out.push_str(&format!(
            "| {} | {} |\n",
            keys.join(" "),
            entry.help.replace('|', "\\|")
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_context() {
        for context in ALL {
            let mut seen = Vec::new();
            for key in within(*context).flat_map(|entry| entry.keys) {
                assert!(!seen.contains(&key), "{key} twice in {context:?}");
                seen.push(key);
            }
        }
    }

    #[test]
    fn every_action_has_a_key_and_help() {
        for entry in ACTIONS {
            assert!(!entry.keys.is_empty() && !entry.help.is_empty());
            assert!(!entry.contexts.is_empty());
        }
    }
}
