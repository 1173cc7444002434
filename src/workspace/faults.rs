//! Faults on demand: what somebody injects to see a projection fall behind, or stop at a bad event, and recover.
//!
//! They are kept in the memory of the process that applies the events, and end with it. They are no events in
//! the log, as operations are: a fault is not what somebody asks of a projection but what befalls it, and one
//! that survived a restart, or came with a copy of the log, would be a defect that nobody asked for. For the
//! same reason there are none unless the program that opens the workspace allows them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Workspace, WorkspaceError};
use crate::event::Position;
use crate::read::{OnError, format_duration, parse_duration};
use crate::text::program;

/// How much longer one event may take at most: whoever wants to pause the projection waits for it.
const SLOWEST: Duration = Duration::from_millis(500);

/// How every reason of an injected fault begins: nobody is to take it for a handler's.
pub const INJECTED: &str = "injected fault";

/// How a fault is written.
const FORMS: &str =
    "a fault is `slow NAME 20ms`, `stall NAME`, `poison NAME [TYPE]` or `stop [NAME]`";

/// What somebody asks of the faults, as it is written: `slow orders 20ms`, `poison orders OrderPlaced`, `stop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultOrder {
    /// Each event that a projection applies takes longer.
    Slow {
        /// Which projection.
        projection: String,
        /// By so much.
        by: Duration,
    },
    /// A projection does not move.
    Stall {
        /// Which projection.
        projection: String,
    },
    /// The next event that a projection takes cannot be applied.
    Poison {
        /// Which projection.
        projection: String,
        /// The next one of this type; `None`: of any.
        event_type: Option<String>,
    },
    /// No faults any more.
    Stop {
        /// Of which projection; `None`: of all.
        projection: Option<String>,
    },
}

/// Why a fault cannot be injected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// It is not written as one.
    #[error("{why}")]
    Words {
        /// What is wrong with it, or how it is written.
        why: String,
    },
    /// The program does not allow them here.
    #[error("faults are the demo's: `{program} demo` has them, other workspaces do not", program = program())]
    NotAllowed,
    /// There is no such projection.
    #[error(transparent)]
    Projection(#[from] WorkspaceError),
    /// The projection takes no events of this type.
    #[error("{projection} takes no {event_type}: it takes {known}")]
    Type {
        /// Which projection.
        projection: String,
        /// The type that was named.
        event_type: String,
        /// Those there are.
        known: String,
    },
    /// Another process applies the events.
    #[error(
        "process {pid} applies the events here, and only there faults can be injected: stop it first, or type \
         :fault in its dashboard"
    )]
    Elsewhere {
        /// Which process.
        pid: u32,
    },
}

impl FromStr for FaultOrder {
    type Err = FaultError;

    fn from_str(given: &str) -> Result<Self, FaultError> {
        let wrong = |why: String| FaultError::Words { why };
        let words: Vec<&str> = given.split_whitespace().collect();
        match words.as_slice() {
            ["slow", projection, by] => match parse_duration(by) {
                Ok(by) if by <= SLOWEST => Ok(Self::Slow {
                    projection: (*projection).to_owned(),
                    by,
                }),
                Ok(_) => Err(wrong(format!(
                    "an event can be slowed by at most {}",
                    format_duration(SLOWEST)
                ))),
                Err(error) => Err(wrong(error.to_string())),
            },
            ["stall", projection] => Ok(Self::Stall {
                projection: (*projection).to_owned(),
            }),
            ["poison", projection] => Ok(Self::Poison {
                projection: (*projection).to_owned(),
                event_type: None,
            }),
            ["poison", projection, event_type] => Ok(Self::Poison {
                projection: (*projection).to_owned(),
                event_type: Some((*event_type).to_owned()),
            }),
            ["stop"] => Ok(Self::Stop { projection: None }),
            ["stop", projection] => Ok(Self::Stop {
                projection: Some((*projection).to_owned()),
            }),
            _ => Err(wrong(FORMS.to_owned())),
        }
    }
}

impl FaultOrder {
    /// The projection that it names.
    pub fn projection(&self) -> Option<&str> {
        match self {
            Self::Slow { projection, .. }
            | Self::Stall { projection }
            | Self::Poison { projection, .. } => Some(projection),
            Self::Stop { projection } => projection.as_deref(),
        }
    }
}

/// The faults that one projection has now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injected {
    /// Each event takes so much longer.
    pub slow: Option<Duration>,
    /// No event can be applied, and all are tried again.
    #[serde(default)]
    pub stall: bool,
    /// One event cannot be applied.
    pub poison: Option<Poison>,
}

/// An event that cannot be applied, although nothing is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poison {
    /// The next one of this type; `None`: of any.
    pub event_type: Option<String>,
    /// Which one it is, once it was met.
    pub position: Option<Position>,
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slow = self.slow.map(|by| format!("slow {}", format_duration(by)));
        let poison =
            self.poison
                .as_ref()
                .map(|poison| match (poison.position, &poison.event_type) {
                    (Some(position), _) => format!("poison at event {position}"),
                    (None, Some(event_type)) => format!("poison, the next {event_type}"),
                    (None, None) => "poison, the next event".to_owned(),
                });
        let stall = self.stall.then(|| "stall".to_owned());
        let all: Vec<String> = slow.into_iter().chain(stall).chain(poison).collect();
        f.write_str(&all.join("; "))
    }
}

/// The faults of a workspace, by projection: shared by whoever injects them and the loops that they befall.
#[derive(Clone, Default)]
pub(super) struct Faults(Arc<watch::Sender<BTreeMap<String, Injected>>>);

impl Faults {
    /// Those of one projection.
    pub(super) fn of(&self, projection: &str) -> Option<Injected> {
        self.0.borrow().get(projection).cloned()
    }

    /// A way to wait until there are others.
    pub(super) fn changes(&self) -> watch::Receiver<BTreeMap<String, Injected>> {
        self.0.subscribe()
    }

    /// A projection has met the event that it cannot apply.
    pub(super) fn met(&self, projection: &str, position: Position) {
        self.0.send_if_modified(|all| {
            let poison = all.get_mut(projection).and_then(|of| of.poison.as_mut());
            let unmet = poison.filter(|poison| poison.position.is_none());
            unmet.is_some_and(|poison| poison.position.replace(position).is_none())
        });
    }

    /// Does it, and says what was done; which projections park what they cannot apply, it is told.
    fn carry_out(&self, order: &FaultOrder, parks: impl Fn(&str) -> bool) -> String {
        match order {
            FaultOrder::Slow { projection, by } => {
                self.inject(projection, |of| of.slow = Some(*by));
                let by = format_duration(*by);
                format!("{projection}: each event takes {by} longer, until :fault stop")
            }
            FaultOrder::Stall { projection } => {
                self.inject(projection, |of| of.stall = true);
                format!("{projection}: does not move, until :fault stop")
            }
            FaultOrder::Poison {
                projection,
                event_type,
            } => {
                self.inject(projection, |of| {
                    of.poison = Some(Poison {
                        event_type: event_type.clone(),
                        position: None,
                    });
                });
                let what = event_type.as_deref().unwrap_or("event");
                format!("{projection}: the next {what} cannot be applied, until :fault stop")
            }
            FaultOrder::Stop { projection } => self.stop(projection.as_deref(), parks),
        }
    }

    fn inject(&self, projection: &str, change: impl FnOnce(&mut Injected)) {
        self.0
            .send_modify(|all| change(all.entry(projection.to_owned()).or_default()));
    }

    fn stop(&self, projection: Option<&str>, parks: impl Fn(&str) -> bool) -> String {
        let mut ended = BTreeMap::new();
        self.0.send_if_modified(|all| {
            let ends = |name: &String| projection.is_none_or(|only| only == name);
            (ended, *all) = std::mem::take(all)
                .into_iter()
                .partition(|(name, _)| ends(name));
            !ended.is_empty()
        });
        if ended.is_empty() {
            let of = projection.map_or_else(String::new, |name| format!("{name} has "));
            return format!("{of}no fault to stop");
        }
        let names: Vec<&str> = ended.keys().map(String::as_str).collect();
        let met = |of: &Injected| of.poison.as_ref().is_some_and(|p| p.position.is_some());
        let (parked, stopped): (Vec<&str>, Vec<&str>) = ended
            .iter()
            .filter(|(_, of)| met(of))
            .map(|(name, _)| name.as_str())
            .partition(|name| parks(name));
        // Only an operation has an event tried again, and operations are in the log.
        let mut said = format!("{}: no fault any more", names.join(", "));
        if !stopped.is_empty() {
            let stopped = stopped.join(", ");
            said.push_str(&format!(
                "; where {stopped} has stopped at an event, resume it"
            ));
        }
        for name in &parked {
            said.push_str(&format!("; what it parked: `:retry {name} all`"));
        }
        if parked.is_empty() && stopped.is_empty() {
            said.push_str("; what waits is caught up with");
        }
        said
    }
}

impl Workspace {
    /// Allows faults from now on, in the engines that are started after this. There is no way back.
    pub fn allow_faults(&self) {
        self.0.faults.get_or_init(Faults::default);
    }

    /// Whether faults are allowed.
    pub fn allows_faults(&self) -> bool {
        self.0.faults.get().is_some()
    }

    /// Injects a fault into a projection that this process runs, or ends faults; says what was done.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let folder = highwater::workspace::Folder::init(dir.path())?;
    /// # let workspace = highwater::cli::shop().open(folder)?;
    /// assert!(workspace.inject(&"stop".parse()?).is_err(), "nobody has allowed them");
    /// workspace.allow_faults();
    /// assert_eq!(workspace.inject(&"stop".parse()?)?, "no fault to stop");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Errors: they are not allowed, no such projection, a type that it does not take, another process applies
    /// the events.
    pub fn inject(&self, order: &FaultOrder) -> Result<String, FaultError> {
        let faults = self.0.faults.get().ok_or(FaultError::NotAllowed)?;
        if let Some(name) = order.projection() {
            self.check(name, order)?;
        }
        match self.engine() {
            Some(pid) if pid != std::process::id() => Err(FaultError::Elsewhere { pid }),
            _ => Ok(faults.carry_out(order, |name| {
                let projection = self.projection(name);
                projection.is_ok_and(|projection| projection.on_error() == OnError::Park)
            })),
        }
    }

    fn check(&self, name: &str, order: &FaultOrder) -> Result<(), FaultError> {
        let projection = self.projection(name)?;
        let FaultOrder::Poison {
            event_type: Some(event_type),
            ..
        } = order
        else {
            return Ok(());
        };
        let Some(named) = projection.subscription().named() else {
            return Ok(());
        };
        let named: Vec<&str> = named.collect();
        if named.contains(&event_type.as_str()) {
            return Ok(());
        }
        Err(FaultError::Type {
            projection: name.to_owned(),
            event_type: event_type.clone(),
            known: named.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        match text.parse::<FaultOrder>() {
            Err(error) => error.to_string(),
            Ok(order) => panic!("{text:?} is taken for {order:?}"),
        }
    }

    #[test]
    fn a_fault_that_is_none_says_how_one_is_written() {
        for text in [
            "",
            "slow",
            "slow orders",
            "poison",
            "stop a b",
            "quick orders 1s",
        ] {
            assert!(
                wrong(text).contains("slow NAME 20ms"),
                "{text:?}: {}",
                wrong(text)
            );
        }
        assert!(wrong("slow orders banana").contains("banana"));
        assert!(wrong("slow orders 10h").contains("at most 500ms"));
    }

    #[test]
    fn faults_of_one_projection_add_up_and_end_together() {
        let faults = Faults::default();
        let say = |words: &str| faults.carry_out(&words.parse().unwrap(), |name| name == "search");
        say("slow orders 20ms");
        say("poison orders OrderPlaced");
        say("slow stock 1ms");
        let orders = faults.of("orders").unwrap().to_string();
        assert_eq!(orders, "slow 20ms; poison, the next OrderPlaced");
        faults.met("orders", Position::new(7));
        faults.met("orders", Position::new(8));
        let orders = faults.of("orders").unwrap().to_string();
        assert_eq!(orders, "slow 20ms; poison at event 7");
        assert!(say("stop orders").contains("where orders has stopped at an event, resume it"));
        assert_eq!(faults.of("orders"), None);
        assert!(say("stop").starts_with("stock: no fault any more"));
        assert_eq!(say("stop"), "no fault to stop");
        say("poison search");
        faults.met("search", Position::new(9));
        let of_one_that_parks = say("stop search");
        assert!(of_one_that_parks.ends_with("; what it parked: `:retry search all`"));
        assert!(!of_one_that_parks.contains("resume"));
    }
}
