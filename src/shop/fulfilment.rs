//! Fulfilment, a process manager: an order is placed, each of its lines is reserved, the customer pays, the
//! order is shipped and its stock leaves the warehouse. Where a line cannot be reserved, or no payment comes
//! in time, or the customer cancels, what was reserved goes back and the order ends as cancelled.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::Line;
use crate::event::Event;
use crate::write::{Concern, Fact, Next, Process, Request};

/// The process manager of orders. Stream `fulfilment-KEY`, with the order's key.
///
/// A compensation cancels before it releases: from then on nobody can pay or ship the order any more, so that
/// what goes back to the shelf can not be wanted after all.
///
/// ```
/// use std::time::Duration;
/// use highwater::shop::Fulfilment;
/// use highwater::write::testing::process;
/// use serde_json::json;
///
/// let lines = json!([{"product": "mug", "quantity": 2, "unit_price_cents": 1250}]);
/// process(Fulfilment { payment_within: Duration::from_secs(900) })
///     .event("order-1042", "OrderPlaced", json!({"customer": "ada", "lines": lines, "total_cents": 2500}))
///     .sends("ReserveStock", json!({"product": "mug", "order": "1042", "quantity": 2}))
///     .rejected("2 of mug are wanted and 1 available")
///     .sends("CancelOrder", json!({"order": "1042", "reason": "2 of mug are wanted and 1 available"}))
///     .accepted()
///     .finishes("cancelled");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fulfilment {
    /// How long the customer has to pay, from when everything is reserved.
    pub payment_within: Duration,
}

/// What the fulfilment of one order knows.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct FulfilmentState {
    /// The order's key.
    pub order: String,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// How far it is.
    pub stage: FulfilmentStage,
    /// The products that are set aside for the order, in the order of its lines.
    pub reserved: Vec<String>,
    /// Why it is given up, where it is.
    pub reason: Option<String>,
}

/// How far the fulfilment of an order is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStage {
    /// The order is not placed.
    #[default]
    NotBegun,
    /// Its lines are set aside, one after the other.
    Reserving,
    /// Everything is set aside, and the customer is to pay.
    AwaitingPayment,
    /// The order is paid, and is to be shipped.
    Shipping,
    /// It is given up, and is to be cancelled.
    Cancelling,
    /// The order took no such command: somebody else shipped or cancelled it, and the event that says which is
    /// in the log and will come.
    Overtaken,
    /// The order is shipped, and what was set aside leaves the warehouse.
    Dispatching,
    /// The order is cancelled, and what was set aside goes back.
    Releasing,
}

use FulfilmentStage::{
    AwaitingPayment, Cancelling, Dispatching, NotBegun, Overtaken, Releasing, Reserving, Shipping,
};

/// The longest reason that an order takes, in characters.
const REASON_LIMIT: usize = 500;

impl Process for Fulfilment {
    const CATEGORY: &'static str = "fulfilment";
    type State = FulfilmentState;

    fn concern(&self, event: &Event) -> Option<Concern> {
        if event.stream.category() != "order" {
            return None;
        }
        let order = event.stream.key().to_owned();
        match event.event_type.as_str() {
            "OrderPlaced" => Some(Concern::Begins(order)),
            "PaymentProcessed" | "OrderShipped" | "OrderCancelled" => {
                Some(Concern::Continues(order))
            }
            _ => None,
        }
    }

    fn evolve(&self, state: &mut FulfilmentState, fact: &Fact) {
        match fact {
            Fact::EventTaken {
                event,
                stream,
                data,
                ..
            } => match event.as_str() {
                "OrderPlaced" => state.begin(stream, data),
                "PaymentProcessed" => state.paid(),
                "OrderShipped" => state.shipped(),
                "OrderCancelled" => state.cancelled(),
                _ => {}
            },
            Fact::StepAccepted { .. } => state.done(),
            Fact::StepRejected { reason, .. } => state.refused(reason),
            Fact::TimerFired { .. } => state.give_up("no payment came in time"),
            Fact::TimerSet { .. } | Fact::ProcessFinished { .. } => {}
        }
    }

    fn next(&self, state: &FulfilmentState) -> Next {
        match state.stage {
            NotBegun | Overtaken => Next::Wait,
            Reserving => match state.lines.get(state.reserved.len()) {
                Some(line) => Next::Send(state.reserve(line)),
                // Not reached: with the last line it goes on to wait.
                None => Next::Wait,
            },
            AwaitingPayment => Next::WaitFor(self.payment_within),
            Shipping => Next::Send(state.command("ShipOrder", json!({}))),
            Cancelling => {
                let reason = state.reason.as_deref().unwrap_or("it was given up");
                Next::Send(state.command("CancelOrder", json!({ "reason": reason })))
            }
            Dispatching => match state.reserved.first() {
                Some(product) => {
                    Next::Send(state.command("DispatchStock", json!({ "product": product })))
                }
                None => Next::Finish("shipped".to_owned()),
            },
            Releasing => match state.reserved.first() {
                Some(product) => {
                    Next::Send(state.command("ReleaseStock", json!({ "product": product })))
                }
                None => Next::Finish("cancelled".to_owned()),
            },
        }
    }
}

impl FulfilmentState {
    fn begin(&mut self, stream: &str, data: &Value) {
        if self.stage == NotBegun {
            let key = stream.split_once('-').map_or(stream, |(_, key)| key);
            self.order = key.to_owned();
            let lines = data.get("lines").cloned().unwrap_or_default();
            self.lines = serde_json::from_value(lines).unwrap_or_default();
            self.stage = if self.lines.is_empty() {
                AwaitingPayment
            } else {
                Reserving
            };
        }
    }

    fn paid(&mut self) {
        if self.stage == AwaitingPayment {
            self.stage = Shipping;
        }
    }

    /// By somebody else: at its own request it knows already.
    fn shipped(&mut self) {
        if !matches!(self.stage, NotBegun | Dispatching | Releasing) {
            self.stage = Dispatching;
        }
    }

    /// By somebody else, most often the customer.
    fn cancelled(&mut self) {
        if !matches!(self.stage, NotBegun | Dispatching | Releasing) {
            self.stage = Releasing;
        }
    }

    /// The last command was accepted.
    fn done(&mut self) {
        match self.stage {
            Reserving => {
                let line = self.lines.get(self.reserved.len());
                self.reserved.extend(line.map(|line| line.product.clone()));
                if self.reserved.len() == self.lines.len() {
                    self.stage = AwaitingPayment;
                }
            }
            Shipping => self.stage = Dispatching,
            Cancelling => self.stage = Releasing,
            Dispatching | Releasing => drop(self.reserved.remove(0)),
            NotBegun | AwaitingPayment | Overtaken => {}
        }
    }

    /// The last command was rejected.
    fn refused(&mut self, reason: &str) {
        match self.stage {
            Reserving => self.give_up(reason),
            Shipping | Cancelling => self.stage = Overtaken,
            // Somebody took it already, which is recorded. The others are still to go.
            Dispatching | Releasing => drop(self.reserved.remove(0)),
            NotBegun | AwaitingPayment | Overtaken => {}
        }
    }

    fn give_up(&mut self, reason: &str) {
        self.reason = Some(reason.chars().take(REASON_LIMIT).collect());
        self.stage = Cancelling;
    }

    fn reserve(&self, line: &Line) -> Request {
        let fields = json!({ "product": line.product, "quantity": line.quantity });
        self.command("ReserveStock", fields)
    }

    /// A command for this order, or for a product on its behalf.
    fn command(&self, name: &str, mut fields: Value) -> Request {
        fields["order"] = Value::from(self.order.clone());
        Request::new(name, fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::testing::{GivenProcess, process};

    fn placed() -> GivenProcess {
        process(Fulfilment {
            payment_within: Duration::from_secs(30),
        })
        .event(
            "order-1042",
            "OrderPlaced",
            json!({"customer": "ada", "total_cents": 6400, "lines": [
                {"product": "mug", "quantity": 2, "unit_price_cents": 1250},
                {"product": "teapot", "quantity": 1, "unit_price_cents": 3900},
            ]}),
        )
    }

    fn reserve(product: &str, quantity: u64) -> Value {
        json!({"product": product, "order": "1042", "quantity": quantity})
    }

    fn of(product: &str) -> Value {
        json!({"product": product, "order": "1042"})
    }

    fn reserved() -> GivenProcess {
        placed()
            .sends("ReserveStock", reserve("mug", 2))
            .accepted()
            .sends("ReserveStock", reserve("teapot", 1))
            .accepted()
            .waits_for(Duration::from_secs(30))
    }

    fn event(given: GivenProcess, event_type: &str) -> GivenProcess {
        given.event("order-1042", event_type, json!({}))
    }

    fn releases_both(given: GivenProcess) {
        given
            .sends("ReleaseStock", of("mug"))
            .accepted()
            .sends("ReleaseStock", of("teapot"))
            .accepted()
            .finishes("cancelled");
    }

    #[test]
    fn a_paid_order_is_shipped_and_its_stock_leaves() {
        event(reserved(), "PaymentProcessed")
            .sends("ShipOrder", json!({"order": "1042"}))
            .accepted()
            .sends("DispatchStock", of("mug"))
            .accepted()
            .sends("DispatchStock", of("teapot"))
            .accepted()
            .finishes("shipped");
    }

    #[test]
    fn a_line_that_cannot_be_reserved_gives_back_the_others_and_cancels() {
        let why = "1 of teapot are wanted and 0 available";
        placed()
            .sends("ReserveStock", reserve("mug", 2))
            .accepted()
            .sends("ReserveStock", reserve("teapot", 1))
            .rejected(why)
            .sends("CancelOrder", json!({"order": "1042", "reason": why}))
            .accepted()
            .sends("ReleaseStock", of("mug"))
            .accepted()
            .finishes("cancelled");
    }

    #[test]
    fn without_a_payment_in_time_everything_goes_back() {
        let why = "no payment came in time";
        let given = reserved()
            .timer_fires()
            .sends("CancelOrder", json!({"order": "1042", "reason": why}))
            .accepted();
        releases_both(given);
    }

    #[test]
    fn a_customer_who_cancels_gets_nothing_and_the_stock_goes_back() {
        releases_both(event(reserved(), "OrderCancelled"));
    }

    #[test]
    fn a_customer_who_cancels_just_before_it_is_shipped_is_heard() {
        let given = event(reserved(), "PaymentProcessed")
            .sends("ShipOrder", json!({"order": "1042"}))
            .rejected("order 1042 is cancelled")
            .waits();
        releases_both(event(given, "OrderCancelled"));
    }

    #[test]
    fn an_order_that_somebody_shipped_while_it_was_given_up_counts_as_shipped() {
        let given = reserved()
            .timer_fires()
            .sends(
                "CancelOrder",
                json!({"order": "1042", "reason": "no payment came in time"}),
            )
            .rejected("order 1042 is shipped already")
            .waits();
        event(event(given, "PaymentProcessed"), "OrderShipped")
            .sends("DispatchStock", of("mug"))
            .rejected("no mug is reserved for order 1042")
            .sends("DispatchStock", of("teapot"))
            .accepted()
            .finishes("shipped");
    }

    #[test]
    fn a_reason_is_never_too_long_for_the_order() {
        placed()
            .sends("ReserveStock", reserve("mug", 2))
            .rejected(&"é".repeat(2_000))
            .sends(
                "CancelOrder",
                json!({"order": "1042", "reason": "é".repeat(500)}),
            );
    }
}
