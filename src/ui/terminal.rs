//! The terminal: taken on entering, given back on leaving, on a panic, on signals and for Ctrl-Z.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{Command, cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::sync::Notify;

use super::background::QUESTION;
use crate::crash;

/// Whether the terminal is ours: a panic anywhere gives it back once.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();
/// Held while a frame is written, so that a panic elsewhere does not give the terminal back within one.
static WRITING: Mutex<()> = Mutex::new(());
/// Told when a panic has taken the terminal away from under the dashboard.
static PANICKED: Notify = Notify::const_new();

thread_local! {
    /// Whether this thread holds [`WRITING`]: it cannot wait for itself when it panics.
    static DRAWS: Cell<bool> = const { Cell::new(false) };
}

/// The terminal while it is ours; given back when dropped.
pub struct Screen {
    /// Never dropped: it would show the cursor, which is done here, and panic where it cannot print
    /// that it could not, as after a hang-up.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
    mouse: bool,
    /// What was drawn last, with the cursor's place.
    shown: Option<(Buffer, Option<Position>)>,
}

/// Whether there is a terminal to draw on.
pub fn there() -> bool {
    io::stdout().is_terminal()
}

/// Waits for a panic in another part of the program: the terminal is given back by then.
pub async fn panicked() {
    PANICKED.notified().await;
}

/// Whether an error says that the terminal is not there any more.
pub fn is_gone(error: &io::Error) -> bool {
    // EIO is what a terminal that was hung up answers; `ErrorKind` has no name for it.
    const EIO: i32 = 5;
    error.kind() == io::ErrorKind::BrokenPipe || cfg!(unix) && error.raw_os_error() == Some(EIO)
}

impl Screen {
    /// Takes the terminal. Errors: it does not do what is asked of it.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if crash::is_caught() {
                    tracing::error!(%panic, "code of a projection panicked");
                    return;
                }
                if TAKEN.load(Ordering::SeqCst) {
                    let whole = (!DRAWS.get())
                        .then(|| WRITING.lock().unwrap_or_else(PoisonError::into_inner));
                    give_back();
                    drop(whole);
                    PANICKED.notify_one();
                }
                before(panic);
            }));
        });
        // With NO_COLOR crossterm leaves bold and reverse out too; the theme has no colour then.
        crossterm::style::force_color_output(true);
        take(mouse)?;
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(out)).inspect_err(|_| give_back())?;
        Ok(Self {
            terminal: ManuallyDrop::new(terminal),
            mouse,
            shown: None,
        })
    }

    /// Draws a frame: what has changed since the last is written, in one piece; where nothing has,
    /// not a byte. `view` draws into a buffer and says where the cursor is.
    pub fn draw(
        &mut self,
        view: impl FnOnce(Rect, &mut Buffer) -> Option<Position>,
    ) -> io::Result<()> {
        let area = Rect::from((Position::ORIGIN, self.terminal.size()?));
        let mut buffer = Buffer::empty(area);
        let cursor = view(area, &mut buffer);
        let frame = Some((buffer, cursor));
        if self.shown == frame {
            return Ok(());
        }
        self.shown = frame;
        self.write(area)
    }

    /// Writes what is to be shown, unless a panic has given the terminal back meanwhile.
    fn write(&mut self, area: Rect) -> io::Result<()> {
        let _whole = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        DRAWS.set(true);
        let written = self.write_frame(area);
        DRAWS.set(false);
        written
    }

    fn write_frame(&mut self, area: Rect) -> io::Result<()> {
        let Some((buffer, cursor)) = &self.shown else {
            return Ok(());
        };
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| {
            // A size that changed since is drawn once its message is here.
            if frame.area() == area {
                frame.buffer_mut().clone_from(buffer);
            }
            if let Some(cursor) = cursor {
                frame.set_cursor_position(*cursor);
            }
        })?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Forgets what was drawn: the next frame is written whole. (`Terminal::clear` asks the terminal
    /// where its cursor is, and the answer would be taken for keys.)
    pub fn clear(&mut self) -> io::Result<()> {
        self.shown = None;
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// The size in cells.
    pub fn size(&self) -> io::Result<ratatui::layout::Size> {
        self.terminal.size()
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub fn set_mouse(&mut self, mouse: bool) -> io::Result<()> {
        self.mouse = mouse;
        execute!(self.terminal.backend_mut(), Mouse(mouse))
    }

    /// Puts a text into the terminal's clipboard, where it allows that.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), Copy(text))
    }

    /// Asks which background it has; what it answers comes among the keys, if it does.
    pub fn ask_background(&mut self) -> io::Result<()> {
        execute!(
            self.terminal.backend_mut(),
            crossterm::style::Print(QUESTION)
        )
    }

    /// Gives the terminal back and stops the process until the shell lets it go on.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        take(self.mouse)?;
        self.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take(mouse: bool) -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    let taken = enable_raw_mode().and_then(|()| {
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        if mouse {
            execute!(io::stdout(), Mouse(true))?;
        }
        Ok(())
    });
    taken.inspect_err(|_| give_back())
}

/// Gives the terminal back, once. A terminal that is gone is no error: there is nobody to tell.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = execute!(
            out,
            EndSynchronizedUpdate,
            Mouse(false),
            DisableBracketedPaste,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// Buttons, wheel, and movement while a button is down, in the form that has no limit of columns; crossterm's own command asks for every
/// movement too, and each would wake the loop.
struct Mouse(bool);

impl Command for Mouse {
    fn write_ansi(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str(if self.0 {
            "\x1b[?1002h\x1b[?1006h"
        } else {
            "\x1b[?1006l\x1b[?1002l"
        })
    }

    #[cfg(windows)]
    fn execute_winapi(&self) -> io::Result<()> {
        if self.0 {
            crossterm::event::EnableMouseCapture.execute_winapi()
        } else {
            crossterm::event::DisableMouseCapture.execute_winapi()
        }
    }
}

/// OSC 52: a text for the clipboard, in base 64.
struct Copy<'a>(&'a str);

impl Command for Copy<'_> {
    fn write_ansi(&self, f: &mut impl fmt::Write) -> fmt::Result {
        write!(f, "\x1b]52;c;{}\x1b\\", base64(self.0.as_bytes()))
    }

    #[cfg(windows)]
    fn execute_winapi(&self) -> io::Result<()> {
        Ok(())
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit <= chunk.len() {
                let index = bits >> (18 - 6 * digit) & 63;
                out.push(char::from(DIGITS[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_the_standard_has_it() {
        let words = ["", "f", "fo", "foo", "foob"].map(|w| base64(w.as_bytes()));
        assert_eq!(words, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
