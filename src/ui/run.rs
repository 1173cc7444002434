//! The loop: the only place that knows the terminal and the clock. It waits until something comes,
//! takes in everything that is there, and draws at most once.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::Event as Input;
use ratatui::layout::Size;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep_until};
use tracing::Level;

use super::ask;
use super::journal::Journal;
use super::state::{Model, Said, Tone};
use super::terminal::{self, Screen};
use super::theme::Theme;
use super::update::{Effect, Msg, update};
use super::view::draw;
use crate::crash;
use crate::event::Timestamp;
use crate::workspace::{Looking, Operator, Progress, Snapshot, Work};

/// The time between two frames that only data asks for: 30 a second. Keys draw at once.
const FRAME: Duration = Duration::from_millis(33);

/// How often somebody is told how far work is that takes its time.
const TELL: Duration = Duration::from_millis(100);

/// How the dashboard is to be.
#[derive(Debug, Clone, Copy)]
pub struct UiOptions {
    /// No colour, only bold, dim and reverse: where `NO_COLOR` is set. Default: no.
    pub no_color: bool,
    /// Only ASCII characters. Default: no.
    pub ascii: bool,
    /// Nothing that changes the workspace. Default: no.
    pub read_only: bool,
    /// Whether the mouse chooses rows; else it is the terminal's. Default: yes.
    pub mouse: bool,
}

impl Default for UiOptions {
    fn default() -> Self {
        Self {
            no_color: false,
            ascii: false,
            read_only: false,
            mouse: true,
        }
    }
}

impl UiOptions {
    /// The theme that these options ask for.
    pub fn theme(&self) -> Theme {
        let theme = if self.no_color {
            Theme::monochrome()
        } else {
            Theme::colour()
        };
        if self.ascii { theme.ascii() } else { theme }
    }
}

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
            Some(msg) = app.answers.recv() => app.take(msg),
            () = said(&mut app.said) => app.logged(),
            signal = signals.next() => app.signal(signal),
            () = terminal::panicked() => return Err(UiError::Panicked),
            () = sleep_until(next), if app.data => {}
        }
        while let Ok(event) = input.try_recv() {
            app.input(Some(event));
        }
        while let Ok(msg) = app.answers.try_recv() {
            app.take(msg);
        }
        if let Some(exit) = app.work()? {
            return Ok(exit);
        }
    }
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
    /// Somebody pressed a key or waits for an answer: draw at once.
    now: bool,
    /// There are new data: draw when the next frame is due.
    data: bool,
    drawn: Option<Instant>,
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

impl App {
    fn open(operator: Operator, options: UiOptions) -> Result<Self, UiError> {
        let mut snapshots = operator.snapshots();
        let snapshot = snapshots.borrow_and_update().clone();
        let commands = operator.commands();
        let screen = Screen::enter(options.mouse)?;
        let mut model = Model::new(snapshot, commands, screen.size()?);
        model.read_only = options.read_only;
        model.mouse = options.mouse;
        model.load = operator.load();
        model.faults = operator.allows_faults();
        if let Some(load) = model.load.filter(|load| *load > 0.0) {
            model.load_set = load;
        }
        let (send, answers) = mpsc::unbounded_channel();
        Ok(Self {
            operator,
            snapshots,
            screen,
            theme: options.theme(),
            model,
            effects: Vec::new(),
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
            data: false,
            drawn: None,
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

    /// What is said under the screen is said in the journal too: there it stays.
    fn update(&mut self, msg: Msg) {
        let before = self.model.said.clone();
        let effects = update(&mut self.model, Timestamp::now(), msg);
        self.effects.extend(effects);
        if let Some(Said::Note(tone, text)) = &self.model.said
            && self.model.said != before
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
        match event {
            Some(Ok(Input::Key(key))) => self.take(Msg::Key(key)),
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
                Effect::Redraw => self.screen.clear()?,
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

/// The workspace's answer to an effect, where it is one that has an answer.
async fn answer(operator: &Operator, effect: Effect) -> Option<Msg> {
    crash::panic_point("asked");
    Some(match effect {
        Effect::Events(asked) => Msg::Events(ask::events::answer(operator, asked).await),
        Effect::Projection(asked) => {
            Msg::Projection(ask::projection::answer(operator, asked).await)
        }
        Effect::Stream(asked) => Msg::Stream(ask::stream::answer(operator, asked).await),
        Effect::Rebuilds(asked) => Msg::Rebuilds(ask::rebuilds::answer(operator, asked).await),
        Effect::Send { command, data } => {
            let outcome = operator.send(&command, data).await;
            let outcome = outcome.map_err(|e| e.to_string());
            Msg::Sent { command, outcome }
        }
        Effect::Preview {
            projection,
            operation,
        } => {
            let result = operator.preview(&projection, &operation).await;
            let result = result.map_err(|e| e.to_string());
            Msg::Previewed {
                projection,
                operation,
                result,
            }
        }
        Effect::Operate {
            projection,
            operation,
        } => {
            let result = operator.operate(&projection, operation.clone()).await;
            let result = result.map_err(|e| e.to_string());
            Msg::Operated {
                projection,
                operation,
                result,
            }
        }
        Effect::Inject(order) => {
            let result = operator.inject(&order);
            Msg::Injected(result.map_err(|e| e.to_string()))
        }
        Effect::History { projection } => {
            let history = operator.history(&projection).await;
            let history = history.map_err(|e| e.to_string());
            Msg::Told {
                projection,
                history,
            }
        }
        Effect::Diff { projection } => {
            let diff = operator.diff(&projection).await;
            let diff = diff.map(Box::new).map_err(|e| e.to_string());
            Msg::Compared { projection, diff }
        }
        Effect::Parked { projection } => {
            let parked = operator.parked(&projection).await;
            let parked = parked.map_err(|e| e.to_string());
            Msg::Parked { projection, parked }
        }
        Effect::Mending { projection, key } => {
            let result = operator.mending(&projection, &key).await;
            let result = result.map(Arc::new).map_err(|e| e.to_string());
            Msg::Mending {
                projection,
                key,
                result,
            }
        }
        Effect::Undo { projection } => {
            let result = operator.undo(&projection).await;
            let result = result.map_err(|e| e.to_string());
            Msg::Undone { projection, result }
        }
        _ => return None,
    })
}

#[cfg(unix)]
use unix::{SUSPEND, Signals};

#[cfg(unix)]
mod unix {
    use std::io;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The signal that asks for a pause, not for the end.
    pub const SUSPEND: i32 = SIGTSTP;

    /// The signals that ask for something.
    pub struct Signals {
        term: Signal,
        hup: Signal,
        int: Signal,
        stop: Signal,
    }

    impl Signals {
        /// Listens from now on. Errors: the system refuses.
        pub fn listen() -> io::Result<Self> {
            let on = |number| signal(SignalKind::from_raw(number));
            Ok(Self {
                term: on(SIGTERM)?,
                hup: on(SIGHUP)?,
                int: on(SIGINT)?,
                stop: on(SIGTSTP)?,
            })
        }

        /// The next one.
        pub async fn next(&mut self) -> i32 {
            tokio::select! {
                _ = self.term.recv() => SIGTERM,
                _ = self.hup.recv() => SIGHUP,
                _ = self.int.recv() => SIGINT,
                _ = self.stop.recv() => SIGTSTP,
            }
        }
    }
}

#[cfg(not(unix))]
const SUSPEND: i32 = i32::MAX;

/// Where there are no such signals, only Ctrl-C, which is a key here.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        std::future::pending().await
    }
}
