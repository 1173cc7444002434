//! What each replica of a projection has of one key, beside what the log has of it: which fields are stale,
//! and which event will mend them.

use super::{Workspace, WorkspaceError};
use crate::event::{Position, StreamId, Version};
use crate::log::EventLog as _;
use crate::read::{Key, Keyed, OfStream, keyed};

/// What the replicas of one projection have of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The stream that feeds the key.
    pub stream: StreamId,
    /// How many events that has.
    pub version: Version,
    /// One a replica, by name.
    pub replicas: Vec<Held>,
}

/// What one replica has of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The replica.
    pub name: String,
    /// Its rows, and up to where it has the log.
    pub keyed: Keyed,
    /// How many events of the stream that concern it are not in it: those that wait, and those that are parked.
    pub lacks: u64,
    /// The first of them that comes by itself. None does while events of the stream are parked: what follows is parked
    /// too when its turn comes.
    pub next: Option<Position>,
}

impl Compared {
    /// Whether all of them have the same rows.
    pub fn agree(&self) -> bool {
        let tables = |held: &Held| held.keyed.tables.clone();
        let mut pairs = self.replicas.windows(2);
        pairs.all(|pair| tables(&pair[0]) == tables(&pair[1]))
    }
}

/// How many events of the stream are read at once.
const PAGE: usize = 500;

impl Workspace {
    /// Reads what each replica of a projection has of a key: `orders` for all replicas of it, where it has
    /// any. Each in a transaction of its own, one after the other.
    ///
    /// Errors: no such projection, one that declares no key, a file that cannot be read.
    pub async fn compare(&self, projection: &str, key: &str) -> Result<Compared, WorkspaceError> {
        let replica_of = format!("{projection}@");
        let all = self.projections();
        let replicas: Vec<_> = all
            .iter()
            .filter(|p| p.name() == projection || p.name().starts_with(&replica_of))
            .collect();
        let Some(first) = replicas.first() else {
            // Says what there is.
            self.projection(projection)?;
            return Err(WorkspaceError::no_key(projection));
        };
        let Some(Key { column, category }) = first.key() else {
            return Err(WorkspaceError::no_key(projection));
        };
        let stream = StreamId::new(&format!("{category}-{key}"))?;
        let mut held = Vec::new();
        for replica in &replicas {
            let path = self.0.folder.versions(replica.name()).link();
            let nothing = Keyed {
                position: Position::START,
                tables: Vec::new(),
                passed_by: OfStream::default(),
            };
            // No engine has made it yet.
            let keyed = match path.is_symlink() {
                true => keyed(&path, column, key, &stream)?,
                false => nothing,
            };
            held.push((replica, keyed));
        }
        let mut version = Version::NONE;
        let mut replicas: Vec<Held> = held
            .iter()
            .map(|(replica, keyed)| Held {
                name: replica.name().to_owned(),
                lacks: keyed.passed_by.parked.count.events,
                next: None,
                keyed: keyed.clone(),
            })
            .collect();
        loop {
            let page = self.0.log.read_stream(&stream, version, PAGE).await?;
            let Some(last) = page.events.last() else {
                return Ok(Compared {
                    stream,
                    version,
                    replicas,
                });
            };
            version = last.version;
            for (held, (replica, keyed)) in replicas.iter_mut().zip(&held) {
                let ahead = &keyed.passed_by.ahead;
                let missing = page.events.iter().filter(|event| {
                    event.position > keyed.position
                        && replica.subscription().takes_event(event)
                        && !ahead.skips(event.position)
                });
                for event in missing {
                    held.lacks += 1;
                    if ahead.comes(event.position) {
                        held.next.get_or_insert(event.position);
                    }
                }
            }
        }
    }
}
