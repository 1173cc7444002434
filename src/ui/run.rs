//! The loop around the terminal, which nobody else knows. It waits until something comes,
//! takes in everything that is there, and draws at most once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Input, KeyEvent};
use ratatui::layout::Size;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::Level;

use super::background::{self, Heard, Listening};
use super::journal::Journal;
use super::once;
use super::options::UiOptions;
use super::session::{Session, Told};
use super::signals::{SUSPEND, Signals};
use super::state::{Model, Said, Tone};
use super::terminal::{self, Screen};
use super::theme::{Theme, ThemeName};
use super::update::{Effect, Msg};
use super::view::draw;
use crate::crash;
use crate::workspace::{Done, Operator, Snapshot};

/// The time between two frames that only data asks for: 30 a second. Keys draw at once.
const FRAME: Duration = Duration::from_millis(33);

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
    /// The first screen cannot be of what the options say.
    #[error("the screen cannot begin with that: {0}")]
    Of(String),
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
            told = app.session.told() => app.told(told),
            () = said(&mut app.said) => app.logged(),
            signal = signals.next() => app.signal(signal),
            () = terminal::panicked() => return Err(UiError::Panicked),
            () = sleep_until(next), if app.data => {}
        }
        while let Ok(event) = input.try_recv() {
            app.input(Some(event));
        }
        while let Some(told) = app.session.told_already() {
            app.told(told);
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
    session: Session,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    screen: Screen,
    theme: Theme,
    /// The number of the newest of the program's messages.
    said: watch::Receiver<u64>,
    exit: Option<Exit>,
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
        snapshots.mark_unchanged();
        let mut screen = Screen::enter(options.mouse)?;
        let mut session = Session::new(operator, &options, screen.size()?);
        session.begin(&options)?;
        let (theme, listening) = themed(&options, &mut screen)?;
        Ok(Self {
            session,
            snapshots,
            screen,
            theme,
            said: {
                let mut said = Journal::of_process().watch();
                said.mark_changed();
                said
            },
            exit: None,
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
            let (model, theme) = (&self.session.model, &self.theme);
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
    fn told(&mut self, told: Told) {
        let Some(msg) = self.session.take(told) else {
            return;
        };
        self.update(msg);
        self.now |= std::mem::take(&mut self.waits);
        self.data = true;
    }

    /// What is said under the screen is said in the journal too: there it stays. What an operation came to is said
    /// there by the engine, where that is this process.
    fn update(&mut self, msg: Msg) {
        let told = is_told(&self.session.model, &msg) && Journal::of_process().hears();
        let before = self.session.model.said.clone();
        self.session.update(msg);
        if let Some(Said::Note(tone, text)) = &self.session.model.said
            && self.session.model.said != before
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
                if self.session.model.theme == ThemeName::Auto {
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
        self.data |= self.session.logged();
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
            self.session.effects.push(Effect::Suspend);
        } else {
            self.exit = Some(Exit::Signal(signal));
        }
    }

    /// Carries out what the update asked for.
    fn work(&mut self) -> io::Result<Option<Exit>> {
        for effect in std::mem::take(&mut self.session.effects) {
            match effect {
                Effect::Quit => self.exit = Some(Exit::Quit),
                Effect::Copy(text) => self.screen.copy(&text)?,
                Effect::Mouse(on) => self.screen.set_mouse(on)?,
                Effect::Theme(name) => self.theme(name)?,
                Effect::Redraw => self.screen.clear()?,
                Effect::Picture { stem } => {
                    let text = once::svg(&self.session.model, &self.theme);
                    self.session.ask(Effect::Save {
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
                asked => self.session.ask(asked),
            }
        }
        self.session.end_what_nobody_waits_for();
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
}
