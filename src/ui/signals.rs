//! The signals that ask the dashboard for something.

#[cfg(unix)]
pub use unix::{SUSPEND, Signals};

#[cfg(unix)]
mod unix {
    use std::io;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The signal that asks for a pause, not for the end.
    pub const SUSPEND: i32 = SIGTSTP;

    /// The signals that ask for something.
    pub struct Signals {
        term: Signal,
        hup: Signal,
        int: Signal,
        quit: Signal,
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
                quit: on(SIGQUIT)?,
                stop: on(SIGTSTP)?,
            })
        }

        /// The next one.
        pub async fn next(&mut self) -> i32 {
            tokio::select! {
                _ = self.term.recv() => SIGTERM,
                _ = self.hup.recv() => SIGHUP,
                _ = self.int.recv() => SIGINT,
                _ = self.quit.recv() => SIGQUIT,
                _ = self.stop.recv() => SIGTSTP,
            }
        }
    }
}

/// None asks for a pause.
#[cfg(not(unix))]
pub const SUSPEND: i32 = i32::MAX;

/// Where there are no such signals, only Ctrl-C, which is a key here.
#[cfg(not(unix))]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub async fn next(&mut self) -> i32 {
        std::future::pending().await
    }
}
