//! A verdict in words: one sentence, the numbers that it rests on, and what helps.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Case, Stage, Verdict, Work};
use crate::event::Position;
use crate::text::{human_duration, thousands};

/// A number that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Number {
    /// What it is of: `behind`, `age` …
    pub name: &'static str,
    /// How much.
    pub value: Value,
}

/// How much, and of what kind. In JSON times are seconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// So many; with 'at least' where not all were counted.
    Count(u64, bool),
    /// A place in the log.
    Position(Position),
    /// A time.
    Time(Duration),
    /// Events a second.
    Rate(f64),
    /// A share: 0 to 1.
    Share(f64),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(number, true) => f.write_str(&thousands(*number)),
            Self::Count(number, false) => write!(f, "at least {}", thousands(*number)),
            Self::Position(position) => f.write_str(&thousands(position.get())),
            Self::Time(time) => f.write_str(&human_duration(*time)),
            Self::Rate(rate) => write!(f, "{}/s", per_second(*rate)),
            Self::Share(share) => write!(f, "{:.0} %", share * 100.0),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(number, _) => serializer.serialize_u64(*number),
            Self::Position(position) => serializer.serialize_u64(position.get()),
            Self::Time(time) => serializer.serialize_f64(time.as_secs_f64()),
            Self::Rate(number) | Self::Share(number) => serializer.serialize_f64(*number),
        }
    }
}

/// What helps. Whoever shows it knows the key or the command for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Remedy {
    /// Start an engine, or start it again.
    StartEngine,
    /// Let it go on.
    Resume,
    /// Have it try the event again.
    TryAgain,
    /// Have it try again what it has parked.
    Retry,
    /// Fold it again from the first event.
    Rebuild,
    /// Have it apply by another policy.
    ChangePolicy,
    /// Have it apply what waits now.
    Apply,
    /// Change its file: a handler, or the objective.
    EditFile,
    /// End the fault that somebody has injected.
    EndFault,
    /// Find who else has the file open for writing, and end that.
    FindWriter,
    /// Nothing needs to be done: it helps itself.
    Wait,
}

impl Verdict {
    /// A word for programs, that stays the same whatever the sentences become.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::AnotherLog => "another-log",
            Self::NoEngine => "no-engine",
            Self::LoopDead { .. } => "loop-dead",
            Self::Stuck { .. } => "stuck",
            Self::Broken { .. } => "broken",
            Self::Stopped(_) => "stopped",
            Self::Retrying(_) => "retrying",
            Self::Locked(_) => "locked",
            Self::Paused(_) => "paused",
            Self::Impossible { .. } => "impossible",
            Self::Held { .. } => "held",
            Self::Throttled { .. } => "throttled",
            Self::Rebuilding { .. } => "rebuilding",
            Self::Outrun { .. } => "outrun",
            Self::CatchingUp { .. } => "catching-up",
            Self::Unexplained => "unexplained",
            Self::Outdated { .. } => "outdated",
            Self::LogStill { .. } => "log-still",
            Self::Fresh => "fresh",
            Self::Counting => "counting",
        }
    }

    /// What helps against this leaf, the best first. Empty where nothing is wrong.
    const fn remedies(&self) -> &'static [Remedy] {
        use Remedy as R;
        match self {
            Self::AnotherLog => &[R::Rebuild],
            Self::NoEngine | Self::LoopDead { .. } => &[R::StartEngine],
            Self::Stuck { .. } => &[R::Wait, R::StartEngine],
            Self::Broken { .. } => &[R::Wait, R::EditFile],
            Self::Stopped(_) => &[R::EditFile, R::TryAgain],
            Self::Retrying(_) => &[R::Wait, R::EditFile],
            Self::Locked(_) => &[R::FindWriter, R::Wait],
            Self::Paused(_) => &[R::Resume],
            Self::Impossible { .. } => &[R::ChangePolicy, R::EditFile],
            Self::Held { at_most: None } => &[R::Apply, R::ChangePolicy],
            Self::Held { .. } => &[R::Wait, R::Apply, R::ChangePolicy],
            Self::Throttled { .. } => &[R::ChangePolicy, R::Apply],
            Self::Rebuilding { .. } => &[R::Wait],
            Self::Outrun {
                stage: Stage::Apply,
                ..
            } => &[R::EditFile],
            Self::Outrun { .. } => &[R::ChangePolicy],
            Self::CatchingUp { .. } | Self::Counting => &[R::Wait],
            Self::Unexplained => &[R::StartEngine],
            Self::Outdated { .. } => &[R::EditFile, R::Rebuild],
            Self::LogStill { .. } | Self::Fresh => &[],
        }
    }
}

impl Case {
    /// What helps, the best first. Empty where nothing is wrong.
    pub fn remedies(&self, verdict: &Verdict) -> Vec<Remedy> {
        let mut all = self.remedies_of(verdict).to_vec();
        // What is parked is lacking whatever else is the matter, and is tried again by nobody else.
        if self.parked.0 > 0 {
            if self.is_poisoned() && !all.contains(&Remedy::EndFault) {
                all.push(Remedy::EndFault);
            }
            all.push(Remedy::Retry);
        }
        all
    }

    fn remedies_of(&self, verdict: &Verdict) -> &'static [Remedy] {
        match (&self.injected, verdict) {
            (_, Verdict::Stopped(trouble)) if trouble.ended => &[Remedy::TryAgain],
            (_, Verdict::Retrying(trouble)) if trouble.ended => &[Remedy::Wait],
            (None, _) => verdict.remedies(),
            (Some(_), Verdict::Stopped(_)) if self.is_poisoned() => {
                &[Remedy::EndFault, Remedy::TryAgain]
            }
            (
                Some(_),
                Verdict::Retrying(_)
                | Verdict::Stuck { .. }
                | Verdict::Outrun { .. }
                | Verdict::CatchingUp { .. },
            ) => &[Remedy::EndFault],
            (Some(_), _) => verdict.remedies(),
        }
    }

    /// Whether somebody has it fail at an event: no other fault parks one, or stops at it.
    fn is_poisoned(&self) -> bool {
        self.injected.as_ref().is_some_and(|fault| fault.poison)
    }

    /// The verdict in one sentence; and one more where it is an older definition's, events are parked, or a fault
    /// is injected.
    pub fn sentence(&self, verdict: &Verdict) -> String {
        let mut said = self.leaf(verdict);
        if let (Some(why), false) = (&self.not_built, matches!(verdict, Verdict::Outdated { .. })) {
            said.push_str(&format!(" What answers is an older definition's: {why}."));
        }
        match self.parked {
            (0, _) => {}
            (1, _) => said.push_str(" 1 event is parked: answers lack it."),
            (events, 1) => {
                let events = thousands(events);
                said.push_str(&format!(
                    " {events} events of one stream are parked: answers lack them."
                ));
            }
            (events, streams) => said.push_str(&format!(
                " {} events of {} streams are parked: answers lack them.",
                thousands(events),
                thousands(streams)
            )),
        }
        if let Some(fault) = &self.injected {
            said.push_str(&format!(" A fault is injected: {}.", fault.words));
        }
        said
    }

    fn leaf(&self, verdict: &Verdict) -> String {
        let Self { name, policy, .. } = self;
        match verdict {
            Verdict::AnotherLog => format!(
                "{name} was folded from another log: this one has no such event at position {}.",
                thousands(self.checkpoint.get())
            ),
            Verdict::NoEngine => format!(
                "Nobody runs an engine, so {name} stands still{}.",
                self.lack()
            ),
            Verdict::LoopDead { pid } => format!(
                "The engine (process {pid}) has said nothing of {name} for three heartbeats: its loop is dead{}.",
                self.lack()
            ),
            Verdict::Stuck { pid, since } => format!(
                "The loop of {name} (process {pid}) has been in one step for {}{}.",
                human_duration(*since),
                self.lack()
            ),
            Verdict::Broken { problem } => {
                format!("The loop of {name} cannot work, and tries again each second: {problem}.")
            }
            Verdict::Stopped(trouble) => format!(
                "{name} stopped at event {}{}: {}.",
                thousands(trouble.position.get()),
                after_tries(trouble.tries),
                trouble.error
            ),
            Verdict::Retrying(trouble) => format!(
                "{name} could not apply event {}{}, and tries it again: {}.",
                thousands(trouble.position.get()),
                after_tries(trouble.tries),
                trouble.error
            ),
            Verdict::Locked(trouble) => format!(
                "Another connection has locked the read model's file, so {name} cannot write event {}: {}.",
                thousands(trouble.position.get()),
                trouble.error
            ),
            Verdict::Paused(Some(said)) => format!(
                "{} paused {name} at {}{}.",
                said.by,
                said.at.strftime("%F %T UTC"),
                self.lack()
            ),
            Verdict::Paused(None) => format!("{name} is paused{}.", self.lack()),
            Verdict::Impossible {
                allowance,
                objective,
            } => format!(
                "Policy `{policy}` makes {name} up to {} old, and its objective is {}: both cannot hold.",
                human_duration(*allowance),
                human_duration(*objective)
            ),
            Verdict::Held { at_most: None } => {
                format!(
                    "Policy `{policy}` holds back {} until somebody asks.",
                    self.waiting()
                )
            }
            Verdict::Held {
                at_most: Some(time),
            } => format!(
                "Policy `{policy}` holds back {} for at most {} more.",
                self.waiting(),
                human_duration(*time)
            ),
            Verdict::Throttled { cap, stored } => match stored {
                Some(stored) if stored > cap => format!(
                    "{} events are stored a second, and policy `{policy}` lets {} through.",
                    per_second(*stored),
                    per_second(*cap)
                ),
                _ => format!(
                    "{} wait, and policy `{policy}` lets {} through a second.",
                    capital(&self.waiting()),
                    per_second(*cap)
                ),
            },
            Verdict::Rebuilding { rebuild, share } => format!(
                "Building version {} beside it takes {:.0} % of the time{}.",
                rebuild.version,
                share * 100.0,
                self.lack()
            ),
            Verdict::Outrun {
                stage,
                capacity,
                stored,
            } => {
                let most = capacity.map_or_else(|| "fewer".to_owned(), per_second);
                let comes = stored.map_or_else(|| "more".to_owned(), per_second);
                format!(
                    "{} events are stored a second, and {name} can apply {most}: {}.",
                    capital(&comes),
                    self.stage(*stage)
                )
            }
            Verdict::CatchingUp { stage, eta } => {
                let when = eta.map_or_else(String::new, |eta| {
                    format!(" and will have caught up in {}", human_duration(eta))
                });
                format!(
                    "{name} works through {}{when}: {}.",
                    self.waiting(),
                    self.stage(*stage)
                )
            }
            Verdict::Unexplained => format!(
                "{name} does not move though nothing hinders it{}: nothing that was measured says why.",
                self.lack()
            ),
            Verdict::Outdated { why } if self.lag.behind == 0 => {
                format!(
                    "{name} has everything, but by an older definition than is in force: {why}."
                )
            }
            Verdict::Outdated { why } => {
                format!("What answers for {name} is an older definition's: {why}.")
            }
            Verdict::LogStill { since: None } => {
                format!("{name} has everything: nothing has been stored yet.")
            }
            Verdict::LogStill { since: Some(since) } => format!(
                "{name} has everything: nothing has been stored since {}.",
                since.strftime("%F %T UTC")
            ),
            Verdict::Fresh if self.lag.behind == 0 && self.lag.gap > 0 => {
                let gap = thousands(self.lag.gap);
                format!("{name} has everything: nothing in its gap of {gap} concerns it.")
            }
            Verdict::Fresh if self.lag.behind == 0 => format!("{name} has everything."),
            Verdict::Fresh if self.lag.behind == 1 => "1 event is on its way.".to_owned(),
            Verdict::Fresh => format!("{} are on their way.", capital(&self.waiting())),
            Verdict::Counting => format!(
                "Nothing was found waiting for {name} so far; {} positions are not looked at yet.",
                thousands(self.lag.gap)
            ),
        }
    }

    /// The numbers that the verdict rests on.
    pub fn numbers(&self, verdict: &Verdict) -> Vec<Number> {
        let Self {
            lag, rates, work, ..
        } = self;
        let number = |name, value| Number { name, value };
        let mut numbers = vec![
            number("checkpoint", Value::Position(self.checkpoint)),
            number("head", Value::Position(self.head)),
            number("behind", Value::Count(lag.behind, lag.behind_exact)),
            number("age", Value::Time(lag.age)),
        ];
        let mut time = |name, value: Option<Duration>| {
            numbers.extend(value.map(|value| number(name, Value::Time(value))));
        };
        time("allowance", self.allowance.filter(|a| !a.is_zero()));
        time("objective", self.objective);
        let concerns_speed = matches!(
            verdict,
            Verdict::Throttled { .. }
                | Verdict::Rebuilding { .. }
                | Verdict::Outrun { .. }
                | Verdict::CatchingUp { .. }
        );
        if !concerns_speed {
            return numbers;
        }
        let mut rate = |name, value: Option<f64>| {
            numbers.extend(value.map(|value| number(name, Value::Rate(value))));
        };
        rate("stored a second", rates.stored);
        rate("applied a second", rates.applied);
        rate("capacity a second", rates.capacity);
        numbers.extend(shares(work).map(|(name, share)| number(name, Value::Share(share))));
        numbers
    }

    /// ', and 41,002 events wait, the oldest for 3 min': what it lacks, where it lacks anything.
    fn lack(&self) -> String {
        match self.lag.behind {
            0 => String::new(),
            1 => format!(", and 1 event waits, for {}", human_duration(self.lag.age)),
            _ => format!(
                ", and {} wait, the oldest for {}",
                self.waiting(),
                human_duration(self.lag.age)
            ),
        }
    }

    fn waiting(&self) -> String {
        let at_least = if self.lag.behind_exact {
            ""
        } else {
            "at least "
        };
        match self.lag.behind {
            1 => format!("{at_least}1 event"),
            behind => format!("{at_least}{} events", thousands(behind)),
        }
    }

    fn stage(&self, stage: Stage) -> String {
        let [(_, load), (_, apply), (_, commit)] = live_shares(&self.work);
        let (most, doing) = match stage {
            Stage::Load => (load, "reading the log"),
            Stage::Apply => (apply, "running handlers"),
            Stage::Commit => (commit, "committing"),
        };
        if self.work.live().is_zero() {
            return "how it spends its time is not known yet".to_owned();
        }
        format!("{:.0} % of its work is {doing}", most * 100.0)
    }
}

/// Each part of live work, as a share of it: 0 to 1.
fn live_shares(work: &Work) -> [(&'static str, f64); 3] {
    [
        ("load", work.share_of_live(work.load)),
        ("apply", work.share_of_live(work.apply)),
        ("commit", work.share_of_live(work.commit)),
    ]
}

fn shares(work: &Work) -> impl Iterator<Item = (&'static str, f64)> {
    let measured = !work.live().is_zero();
    let rebuild = (!work.rebuild.is_zero()).then(|| {
        let all = work.live() + work.rebuild;
        ("rebuild", super::share(work.rebuild, all))
    });
    let live = live_shares(work).into_iter().filter(move |_| measured);
    live.chain(rebuild)
}

/// '540', '1,200', '0.3'.
fn per_second(rate: f64) -> String {
    if rate < 10.0 {
        return format!("{rate:.1}");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = rate.round() as u64;
    thousands(whole)
}

fn after_tries(tries: u32) -> String {
    match tries {
        0 => String::new(),
        1 => " after 1 try".to_owned(),
        tries => format!(" after {tries} tries"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
