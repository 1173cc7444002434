//! For tests with a log of their own around a real one: the methods that it hands on as they are, written once.
//! Those in `tests/` take this file in by its path.

/// Writes these methods of an `EventLog`: each asks the log in a field of `self`, and gives its answer.
macro_rules! hand_on {
    ($log:tt: $first:ident $($rest:ident)+) => {
        hand_on!($log: $first);
        hand_on!($log: $($rest)+);
    };
    ($log:tt: describe) => {
        fn describe(&self) -> highwater::log::LogInfo {
            self.$log.describe()
        }
    };
    ($log:tt: append_all) => {
        fn append_all(
            &self,
            commits: Vec<highwater::log::Commit>,
        ) -> highwater::log::BoxFuture<
            '_,
            Vec<Result<highwater::log::Committed, highwater::log::AppendError>>,
        > {
            self.$log.append_all(commits)
        }
    };
    ($log:tt: committed) => {
        fn committed(
            &self,
            id: &highwater::log::CommitId,
        ) -> highwater::log::BoxFuture<
            '_,
            Result<Option<highwater::log::Committed>, highwater::log::LogError>,
        > {
            self.$log.committed(id)
        }
    };
    ($log:tt: read_stream) => {
        fn read_stream(
            &self,
            stream: &highwater::event::StreamId,
            after: highwater::event::Version,
            limit: usize,
        ) -> highwater::log::BoxFuture<
            '_,
            Result<highwater::log::StreamPage, highwater::log::LogError>,
        > {
            self.$log.read_stream(stream, after, limit)
        }
    };
    ($log:tt: read_all) => {
        fn read_all(
            &self,
            after: highwater::event::Position,
            limit: usize,
        ) -> highwater::log::BoxFuture<
            '_,
            Result<Vec<highwater::event::Event>, highwater::log::LogError>,
        > {
            self.$log.read_all(after, limit)
        }
    };
    ($log:tt: head) => {
        fn head(
            &self,
        ) -> highwater::log::BoxFuture<
            '_,
            Result<highwater::event::Position, highwater::log::LogError>,
        > {
            self.$log.head()
        }
    };
    ($log:tt: wait) => {
        fn wait(
            &self,
            after: highwater::event::Position,
            deadline: Option<std::time::Instant>,
        ) -> highwater::log::BoxFuture<
            '_,
            Result<highwater::event::Position, highwater::log::LogError>,
        > {
            self.$log.wait(after, deadline)
        }
    };
}

pub(crate) use hand_on;
