//! Everything the dashboard knows, in one place, owned by one loop. No styles, no text for the screen.

pub mod commands;
pub mod editor;
pub mod events;
pub mod fetched;
pub mod filter;
pub mod form;
pub mod help;
pub mod lagging;
pub mod line;
pub mod log;
pub mod operation;
pub mod overview;
pub mod page;
pub mod panes;
pub mod projection;
pub mod question;
pub mod rebuilds;
pub mod ripple;
pub mod search;
pub mod span;
pub mod stream;
pub mod table;
pub mod time;

use std::sync::Arc;

use ratatui::layout::Size;

use super::action::{Action, Context, Entry};
use super::columns::ColumnName;
use super::keymap::Keymap;
use super::screen::Screen;
use super::theme::ThemeName;
use crate::event::{Position, Timestamp};
use crate::lag::Status;
use crate::workspace::{
    CommandInfo, FaultError, Keys, ParkedEvent, Policy, ProjectionView, Snapshot,
};
use commands::Chooser;
use editor::Editor;
use form::Form;
use help::Help;
use line::CommandLine;
use operation::{Ask, Confirm, PolicyPrompt};
use overview::Overview;
use page::{About, Page};
use ripple::Ripple;
use time::Pane;

/// The whole state.
#[derive(Debug, Clone)]
pub struct Model {
    /// The newest picture of the workspace.
    pub snapshot: Arc<Snapshot>,
    /// Every command of the domain.
    pub commands: Arc<[CommandInfo]>,
    /// The terminal's size.
    pub size: Size,
    /// The wall clock at the last message.
    pub now: Timestamp,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// The columns that somebody wants in the table of projections; none where the table chooses.
    pub columns: Vec<ColumnName>,
    /// The keys in force.
    pub keys: Keymap,
    /// How it looks.
    pub theme: ThemeName,
    /// Whether the mouse is ours.
    pub mouse: bool,
    /// The demo's load in commands a second; `None` where the domain has none.
    pub load: Option<f64>,
    /// Whether faults can be injected.
    pub faults: bool,
    /// What the load is set to when it is started.
    pub load_set: f64,
    /// The picture that came last, while an older one stands still.
    pub newest: Option<Arc<Snapshot>>,
    /// How every read model lagged since the first picture.
    pub lagging: lagging::Lagging,
    /// Whether nobody can press a key: there are no tabs and no keys, and nothing is marked for them.
    pub still: bool,
    /// Which screen is shown.
    pub screen: Screen,
    /// The screens that one came from, the last at the end.
    pub trail: Vec<Screen>,
    /// The first screen.
    pub overview: Overview,
    /// The whole log.
    pub events: events::Events,
    /// One projection.
    pub projection: projection::Projection,
    /// One aggregate.
    pub stream: stream::Stream,
    /// A read model as it was; `None` where nobody looked yet.
    pub time: Option<Pane>,
    /// What is folded again.
    pub rebuilds: rebuilds::Rebuilds,
    /// The program's messages.
    pub log: log::Log,
    /// What lies over the screen, the topmost last.
    pub layers: Vec<Layer>,
    /// What was said last.
    pub said: Option<Said>,
    /// The last operation of one's own that was answered: on which projection, and at which position it was asked
    /// for.
    pub answered: Option<(String, Position)>,
    /// What was typed after `:`, oldest first.
    pub history: Vec<String>,
    /// The keys of streams that something happened in lately, as far as they were asked for.
    pub known: Arc<Keys>,
    /// Whether they are being asked for.
    pub asks_known: bool,
    /// How many pieces of work were begun that take their time: each has a number.
    pub begun: u64,
}

/// Something that lies over the screen and takes the keys.
#[derive(Debug, Clone)]
pub enum Layer {
    /// The list of keys.
    Help(Help),
    /// The list of commands.
    Commands(Chooser),
    /// The form of one command.
    Form(Form),
    /// The queries of a projection.
    Queries(Chooser),
    /// One query, and how fresh its answer has to be.
    Query(question::Question),
    /// A policy to choose.
    Policy(PolicyPrompt),
    /// A rebuild or a replay to confirm.
    Confirm(Confirm),
    /// Something to read about a projection.
    Page(Page),
    /// What a table is narrowed to.
    Filter(Narrowing),
    /// The command line.
    Line(CommandLine),
}

/// A filter while it is typed.
#[derive(Debug, Clone)]
pub struct Narrowing {
    /// What is typed.
    pub editor: Editor,
    /// What it was before: Esc goes back to it.
    pub before: String,
    /// Whether somebody wanted to keep one that is none.
    pub is_refused: bool,
}

impl Narrowing {
    /// What is wrong with what is typed, on a screen; what is wrong narrows nothing.
    pub fn error(&self, screen: Screen) -> Option<String> {
        let typed = self.editor.text();
        match screen {
            Screen::Events => search::Search::parse(typed).error().map(str::to_owned),
            _ => filter::Filter::parse(typed).error().map(str::to_owned),
        }
    }
}

/// What was said last, under the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Where an accepted command's events are.
    Ripple(Ripple),
    /// Something in a sentence.
    Note(Tone, String),
}

/// How something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// For information.
    Info,
    /// It went well.
    Good,
    /// It did not.
    Bad,
}

impl Model {
    /// A model of the first picture, with nothing open.
    pub fn new(snapshot: Arc<Snapshot>, commands: Arc<[CommandInfo]>, size: Size) -> Self {
        let now = snapshot.taken_at;
        let mut lagging = lagging::Lagging::default();
        lagging.see(&snapshot);
        Self {
            lagging,
            snapshot,
            commands,
            size,
            now,
            read_only: false,
            columns: Vec::new(),
            keys: Keymap::default(),
            theme: ThemeName::default(),
            mouse: true,
            load: None,
            faults: false,
            load_set: 20.0,
            newest: None,
            still: false,
            screen: Screen::default(),
            trail: Vec::new(),
            overview: Overview::default(),
            events: events::Events::default(),
            projection: projection::Projection::default(),
            stream: stream::Stream::default(),
            time: None,
            rebuilds: rebuilds::Rebuilds::default(),
            log: log::Log::default(),
            layers: Vec::new(),
            said: None,
            answered: None,
            history: Vec::new(),
            known: Arc::default(),
            asks_known: false,
            begun: 0,
        }
    }

    /// Where a key is pressed.
    pub fn context(&self) -> Context {
        self.context_of(self.layers.last())
    }

    /// The context of a layer, or of the screen under all of them.
    pub fn context_of(&self, layer: Option<&Layer>) -> Context {
        match layer {
            None => self.screen.context(),
            Some(Layer::Filter(_)) => Context::Filter,
            // What is looked for is typed as a filter is.
            Some(Layer::Help(help)) if help.is_typing => Context::Filter,
            Some(Layer::Help(_)) => Context::Help,
            Some(Layer::Commands(_)) => Context::Commands,
            Some(Layer::Form(_)) => Context::Form,
            Some(Layer::Queries(_)) => Context::Queries,
            Some(Layer::Query(_)) => Context::Query,
            Some(Layer::Policy(_)) => Context::Policy,
            Some(Layer::Page(page)) => match page.about {
                About::Repair(_) => Context::Repair,
                _ => Context::Page,
            },
            Some(Layer::Line(_)) => Context::Line,
            Some(Layer::Confirm(confirm)) => match confirm.ask {
                Ask::Replay { .. } if confirm.refused().is_none() => Context::Replay,
                _ => Context::Confirm,
            },
        }
    }

    /// Whether an action is to be had at all, as this dashboard was started.
    pub fn has(&self, entry: &Entry) -> bool {
        if entry.changing && self.read_only {
            return false;
        }
        match entry.action {
            Action::Load | Action::Faster | Action::Slower => self.load.is_some(),
            Action::Fault => self.faults,
            Action::Commands => !self.commands.is_empty(),
            _ => true,
        }
    }

    /// Why an action is not to be had here.
    pub fn why_not(&self, entry: &Entry) -> String {
        if entry.changing && self.read_only {
            return "this dashboard only looks: it was started with --read-only".to_owned();
        }
        match entry.action {
            Action::Load | Action::Faster | Action::Slower if !self.commands.is_empty() => format!(
                "no load in this process: the demo's load runs where `{program} demo` was started",
                program = crate::text::program()
            ),
            Action::Fault => FaultError::NotAllowed.to_string(),
            _ => "this workspace has no commands".to_owned(),
        }
    }

    /// The parked events of a projection that are on the screen.
    pub fn parked_shown(&self, projection: &str) -> &[ParkedEvent] {
        let page = self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Page(page) if page.projection == projection => page.all_parked(),
            _ => None,
        });
        let pane = || {
            let is_shown = self.screen == Screen::Projection
                && self.selected().is_some_and(|view| view.name == projection);
            let (_, events) = self.projection.parked.good().filter(|_| is_shown)?;
            Some(events.as_slice())
        };
        page.or_else(pane).unwrap_or_default()
    }

    /// Whether one of the events that are parked is chosen.
    fn chooses_parked(&self) -> bool {
        match self.layers.last() {
            Some(Layer::Page(page)) => page.parked().is_some(),
            Some(_) => false,
            None => {
                self.screen == Screen::Projection
                    && self.projection.pane() == projection::Pane::Parked
                    && self.projection.parked_event().is_some()
            }
        }
    }

    /// Whether an action means something just now; the footer names only those.
    pub fn can(&self, entry: &Entry) -> bool {
        let projection = || self.selected().is_some();
        self.has(entry)
            && match entry.action {
                Action::Pause
                | Action::Policy
                | Action::Rebuild
                | Action::Replay
                | Action::Why
                | Action::Operations
                | Action::Undo
                | Action::Parked
                | Action::Objective => projection(),
                Action::Retry | Action::Skip => self.chooses_parked(),
                // On the first screen there is nothing else to take away that one sees for long.
                Action::Close if self.screen == Screen::Overview && self.layers.is_empty() => {
                    !self.overview.table.filter.text().is_empty()
                }
                Action::Ask => self.selected().is_some_and(|view| !view.queries.is_empty()),
                Action::Accept => match self.layers.last() {
                    Some(Layer::Page(page)) => match &page.about {
                        About::Repair(repair) => repair.is_due(),
                        _ => true,
                    },
                    Some(Layer::Confirm(confirm)) => confirm.goes_on(),
                    _ => true,
                },
                Action::Open => self.opens().is_some(),
                Action::Filter | Action::SortNext if self.screen == Screen::Stream => {
                    self.stream.shown.is_none()
                }
                Action::Next | Action::Zoom if self.screen == Screen::Stream => {
                    self.stream.shown.is_some()
                }
                Action::Past | Action::Verify | Action::Repair => projection(),
                Action::Before | Action::After if self.screen == Screen::Stream => {
                    self.stream.shown.is_some()
                }
                Action::Apply if self.screen == Screen::Stream => !stream::waiting(self).is_empty(),
                Action::NextOption | Action::OptionBefore => match self.layers.last() {
                    Some(Layer::Form(form)) => {
                        let field = form.fields.get(form.focus);
                        field.is_some_and(|field| !field.options.is_empty())
                    }
                    _ => false,
                },
                // Not by what waits at this moment: the footer would come and go with each event.
                Action::Apply => self.selected().is_some_and(|view| {
                    view.lag.status == Status::Paused
                        || !matches!(view.policy, Policy::Sync | Policy::Live)
                }),
                _ => true,
            }
    }

    /// What the key that opens does in the pane that has the keys; `None` where it does nothing.
    pub fn opens(&self) -> Option<&'static str> {
        match self.screen {
            Screen::Events => Some(match self.events.panes.focus {
                events::DETAIL => "fold/unfold",
                events::CAUSES => "go there",
                _ => "open",
            }),
            Screen::Stream => match self.stream.shown.as_ref().map(|shown| shown.panes.focus) {
                None => Some("open"),
                Some(stream::STEPS) => Some("its state"),
                Some(stream::STATE) => Some("fold/unfold"),
                Some(_) => None,
            },
            Screen::Projection => match self.projection.pane() {
                projection::Pane::Queries => Some("fill in"),
                projection::Pane::Parked => Some("its event"),
                projection::Pane::Objective => Some("compare"),
                _ => None,
            },
            _ => Some("open"),
        }
    }

    /// The number of the next piece of work that takes its time.
    pub fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    /// Whether somebody still looks at what a piece of work will give.
    pub fn waits_for(&self, number: u64) -> bool {
        let past = self.time.as_ref();
        past.is_some_and(|pane| pane.number == number)
            || self.layers.iter().any(|layer| match layer {
                Layer::Page(page) => {
                    matches!(&page.about, About::Verify(verify) if verify.number == number)
                }
                _ => false,
            })
    }

    /// The projection on the Time screen, while that is shown: it need not be named there.
    pub fn time_shown(&self) -> Option<&str> {
        let pane = self.time.as_ref()?;
        (self.screen == Screen::Time).then_some(pane.projection.as_str())
    }

    /// The chosen projection. What a screen is narrowed to counts there alone.
    pub fn selected(&self) -> Option<&ProjectionView> {
        if self.screen == Screen::Rebuilds {
            // The row that is marked, and no other, is what its keys are about.
            return self.rebuilds.selected(&self.snapshot, &self.overview);
        }
        let listed = || self.overview.view(&self.snapshot);
        if self.screen == Screen::Overview {
            return listed();
        }
        let chosen = self.overview.selected.as_deref();
        chosen
            .and_then(|name| self.projection(name))
            .or_else(listed)
            .or(self.snapshot.projections.first())
    }

    /// What the screen's table is narrowed to, as it was typed.
    pub fn narrowed_to(&self) -> &str {
        match self.screen {
            Screen::Overview => self.overview.table.filter.text(),
            Screen::Rebuilds => self.rebuilds.table.filter.text(),
            Screen::Log => self.log.filter.text(),
            Screen::Events => self.events.search.text(),
            Screen::Projection => self.projection.rows.filter.text(),
            Screen::Stream => self.stream.list.filter.text(),
            Screen::Time => "",
        }
    }

    /// Whether what has the keys is narrowed: a stream of its own is not what its list is narrowed to, and of the
    /// panes of a projection only its rows are.
    pub fn is_narrowed(&self) -> bool {
        let can_be = match self.screen {
            Screen::Stream => self.stream.shown.is_none(),
            Screen::Projection => self.projection.pane() == projection::Pane::Rows,
            _ => true,
        };
        can_be && !self.narrowed_to().is_empty()
    }

    /// Whether there are projections, and what the screen is narrowed to hides them all.
    pub fn hides_all(&self) -> bool {
        !self.snapshot.projections.is_empty() && self.selected().is_none()
    }

    /// The chosen projection's place in the snapshot.
    pub fn selected_place(&self) -> Option<usize> {
        let name = &self.selected()?.name;
        let views = &self.snapshot.projections;
        views.iter().position(|view| view.name == *name)
    }

    /// Chooses the projection at a place in the snapshot, whatever the Overview is narrowed to.
    pub fn select_place(&mut self, place: usize) {
        if let Some(view) = self.snapshot.projections.get(place) {
            self.overview.selected = Some(view.name.clone());
        }
    }

    /// The projection with this name.
    pub fn projection(&self, name: &str) -> Option<&ProjectionView> {
        self.snapshot.projections.iter().find(|v| v.name == name)
    }

    /// Says something under the screen.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.said = Some(Said::Note(tone, text.into()));
    }
}
