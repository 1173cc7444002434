//! The real binary in a real pseudo-terminal: keys go in, and its screen is read as a person would see it.
//! Whoever waits, waits for something on the screen; nothing here sleeps.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// Long enough for the slowest machine; nothing waits for it to pass.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const ENTER: &str = "\r";
pub const TAB: &str = "\t";
pub const UP: &str = "\x1b[A";
pub const RIGHT: &str = "\x1b[C";
pub const LEFT: &str = "\x1b[D";
pub const HOME: &str = "\x1b[H";
pub const END: &str = "\x1b[F";
pub const PAGE_UP: &str = "\x1b[5~";
/// Alone, or what follows becomes part of it: wait for what it does.
pub const ESC: &str = "\x1b";
/// Empties a field.
pub const CTRL_U: &str = "\x15";
pub const CTRL_Z: &str = "\x1a";
pub const CTRL_L: &str = "\x0c";

pub const WIDE: (u16, u16) = (120, 36);
pub const SMALL: (u16, u16) = (80, 24);

/// What begins and ends a frame: between them the screen is half drawn.
const FRAME: [&[u8]; 2] = [b"\x1b[?2026h", b"\x1b[?2026l"];

/// A process with a terminal of its own.
pub struct Console {
    pub pid: u32,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Seen>,
    modes: String,
}

/// What came from the process, and whoever waits for it.
struct Seen {
    state: Mutex<State>,
    more: Condvar,
}

struct State {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    closed: bool,
    /// Whether nobody reads any more.
    left: bool,
    exit: Option<ExitStatus>,
}

impl State {
    /// Whether no frame is half drawn.
    fn whole(&self) -> bool {
        let [begun, ended] = FRAME.map(|mark| find_last(&self.bytes, mark));
        begun <= ended
    }
}

/// How a process has ended, and in what state it left its terminal.
pub struct Ended {
    pub status: ExitStatus,
    pub bytes: Vec<u8>,
    /// What stands on the screen.
    pub text: String,
    /// Whether screen, cursor, mouse, paste and modes of the terminal are as they were.
    pub restored: bool,
}

/// No terminal here has a side of 0.
fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

impl Console {
    /// Starts the binary in a terminal of this size, with `home` for its home and nothing else in its
    /// environment.
    pub fn start(home: &Path, (cols, rows): (u16, u16), args: &[&str]) -> Self {
        Self::start_with(home, (cols, rows), args, &[])
    }

    /// The same with more in its environment.
    pub fn start_with(home: &Path, size: (u16, u16), args: &[&str], more: &[(&str, &str)]) -> Self {
        Self::start_program(
            env!("CARGO_BIN_EXE_highwater").as_ref(),
            home,
            size,
            args,
            more,
        )
    }

    /// The same for a program of somebody else's.
    pub fn start_program(
        program: &Path,
        home: &Path,
        (cols, rows): (u16, u16),
        args: &[&str],
        more: &[(&str, &str)],
    ) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(home);
        command.env_clear();
        for (name, value) in environment(home) {
            command.env(name, value);
        }
        command.env("TERM", "xterm-256color");
        for (name, value) in more {
            command.env(name, value);
        }
        let pair = native_pty_system().openpty(size(cols, rows)).unwrap();
        let modes = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        let seen = Arc::new(Seen {
            state: Mutex::new(State {
                parser: vt100::Parser::new(cells(rows), cells(cols), 0),
                bytes: Vec::new(),
                closed: false,
                left: false,
                exit: None,
            }),
            more: Condvar::new(),
        });
        let pid = child.process_id().unwrap();
        let reader = pair.master.try_clone_reader().unwrap();
        let watched = Arc::clone(&seen);
        thread::spawn(move || watched.read(reader));
        let watched = Arc::clone(&seen);
        thread::spawn(move || {
            let mut child = child;
            let exit = child.wait().unwrap();
            watched.state.lock().unwrap().exit = Some(exit);
            watched.more.notify_all();
        });
        Self {
            pid,
            keys: pair.master.take_writer().unwrap(),
            master: pair.master,
            seen,
            modes,
        }
    }

    /// Types. After `ESC`, wait for what it does before typing more.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self
    }

    /// Waits until a whole frame fits, and gives it as text. Panics, showing the screen, where none comes.
    #[track_caller]
    pub fn until(&mut self, what: &str, fits: impl Fn(&Picture) -> bool) -> Picture {
        let mut found = None;
        self.wait(what, |state| {
            let picture = Picture(state.parser.screen().clone());
            if state.whole() && fits(&picture) {
                found = Some(picture);
            }
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits until this text is on the screen.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> Picture {
        self.until(text, |picture| picture.has(text))
    }

    /// Waits until this text is gone from the screen.
    #[track_caller]
    pub fn hides(&mut self, text: &str) -> Picture {
        self.until(&format!("no {text}"), |picture| !picture.has(text))
    }

    /// Makes the terminal this large.
    pub fn resize(&mut self, (cols, rows): (u16, u16)) -> &mut Self {
        let mut state = self.state();
        state.parser.screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(size(cols, rows)).unwrap();
        drop(state);
        self
    }

    /// Empties the screen, as another program's output would.
    pub fn wipe(&mut self) {
        self.state().parser.process(b"\x1b[2J");
    }

    /// Sends a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        signal(self.pid, name);
    }

    /// Every byte so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// How many bytes come within a time.
    pub fn bytes_within(&mut self, window: Duration) -> usize {
        let state = self.state();
        let before = state.bytes.len();
        let waited = self.seen.more.wait_timeout_while(state, window, |_| true);
        waited.unwrap().0.bytes.len() - before
    }

    /// Waits until a time has passed in which no byte came.
    #[track_caller]
    pub fn quiet(&mut self, window: Duration) {
        let deadline = Instant::now() + PATIENCE;
        while self.bytes_within(window) > 0 {
            assert!(Instant::now() < deadline, "it never stops drawing");
        }
    }

    /// Whether screen, cursor, mouse, paste and modes are as they were before.
    pub fn restored(&self) -> bool {
        let state = self.state();
        let screen = state.parser.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
            && modes(&*self.master) == self.modes
    }

    /// Waits until the terminal is restored, while the process may go on.
    #[track_caller]
    pub fn until_restored(&mut self) {
        self.wait("the terminal restored", |state| {
            !state.parser.screen().alternate_screen() && !state.parser.screen().hide_cursor()
        });
    }

    /// Waits until the process has ended and its last byte is here.
    #[track_caller]
    pub fn ended(self) -> Ended {
        self.wait("the end", |state| state.closed && state.exit.is_some());
        let restored = self.restored();
        let state = self.state();
        Ended {
            status: state.exit.clone().unwrap(),
            bytes: state.bytes.clone(),
            text: state.parser.screen().contents(),
            restored,
        }
    }

    /// Takes the terminal away, as closing its window does, and waits for the end.
    #[track_caller]
    pub fn hang_up(mut self) -> ExitStatus {
        self.state().left = true;
        // What is drawn now is the last that is read.
        self.keys("?");
        let Self { master, keys, .. } = &mut self;
        *keys = Box::new(std::io::sink());
        *master = native_pty_system().openpty(size(1, 1)).unwrap().master;
        let (mut state, waited) = self
            .seen
            .more
            .wait_timeout_while(self.state(), PATIENCE, |state| state.exit.is_none())
            .unwrap();
        let exit = state.exit.clone();
        state.closed = true;
        drop(state);
        assert!(!waited.timed_out(), "it goes on without a terminal");
        exit.unwrap()
    }

    /// Waits until the state fits, each time that something has come.
    #[track_caller]
    fn wait(&self, what: &str, mut fits: impl FnMut(&State) -> bool) {
        let (mut state, waited) = self
            .seen
            .more
            .wait_timeout_while(self.state(), PATIENCE, |state| {
                !fits(state) && (state.exit.is_none() || !state.closed)
            })
            .unwrap();
        if waited.timed_out() || !fits(&state) {
            let screen = state.parser.screen().contents();
            let exit = state.exit.take();
            drop(state);
            panic!("this did not come: {what}\nended: {exit:?}\n{screen}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.seen.state.lock().unwrap()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let running = self.seen.state.lock().is_ok_and(|s| s.exit.is_none());
        if running {
            // It may end by itself just now.
            let pid = self.pid.to_string();
            let _ = Command::new("kill").args(["-KILL", &pid]).output();
        }
    }
}

impl Seen {
    /// Takes in what comes, until nobody can write any more.
    fn read(&self, mut reader: Box<dyn Read + Send>) {
        let mut chunk = [0; 1 << 16];
        loop {
            let count = reader.read(&mut chunk).unwrap_or(0);
            let mut state = self.state.lock().unwrap();
            state.parser.process(&chunk[..count]);
            state.bytes.extend_from_slice(&chunk[..count]);
            state.closed = count == 0;
            self.more.notify_all();
            if state.closed || state.left {
                return;
            }
        }
    }
}

/// A frame as somebody sees it.
pub struct Picture(pub vt100::Screen);

impl Picture {
    /// Its lines.
    pub fn lines(&self) -> Vec<String> {
        let (_, cols) = self.0.size();
        self.0.rows(0, cols.get()).collect()
    }

    /// Whether a text is on it, within one line.
    pub fn has(&self, text: &str) -> bool {
        self.lines().iter().any(|line| line.contains(text))
    }

    /// The first line with a text.
    pub fn line(&self, text: &str) -> Option<String> {
        self.lines().into_iter().find(|line| line.contains(text))
    }

    /// The head of the log, as the header has it.
    pub fn head(&self) -> u64 {
        let lines = self.lines();
        let word = lines[0].split("head ").nth(1);
        let word = word.and_then(|rest| rest.split_whitespace().next());
        word.map_or(0, number)
    }

    /// A projection's row in the table.
    pub fn row(&self, name: &str) -> Option<Row> {
        let lines = self.lines();
        let table = lines.iter().position(|line| line.contains("age / obj"))?;
        let titles = &lines[table];
        let line = lines[table + 1..].iter().find(|line| {
            let mut words = line.split_whitespace();
            // With its version behind it, where there is room for that.
            words.any(|word| word == name || word.strip_prefix(name).is_some_and(is_version))
        })?;
        let at = |title: &str| titles.find(title).map(|at| titles[..at].chars().count());
        let cut = |from: usize, to: usize| {
            let cells = line.chars().skip(from).take(to.saturating_sub(from));
            cells.collect::<String>().trim().to_owned()
        };
        let (status, projection) = (at("status")?, at("projection")?);
        let (policy, gap) = (at("policy")?, at("gap")? + 3);
        // The policy, then the numbers, which stand at the right of their columns.
        let held = cut(policy, gap);
        let mut words: Vec<&str> = held.split_whitespace().collect();
        let gap = number(words.pop()?);
        if at("checkpoint").is_some() {
            words.pop();
        }
        Some(Row {
            chosen: !line.starts_with(' '),
            status: cut(status + 2, projection),
            policy: words.join(" "),
            gap,
        })
    }
}

/// `@3f2a9c1b-2`, and not the name of a replica.
fn is_version(text: &str) -> bool {
    let hash = text.strip_prefix('@').and_then(|text| text.split_once('-'));
    hash.is_some_and(|(hash, _)| hash.len() == 8 && hash.chars().all(|c| c.is_ascii_hexdigit()))
}

/// What the table says of a projection.
#[derive(Debug)]
pub struct Row {
    pub chosen: bool,
    pub status: String,
    pub policy: String,
    pub gap: u64,
}

/// What every process here finds in its environment, and nothing else.
pub fn environment(home: &Path) -> Vec<(&'static str, String)> {
    let home = home.display().to_string();
    vec![
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", home.clone()),
        ("XDG_DATA_HOME", format!("{home}/data")),
        ("LANG", "C.UTF-8".to_owned()),
    ]
}

/// Sends a signal to a process.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success(), "process {pid} takes no {name}");
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        ..PtySize::default()
    }
}

/// The terminal's modes, to compare.
fn modes(master: &dyn MasterPty) -> String {
    let modes = master.get_termios().unwrap();
    format!(
        "{:?} {:?} {:?}",
        modes.input_flags, modes.output_flags, modes.local_flags
    )
}

fn number(text: &str) -> u64 {
    text.replace(',', "").parse().unwrap_or(u64::MAX)
}

/// Where a piece begins for the last time, counted from 1; 0 where it does not.
fn find_last(bytes: &[u8], piece: &[u8]) -> usize {
    let mut windows = bytes.windows(piece.len());
    windows
        .rposition(|window| window == piece)
        .map_or(0, |at| at + 1)
}
