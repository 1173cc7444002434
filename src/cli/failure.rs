//! How a subcommand ends: its exit code, and what is told where it went wrong.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use highwater::event::{JsonError, NameError};
use highwater::log::{AppendError, LogError};
use highwater::read::{QueryError, VerifyError};
use highwater::text::clean;
use highwater::workspace::{QueryFailed, WorkspaceError};
use highwater::write::SendError;

/// How a subcommand ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// It cannot be asked for in these words.
    Usage = 2,
    /// It was asked, and the answer is 'no': a breach, a rejection, a conflict, a refusal.
    No = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a subcommand ended early.
#[derive(Debug)]
pub enum Failure {
    /// Something to tell on standard error.
    Told {
        /// The exit code.
        exit: Exit,
        /// What happened, to what, and the way out.
        message: String,
    },
    /// Nobody reads standard output any more: no reason to complain.
    OutputClosed,
}

impl Failure {
    /// It failed.
    pub fn failed(message: impl Display) -> Self {
        Self::told(Exit::Failed, message)
    }

    /// It cannot be asked for in these words.
    pub fn usage(message: impl Display) -> Self {
        Self::told(Exit::Usage, message)
    }

    /// The answer is 'no'.
    pub fn no(message: impl Display) -> Self {
        Self::told(Exit::No, message)
    }

    fn told(exit: Exit, message: impl Display) -> Self {
        let message = message.to_string();
        Self::Told { exit, message }
    }

    /// Standard output could not be written.
    pub fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::failed(format!("cannot write the output: {error}"))
        }
    }

    /// The same with the name of a file before it.
    #[must_use]
    pub fn in_file(self, file: impl Display) -> Self {
        match self {
            Self::Told { exit, message } => Self::told(exit, format!("{file}: {message}")),
            Self::OutputClosed => self,
        }
    }

    /// Tells it, and answers the exit code.
    pub fn tell(self) -> Exit {
        match self {
            Self::Told { exit, message } => {
                say(&format!("error: {message}"));
                exit
            }
            Self::OutputClosed => Exit::Done,
        }
    }
}

/// Says something on standard error, each line harmless for a terminal. Where nobody listens, it is lost.
pub fn say(message: &str) {
    use io::Write as _;
    let mut err = io::stderr().lock();
    for line in message.lines() {
        if writeln!(err, "{}", clean(line)).is_err() {
            return;
        }
    }
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        let exit = match &error {
            WorkspaceError::NoProjection { .. }
            | WorkspaceError::Name(_)
            | WorkspaceError::Reason(_) => Exit::Usage,
            WorkspaceError::Query(error) => query_exit(error),
            WorkspaceError::Send(error) => send_exit(error),
            WorkspaceError::Verify(VerifyError::Ahead { .. }) => Exit::No,
            _ => Exit::Failed,
        };
        match &error {
            WorkspaceError::Query(QueryError::TimeLimit { .. }) => {
                Self::told(exit, format_args!("{error} (--timeout)"))
            }
            _ => Self::told(exit, error),
        }
    }
}

fn query_exit(error: &QueryError) -> Exit {
    match error {
        QueryError::NoQuery { .. } | QueryError::Parameters { .. } => Exit::Usage,
        _ => Exit::Failed,
    }
}

fn send_exit(error: &SendError) -> Exit {
    match error {
        SendError::UnknownCommand { .. }
        | SendError::Fields { .. }
        | SendError::Stream { .. }
        | SendError::Key { .. }
        | SendError::KeyUsed { .. } => Exit::Usage,
        _ => Exit::Failed,
    }
}

impl From<QueryFailed> for Failure {
    fn from(error: QueryFailed) -> Self {
        match error {
            QueryFailed::Workspace(error) => error.into(),
            QueryFailed::NotFresh(error) if error.is_slow => {
                Self::failed(format_args!("{error} (--timeout, --consistency)"))
            }
            other => Self::failed(other),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::failed(error)
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        let exit = match &error {
            AppendError::Conflict { .. } => Exit::No,
            _ => Exit::Failed,
        };
        Self::told(exit, error)
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::usage(error)
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        Self::usage(error)
    }
}
