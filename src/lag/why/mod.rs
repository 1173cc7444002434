//! Why is it stale? One verdict on one read model, by a fixed tree over its status and what was measured:
//! the first leaf that fits. It refines the [`Status`], and never says anything else than that does.

use std::time::Duration;

use super::{Lag, Rates, Status};
use crate::event::{Position, Timestamp};

mod words;

#[cfg(test)]
mod tests;

pub use words::{Number, Remedy, Value};

/// A rebuild is to blame for lateness where it took so much of the time, and more than live work did.
const ENOUGH_TO_BLAME: f64 = 0.3;

/// What is known of one read model and of whoever applies events to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The last position it contains.
    pub checkpoint: Position,
    /// The log's last position.
    pub head: Position,
    /// How far behind it is.
    pub lag: Lag,
    /// How long ago the last event was stored; `None` in an empty log.
    pub log_still_for: Option<Duration>,
    /// When the last event was stored; `None` in an empty log.
    pub last_stored: Option<Timestamp>,
    /// The policy in force, in words.
    pub policy: String,
    /// How late that policy itself makes it; `None` where it allows any lateness (`manual`).
    pub allowance: Option<Duration>,
    /// The most events a second that the policy lets through.
    pub cap: Option<f64>,
    /// How stale it may be before that is a breach.
    pub objective: Option<Duration>,
    /// How fast it is.
    pub rates: Rates,
    /// When it will have caught up, where that can be said.
    pub eta: Option<Duration>,
    /// What the loop did with its time, over the last seconds.
    pub work: Work,
    /// How the loop is.
    pub runs: Loop,
    /// Who paused it and when, where somebody did.
    pub paused: Option<Said>,
    /// The event that it cannot apply.
    pub trouble: Option<Trouble>,
    /// What keeps the loop as a whole from working.
    pub problem: Option<String>,
    /// Why the definition in force could not be built, so that it is what an older one makes of the log.
    pub not_built: Option<String>,
    /// The version that is built beside it.
    pub rebuild: Option<Rebuild>,
    /// How many events are parked, and of how many streams: answers lack them, whatever else is to be said.
    pub parked: (u64, u64),
    /// The faults that somebody has injected: what is to be seen is not for real.
    pub injected: Option<Injected>,
}

/// The faults that somebody has injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// What they are, in words.
    pub words: String,
    /// Whether one of them is that an event cannot be applied: only that has one parked, or stops at it.
    pub poison: bool,
}

/// Who applies events to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loop {
    /// No engine runs in this workspace.
    NoEngine,
    /// An engine runs, and has said nothing of this projection for three heartbeats.
    Silent {
        /// The process.
        pid: u32,
    },
    /// It runs.
    Alive {
        /// The process.
        pid: u32,
        /// For how long the step that it is in has taken, where that is longer than a step should take.
        stuck_for: Option<Duration>,
    },
}

/// Who asked for something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An event that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which.
    pub position: Position,
    /// What was said.
    pub error: String,
    /// How often it was tried.
    pub tries: u32,
    /// Whether the file was locked by another connection, and neither event nor handler is to blame.
    pub locked: bool,
    /// Whether an injected fault was to blame, which has ended: the event can be applied now.
    pub ended: bool,
}

/// A version that is built beside the live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuild {
    /// Its name.
    pub version: String,
    /// How far it is.
    pub checkpoint: Position,
    /// Where it has to get to.
    pub target: Position,
}

/// What a loop did with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Over how long this was measured; 0 where nothing was measured.
    pub wall: Duration,
    /// Reading the log.
    pub load: Duration,
    /// Running handlers.
    pub apply: Duration,
    /// Committing rows and checkpoint.
    pub commit: Duration,
    /// Building another version.
    pub rebuild: Duration,
}

impl Work {
    /// The time that went into live work.
    pub fn live(&self) -> Duration {
        self.load + self.apply + self.commit
    }

    /// How much of the measured time was spent so: 0 to 1.
    fn share_of_wall(&self, part: Duration) -> f64 {
        share(part, self.wall)
    }

    /// How much of live work a part of it is: 0 to 1.
    pub fn share_of_live(&self, part: Duration) -> f64 {
        share(part, self.live())
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        0.0
    } else {
        part.as_secs_f64() / whole.as_secs_f64()
    }
}

/// A part of live work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading the log.
    Load,
    /// Running handlers.
    Apply,
    /// Committing rows and checkpoint.
    Commit,
}

/// Why a read model is as it is: the leaves of the tree.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// Its checkpoint is not of this log.
    AnotherLog,
    /// Nobody runs an engine.
    NoEngine,
    /// An engine runs, and its loop for this projection is dead.
    LoopDead {
        /// The engine's process.
        pid: u32,
    },
    /// The loop is in one step for too long.
    Stuck {
        /// The engine's process.
        pid: u32,
        /// For how long.
        since: Duration,
    },
    /// The loop cannot work, and tries again.
    Broken {
        /// What it said.
        problem: String,
    },
    /// It stopped at an event that cannot be applied.
    Stopped(Trouble),
    /// An event could not be applied yet, and is tried again.
    Retrying(Trouble),
    /// Another connection holds its file.
    Locked(Trouble),
    /// Somebody paused it.
    Paused(Option<Said>),
    /// Its policy makes it later than its objective allows.
    Impossible {
        /// How late the policy makes it.
        allowance: Duration,
        /// How late it may be.
        objective: Duration,
    },
    /// Its policy holds back what waits.
    Held {
        /// For how long at most; `None` until somebody asks.
        at_most: Option<Duration>,
    },
    /// Its policy lets through less than is stored.
    Throttled {
        /// Events a second that the policy lets through.
        cap: f64,
        /// Events a second that are stored.
        stored: Option<f64>,
    },
    /// A version that is built beside it takes the time.
    Rebuilding {
        /// Which.
        rebuild: Rebuild,
        /// How much of the time it took: 0 to 1.
        share: f64,
    },
    /// More is stored than it can apply.
    Outrun {
        /// What takes most of the time.
        stage: Stage,
        /// Events a second that it can apply.
        capacity: Option<f64>,
        /// Events a second that are stored.
        stored: Option<f64>,
    },
    /// It is late and works at it.
    CatchingUp {
        /// What takes most of the time.
        stage: Stage,
        /// When it will be there.
        eta: Option<Duration>,
    },
    /// It is late, nothing hinders it, and it does not move: nothing that was measured says why.
    Unexplained,
    /// It is not late; but the definition in force could not be built, and it is an older one's.
    Outdated {
        /// Why it could not.
        why: String,
    },
    /// It has everything, and nothing was stored for a while.
    LogStill {
        /// Since when; `None` in an empty log. A moment, since what is drawn of an idle workspace is not drawn again
        /// while time passes.
        since: Option<Timestamp>,
    },
    /// It has everything, or what it lacks is on its way.
    Fresh,
    /// Nothing was found waiting, and not everything was counted yet.
    Counting,
}

impl Case {
    /// The verdict: the first leaf that fits.
    pub fn verdict(&self) -> Verdict {
        match self.lag.status {
            Status::Ahead => Verdict::AnotherLog,
            Status::Dead => self.dead(),
            Status::Faulted(position) => Verdict::Stopped(self.trouble_at(position)),
            Status::Paused => Verdict::Paused(self.paused.clone()),
            Status::Stalled | Status::Falling | Status::CatchingUp => self.late(),
            Status::Waiting if self.lag.behind == 0 => Verdict::Counting,
            Status::Waiting => self.hindered().unwrap_or_else(|| self.held()),
            Status::Live => self.live(),
        }
    }

    fn dead(&self) -> Verdict {
        match (&self.runs, &self.problem) {
            (Loop::NoEngine, _) => Verdict::NoEngine,
            (_, Some(problem)) => Verdict::Broken {
                problem: problem.clone(),
            },
            (Loop::Silent { pid } | Loop::Alive { pid, .. }, None) => {
                Verdict::LoopDead { pid: *pid }
            }
        }
    }

    fn trouble_at(&self, position: Position) -> Trouble {
        let known = self.trouble.clone();
        known.unwrap_or_else(|| Trouble {
            position,
            error: "its engine has not said why yet".to_owned(),
            tries: 0,
            locked: false,
            ended: false,
        })
    }

    /// What keeps it from working at all, whatever its policy.
    fn hindered(&self) -> Option<Verdict> {
        if let Some(problem) = &self.problem {
            let problem = problem.clone();
            return Some(Verdict::Broken { problem });
        }
        if let Some(trouble) = &self.trouble {
            let trouble = trouble.clone();
            return Some(if trouble.locked {
                Verdict::Locked(trouble)
            } else {
                Verdict::Retrying(trouble)
            });
        }
        match self.runs {
            Loop::Alive {
                pid,
                stuck_for: Some(since),
            } => Some(Verdict::Stuck { pid, since }),
            _ => None,
        }
    }

    /// Why it is later than its policy makes it.
    fn late(&self) -> Verdict {
        if let Some(verdict) = self.hindered() {
            return verdict;
        }
        let rebuild_took = self.work.share_of_wall(self.work.rebuild);
        if let Some(rebuild) = &self.rebuild
            && rebuild_took >= ENOUGH_TO_BLAME
            && self.work.rebuild > self.work.live()
        {
            return Verdict::Rebuilding {
                rebuild: rebuild.clone(),
                share: rebuild_took,
            };
        }
        if let Some(cap) = self.cap
            && self.rates.capacity.is_none_or(|capacity| capacity >= cap)
        {
            return Verdict::Throttled {
                cap,
                stored: self.rates.stored,
            };
        }
        let stage = self.slowest();
        match self.lag.status {
            // Its age may only grow while it applies more than comes: what is next was stored at once, long ago.
            Status::Falling if self.eta.is_none() => Verdict::Outrun {
                stage,
                capacity: self.rates.capacity,
                stored: self.rates.stored,
            },
            Status::Stalled if self.work.live().is_zero() => Verdict::Unexplained,
            _ => Verdict::CatchingUp {
                stage,
                eta: self.eta,
            },
        }
    }

    fn slowest(&self) -> Stage {
        let Work {
            load,
            apply,
            commit,
            ..
        } = self.work;
        if apply >= load && apply >= commit {
            Stage::Apply
        } else if load >= commit {
            Stage::Load
        } else {
            Stage::Commit
        }
    }

    /// What its policy does.
    fn held(&self) -> Verdict {
        match (self.allowance, self.objective) {
            (Some(allowance), Some(objective)) if allowance > objective => Verdict::Impossible {
                allowance,
                objective,
            },
            (allowance, _) => Verdict::Held {
                at_most: allowance.map(|allowance| allowance.saturating_sub(self.lag.age)),
            },
        }
    }

    fn live(&self) -> Verdict {
        if let Some(why) = &self.not_built {
            let why = why.clone();
            return Verdict::Outdated { why };
        }
        let still = self
            .log_still_for
            .is_none_or(|still| still >= super::WINDOW);
        if self.lag.behind == 0 && still {
            Verdict::LogStill {
                since: self.last_stored,
            }
        } else {
            Verdict::Fresh
        }
    }
}
