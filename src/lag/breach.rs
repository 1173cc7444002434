//! Whether a read model breaches its objective, so that one late moment raises no alarm and one good
//! moment ends none.

use std::time::Duration;

/// How many evaluations in a row over the objective raise a breach.
const RAISE: u8 = 2;
/// How many evaluations in a row within the objective clear it.
const CLEAR: u8 = 3;

/// The breach of one read model's objective, with hysteresis: raised after 2 evaluations in a row over
/// it, cleared after 3 within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breach {
    raised: bool,
    /// Evaluations in a row that speak against what is raised or not.
    against: u8,
}

impl Breach {
    /// None yet.
    pub const fn new() -> Self {
        Self {
            raised: false,
            against: 0,
        }
    }

    /// Whether it is breached, as of the last evaluation.
    pub const fn is_raised(self) -> bool {
        self.raised
    }

    /// Compares an age with the objective, and answers whether that is breached now. Exactly the
    /// objective is within it. Without an objective there is no breach, nor a memory of one.
    pub fn evaluate(&mut self, age: Duration, objective: Option<Duration>) -> bool {
        let Some(objective) = objective else {
            *self = Self::new();
            return false;
        };
        let over = age > objective;
        if over == self.raised {
            self.against = 0;
            return self.raised;
        }
        self.against += 1;
        if self.against == if self.raised { CLEAR } else { RAISE } {
            *self = Self {
                raised: over,
                against: 0,
            };
        }
        self.raised
    }
}
