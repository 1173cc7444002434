//! The loop: the only place that knows the terminal and the clock. It waits until something comes,
//! takes in everything that is there, and draws at most once.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Input, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep_until};
use tracing::Level;

use super::answer::answer;
use super::background::{self, Heard, Listening};
use super::journal::Journal;
use super::options::UiOptions;
use super::signals::{SUSPEND, Signals};
use super::state::{Model, Said, Tone};
use super::svg;
use super::terminal::{self, Screen};
use super::text::clean;
use super::theme::{Theme, ThemeName};
use super::update::{Effect, Msg, begin, update};
use super::view::draw;
use crate::crash;
use crate::event::Timestamp;
use crate::workspace::{Done, Looking, Operator, Progress, Snapshot, Work};

/// The time between two frames that only data asks for: 30 a second. Keys draw at once.
const FRAME: Duration = Duration::from_millis(33);

/// How often somebody is told how far work is that takes its time.
const TELL: Duration = Duration::from_millis(100);

/// Why the dashboard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Somebody quit.
    Quit,
    /// A signal asked for it: its number. Where the terminal is gone, that is 1 (SIGHUP).
    Signal(i32),
}

/// Why the dashboard could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UiError {
    /// Standard output is not a terminal.
    #[error(
        "there is no terminal to draw on: use --once for one picture as text, or status --json for a program"
    )]
    NoTerminal,
    /// Another part of the program panicked; its message is on the screen.
    #[error(
        "a part of the program failed (its message is above): what was stored is safe; start again"
    )]
    Panicked,
    /// The terminal failed.
    #[error("the terminal cannot be used: {0}; --once prints one picture as text")]
    Terminal(#[from] io::Error),
}

/// How long the terminal has to say which background it has.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The number of the signal that a terminal sends when it goes.
const HANGUP: i32 = 1;

/// Runs the dashboard until somebody quits. A terminal that goes away ends it as its signal would.
///
/// Errors: there is no terminal, it fails, or another part of the program panicked.
pub async fn run(operator: Operator, options: UiOptions) -> Result<Exit, UiError> {
    if !terminal::there() {
        return Err(UiError::NoTerminal);
    }
    match dashboard(operator, options).await {
        Err(UiError::Terminal(error)) if terminal::is_gone(&error) => Ok(Exit::Signal(HANGUP)),
        ended => ended,
    }
}

async fn dashboard(operator: Operator, options: UiOptions) -> Result<Exit, UiError> {
    let mut signals = Signals::listen()?;
    let mut app = App::open(operator, options)?;
    let mut input = keys()?;
    loop {
        app.draw_if_due()?;
        let next = app.next_frame();
        tokio::select! {
            event = input.recv() => app.input(event),
            picture = changed(&mut app.snapshots) => app.snapshot(picture),
            Some(msg) = app.answers.recv() => app.answered(msg),
            () = said(&mut app.said) => app.logged(),
            signal = signals.next() => app.signal(signal),
            () = terminal::panicked() => return Err(UiError::Panicked),
            () = sleep_until(next), if app.data => {}
        }
        while let Ok(event) = input.try_recv() {
            app.input(Some(event));
        }
        while let Ok(msg) = app.answers.try_recv() {
            app.answered(msg);
        }
        if let Some(exit) = app.work()? {
            return Ok(exit);
        }
    }
}

/// The theme to begin with; and who listens for the terminal's background, where that is asked.
fn themed(
    options: &UiOptions,
    screen: &mut Screen,
) -> io::Result<(Theme, Option<(Listening, Instant)>)> {
    if options.theme != ThemeName::Auto {
        return Ok((options.theme(), None));
    }
    let told = std::env::var("COLORFGBG").ok();
    let name = match told.as_deref().and_then(background::told) {
        Some(true) => ThemeName::Dark,
        Some(false) => ThemeName::Light,
        None => ThemeName::Auto,
    };
    let theme = UiOptions {
        theme: name,
        ..options.clone()
    }
    .theme();
    // These do not know the question, and some would print it.
    let asks =
        std::env::var("TERM").is_ok_and(|term| !matches!(term.as_str(), "" | "dumb" | "linux"));
    if !asks {
        return Ok((theme, None));
    }
    screen.ask_background()?;
    Ok((
        theme,
        Some((Listening::default(), Instant::now() + ANSWERS_WITHIN)),
    ))
}

/// What comes from the terminal, read by a thread of its own: where the terminal has hung up, crossterm
/// reads its end for ever, and the loop has to hear of that from the signal.
fn keys() -> io::Result<mpsc::UnboundedReceiver<io::Result<Input>>> {
    let (send, come) = mpsc::unbounded_channel();
    let read = move || {
        let mut ended = false;
        while !ended {
            let event = crossterm::event::read();
            ended = event.is_err();
            ended |= send.send(event).is_err();
        }
    };
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(read)?;
    Ok(come)
}

/// Waits for another picture; for ever where the workspace makes no more.
async fn changed(snapshots: &mut watch::Receiver<Arc<Snapshot>>) -> Arc<Snapshot> {
    if snapshots.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    snapshots.borrow_and_update().clone()
}

/// Waits until the program says something.
async fn said(said: &mut watch::Receiver<u64>) {
    if said.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What the loop holds.
struct App {
    operator: Operator,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    screen: Screen,
    theme: Theme,
    model: Model,
    effects: Vec<Effect>,
    /// The number of the newest of the program's messages.
    said: watch::Receiver<u64>,
    /// That of the newest one that was taken in.
    logged: u64,
    send: mpsc::UnboundedSender<Msg>,
    answers: mpsc::UnboundedReceiver<Msg>,
    exit: Option<Exit>,
    /// What takes its time, by its number, while somebody looks.
    going: HashMap<u64, Going>,
    /// Somebody pressed a key, or waits for an answer: draw at once.
    now: bool,
    /// Somebody pressed a key, and no answer has come since.
    waits: bool,
    /// There are new data: draw when the next frame is due.
    data: bool,
    drawn: Option<Instant>,
    /// The theme for the terminal's background, once it has said which it has.
    heard: Option<ThemeName>,
    /// While the terminal may say which background it has, and until when.
    listening: Option<(Listening, Instant)>,
}

/// Work that takes its time.
enum Going {
    /// A read model's past, with its files.
    Looking(Looking),
    /// A read model is verified.
    Verifying(Work),
}

impl Going {
    fn work(&self) -> &Work {
        match self {
            Self::Looking(looking) => looking.work(),
            Self::Verifying(work) => work,
        }
    }
}

/// What nobody looks at any more does not go on.
impl Drop for Going {
    fn drop(&mut self) {
        self.work().stop();
    }
}

/// Whether the engine of this process says what an operation came to.
fn is_told(model: &Model, msg: &Msg) -> bool {
    let Msg::Operated {
        projection,
        result: Ok((_, Done::Finished { .. } | Done::Failed { .. })),
        ..
    } = msg
    else {
        return false;
    };
    let view = model.projection(projection);
    view.is_some_and(|view| view.owner == Some(std::process::id()))
}

impl App {
    fn open(operator: Operator, options: UiOptions) -> Result<Self, UiError> {
        let mut snapshots = operator.snapshots();
        let snapshot = snapshots.borrow_and_update().clone();
        let commands = operator.commands();
        let mut screen = Screen::enter(options.mouse)?;
        let mut model = Model::new(snapshot, commands, screen.size()?);
        model.read_only = options.read_only;
        model.mouse = options.mouse;
        model.theme = options.theme;
        model.keys = options.keys.clone();
        model.columns.clone_from(&options.columns);
        if let Some(warning) = &options.warning {
            model.say(Tone::Bad, warning);
        }
        model.load = operator.load();
        model.faults = operator.allows_faults();
        model.history = operator.typed();
        if let Some(load) = model.load.filter(|load| *load > 0.0) {
            model.load_set = load;
        }
        let effects = begin(&mut model, options.start);
        let (theme, listening) = themed(&options, &mut screen)?;
        let (send, answers) = mpsc::unbounded_channel();
        Ok(Self {
            operator,
            snapshots,
            screen,
            theme,
            model,
            effects,
            said: {
                let mut said = Journal::of_process().watch();
                said.mark_changed();
                said
            },
            logged: 0,
            send,
            answers,
            exit: None,
            going: HashMap::new(),
            now: true,
            waits: false,
            data: false,
            drawn: None,
            heard: None,
            listening,
        })
    }

    fn next_frame(&self) -> Instant {
        self.drawn.map_or_else(Instant::now, |drawn| drawn + FRAME)
    }

    fn draw_if_due(&mut self) -> io::Result<()> {
        if self.now || self.data && Instant::now() >= self.next_frame() {
            let (model, theme) = (&self.model, &self.theme);
            self.screen
                .draw(|area, buffer| draw(model, theme, area, buffer))?;
            (self.now, self.data) = (false, false);
            self.drawn = Some(Instant::now());
            crash::panic_point("drawn");
        }
        Ok(())
    }

    fn take(&mut self, msg: Msg) {
        self.update(msg);
        self.now = true;
    }

    /// An answer: drawn at once for somebody who waits for it; what only new data asked for comes with the next
    /// frame.
    fn answered(&mut self, msg: Msg) {
        self.update(msg);
        self.now |= std::mem::take(&mut self.waits);
        self.data = true;
    }

    /// What is said under the screen is said in the journal too: there it stays. What an operation came to is said
    /// there by the engine, where that is this process.
    fn update(&mut self, msg: Msg) {
        let told = is_told(&self.model, &msg) && Journal::of_process().hears();
        let before = self.model.said.clone();
        let effects = update(&mut self.model, Timestamp::now(), msg);
        self.effects.extend(effects);
        if let Some(Said::Note(tone, text)) = &self.model.said
            && self.model.said != before
            && !told
        {
            let level = match tone {
                Tone::Bad => Level::WARN,
                Tone::Info | Tone::Good => Level::INFO,
            };
            Journal::of_process().say(level, "dashboard", text.clone());
        }
    }

    fn snapshot(&mut self, snapshot: Arc<Snapshot>) {
        self.update(Msg::Snapshot(snapshot));
        self.data = true;
    }

    /// A key, unless it is of the terminal's answer.
    fn key(&mut self, key: KeyEvent) {
        let Some((listening, until)) = &mut self.listening else {
            return self.take(Msg::Key(key));
        };
        let over = Instant::now() > *until;
        let heard = listening.hear(key);
        let (keys, ended) = match heard {
            Heard::Keys(keys) => (keys, over),
            Heard::Dark(dark) => {
                let name = if dark {
                    ThemeName::Dark
                } else {
                    ThemeName::Light
                };
                self.heard = Some(name);
                // Somebody may have chosen another meanwhile.
                if self.model.theme == ThemeName::Auto {
                    let ascii = self.theme.is_ascii();
                    let theme = name.theme();
                    self.theme = if ascii { theme.ascii() } else { theme };
                    self.now = true;
                }
                (Vec::new(), false)
            }
        };
        if ended {
            let rest = listening.give_up();
            self.listening = None;
            if let Heard::Keys(rest) = rest {
                rest.into_iter().for_each(|key| self.take(Msg::Key(key)));
            }
        }
        keys.into_iter().for_each(|key| self.take(Msg::Key(key)));
    }

    /// The program said something: it is drawn with the next frame, where it is shown.
    fn logged(&mut self) {
        self.said.mark_unchanged();
        let messages = Journal::of_process().after(self.logged);
        if let Some(last) = messages.last() {
            self.logged = last.number;
            let effects = update(&mut self.model, Timestamp::now(), Msg::Logged(messages));
            self.effects.extend(effects);
            self.data = true;
        }
    }

    /// Something from the terminal.
    fn input(&mut self, event: Option<io::Result<Input>>) {
        self.waits = true;
        match event {
            Some(Ok(Input::Key(key))) => self.key(key),
            Some(Ok(Input::Mouse(mouse))) => self.take(Msg::Mouse(mouse)),
            Some(Ok(Input::Paste(text))) => self.take(Msg::Paste(text)),
            Some(Ok(Input::Resize(width, height))) => {
                self.take(Msg::Resize(Size::new(width, height)));
            }
            Some(Ok(Input::FocusGained | Input::FocusLost)) => {}
            Some(Err(_)) | None => self.exit = Some(Exit::Signal(HANGUP)),
        }
    }

    fn signal(&mut self, signal: i32) {
        if signal == SUSPEND {
            self.effects.push(Effect::Suspend);
        } else {
            self.exit = Some(Exit::Signal(signal));
        }
    }

    /// Carries out what the update asked for.
    fn work(&mut self) -> io::Result<Option<Exit>> {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Quit => self.exit = Some(Exit::Quit),
                Effect::Copy(text) => self.screen.copy(&text)?,
                Effect::Mouse(on) => self.screen.set_mouse(on)?,
                Effect::Theme(name) => self.theme(name)?,
                Effect::Redraw => self.screen.clear()?,
                Effect::Picture { stem } => {
                    let text = self.picture();
                    self.ask(Effect::Save {
                        stem,
                        ending: "svg",
                        text,
                        rows: None,
                    });
                }
                Effect::Suspend => {
                    self.screen.suspend()?;
                    let size = self.screen.size()?;
                    self.take(Msg::Resize(size));
                }
                Effect::SetLoad(rate) => {
                    self.operator.set_load(rate);
                    self.model.load = self.operator.load();
                }
                Effect::Look {
                    number,
                    projection,
                    at,
                    shown,
                } => {
                    let looking = self.looking(number, &projection);
                    looking.work().again();
                    self.watch(number, looking.work().clone(), async move {
                        let result = looking.look(at, shown).await;
                        let result = result.map(Arc::new).map_err(|e| e.to_string());
                        Msg::Looked { number, result }
                    });
                }
                Effect::Verify { number, projection } => {
                    let (operator, work) = (self.operator.clone(), Work::new());
                    self.going.insert(number, Going::Verifying(work.clone()));
                    self.watch(number, work.clone(), async move {
                        let result = operator.verify(&projection, &work).await;
                        let result = result.map(Box::new).map_err(|e| e.to_string());
                        Msg::Verified { number, result }
                    });
                }
                Effect::BreakOff { number } => {
                    if let Some(going) = self.going.get(&number) {
                        going.work().stop();
                    }
                }
                asked => self.ask(asked),
            }
        }
        self.end_what_nobody_waits_for();
        Ok(self.exit)
    }

    /// Draws in another theme from now on. Where the terminal's background decides, the terminal is asked, but only
    /// once: a second answer would be taken for keys.
    fn theme(&mut self, name: ThemeName) -> io::Result<()> {
        let known = self.heard.filter(|_| name == ThemeName::Auto);
        let options = UiOptions {
            theme: known.unwrap_or(name),
            ascii: self.theme.is_ascii(),
            ..UiOptions::default()
        };
        self.theme = options.theme();
        if self.listening.is_none() {
            (self.theme, self.listening) = themed(&options, &mut self.screen)?;
        }
        self.now = true;
        Ok(())
    }

    /// The screen as it is, as SVG.
    fn picture(&self) -> String {
        let area = Rect::from((Position::ORIGIN, self.model.size));
        let mut buffer = Buffer::empty(area);
        draw(&self.model, &self.theme, area, &mut buffer);
        let name = clean(&self.model.snapshot.workspace.name);
        svg::render(&buffer, &name, &self.theme)
    }

    fn end_what_nobody_waits_for(&mut self) {
        let model = &self.model;
        let gone = |number: &u64, _: &mut Going| !model.waits_for(*number);
        let gone: Vec<_> = self.going.extract_if(gone).collect();
        if !gone.is_empty() {
            // Files are closed and removed, which takes its time too.
            tokio::task::spawn_blocking(move || drop(gone));
        }
    }

    /// The past with this number, begun where it is not there yet.
    fn looking(&mut self, number: u64, projection: &str) -> Looking {
        if let Some(Going::Looking(looking)) = self.going.get(&number) {
            return looking.clone();
        }
        let looking = self.operator.looking(projection);
        let going = Going::Looking(looking.clone());
        self.going.insert(number, going);
        looking
    }

    /// Has work done that takes its time, and tells how far it is while that changes.
    fn watch(&self, number: u64, work: Work, task: impl Future<Output = Msg> + Send + 'static) {
        let send = self.send.clone();
        tokio::spawn(async move {
            let mut task = std::pin::pin!(task);
            let mut ticks = interval(TELL);
            // The first tick is at once: what is quick is not told of.
            ticks.tick().await;
            let mut told = Progress::default();
            let done = loop {
                tokio::select! {
                    done = &mut task => break done,
                    _ = ticks.tick() => {}
                }
                let progress = work.progress();
                if progress != told {
                    told = progress;
                    let _ = send.send(Msg::Progress { number, progress });
                }
            };
            // Nobody listens any more only when the dashboard has ended.
            let _ = send.send(done);
        });
    }

    /// Asks the workspace; the answer comes back as a message.
    fn ask(&self, effect: Effect) {
        let (operator, send) = (self.operator.clone(), self.send.clone());
        tokio::spawn(async move {
            if let Some(msg) = answer(&operator, effect).await {
                // Nobody listens any more only when the dashboard has ended.
                let _ = send.send(msg);
            }
        });
    }
}
