//! A domain for long streams: a state that shows the order of its events, and one like it of another form.

use highwater::write::{Aggregate, Rejection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    pub count: u64,
    /// Another order of the same events leads to another number.
    pub mixed: u64,
    /// Fractions, which JSON's text does not always give back exactly.
    pub share: f64,
    pub last: Vec<u64>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub enum TallyCommand {
    /// Count a number.
    Count { tally: String, number: u64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TallyEvent {
    Counted { number: u64 },
}

fn key(command: &TallyCommand) -> String {
    let TallyCommand::Count { tally, .. } = command;
    tally.clone()
}

impl Aggregate for Tally {
    const CATEGORY: &'static str = "tally";
    type Command = TallyCommand;
    type Event = TallyEvent;

    fn key(command: &TallyCommand) -> String {
        key(command)
    }

    fn decide(&self, command: &TallyCommand) -> Result<Vec<TallyEvent>, Rejection> {
        let TallyCommand::Count { number, .. } = *command;
        Ok(vec![TallyEvent::Counted { number }])
    }

    fn evolve(&mut self, event: &TallyEvent) {
        let TallyEvent::Counted { number } = *event;
        self.count += 1;
        self.mixed = self.mixed.wrapping_mul(31).wrapping_add(number);
        self.share += number as f64 / 3.0;
        self.last.push(number);
        if self.last.len() > 5 {
            self.last.remove(0);
        }
    }
}

/// The same events, counted twice each: the same form of state, and another revision.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "Tally")]
pub struct Doubled(pub Tally);

impl Aggregate for Doubled {
    const CATEGORY: &'static str = "tally";
    const REVISION: u32 = 2;
    type Command = TallyCommand;
    type Event = TallyEvent;

    fn key(command: &TallyCommand) -> String {
        key(command)
    }

    fn decide(&self, command: &TallyCommand) -> Result<Vec<TallyEvent>, Rejection> {
        self.0.decide(command)
    }

    fn evolve(&mut self, event: &TallyEvent) {
        self.0.evolve(event);
        self.0.evolve(event);
    }
}
