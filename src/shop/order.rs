//! Orders: placed, paid, shipped, or cancelled on the way.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::write::{Aggregate, Data, Rejection, Upcasters};

/// An order. Stream `order-KEY`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// How far it is.
    pub status: OrderStatus,
    /// Who placed it.
    pub customer: String,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// What it costs, in cents.
    pub total_cents: u64,
    /// Why it was cancelled, where it was.
    pub reason: Option<String>,
}

/// How far an order is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// There is no such order yet.
    #[default]
    NotPlaced,
    /// Placed, and not paid.
    Placed,
    /// Paid, and not shipped.
    Paid,
    /// On its way.
    Shipped,
    /// Cancelled.
    Cancelled,
}

/// Some of one product, in an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Which product.
    #[schemars(length(min = 1, max = 100), example = &"mug")]
    pub product: String,
    /// How many.
    #[schemars(range(min = 1, max = 1_000_000), example = 2)]
    pub quantity: u64,
    /// What one costs, in cents.
    #[schemars(range(max = 100_000_000), example = 1250)]
    pub unit_price_cents: u64,
}

/// What can be asked of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum OrderCommand {
    /// Place an order.
    PlaceOrder {
        /// The new order's number.
        #[schemars(length(min = 1, max = 100), example = &"mine-1", extend("x-new" = true))]
        order: String,
        /// Who places it.
        #[schemars(length(min = 1, max = 100), example = &"ada")]
        customer: String,
        /// What is ordered, each product once.
        #[schemars(length(min = 1, max = 100), example = example_lines())]
        lines: Vec<Line>,
    },
    /// Pay an order, all of it at once.
    ProcessPayment {
        /// Which order.
        #[schemars(length(min = 1, max = 100), example = &"mine-1")]
        order: String,
        /// How much is paid, in cents: the order's total.
        #[schemars(example = 6400)]
        amount_cents: u64,
    },
    /// Send a paid order on its way.
    ShipOrder {
        /// Which order.
        #[schemars(length(min = 1, max = 100), example = &"mine-1")]
        order: String,
    },
    /// Cancel an order that is not shipped yet; what was paid goes back.
    CancelOrder {
        /// Which order.
        #[schemars(length(min = 1, max = 100), example = &"mine-1")]
        order: String,
        /// Why.
        #[schemars(length(min = 1, max = 500), example = &"changed my mind")]
        reason: String,
    },
}

/// What can happen to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderEvent {
    /// There is a new order.
    OrderPlaced {
        /// Who placed it.
        customer: String,
        /// What was ordered.
        lines: Vec<Line>,
        /// What it costs, in cents.
        total_cents: u64,
    },
    /// The order is paid.
    PaymentProcessed {
        /// How much was paid, in cents.
        amount_cents: u64,
    },
    /// The order is on its way.
    OrderShipped {},
    /// The order is cancelled.
    OrderCancelled {
        /// Why.
        reason: String,
        /// What goes back to the customer, in cents; 0 where nothing was paid.
        refund_cents: u64,
    },
}

use OrderCommand::{CancelOrder, PlaceOrder, ProcessPayment, ShipOrder};
use OrderEvent::{OrderCancelled, OrderPlaced, OrderShipped, PaymentProcessed};

fn example_lines() -> [Line; 2] {
    let line = |product: &str, quantity, unit_price_cents| Line {
        product: product.to_owned(),
        quantity,
        unit_price_cents,
    };
    [line("mug", 2, 1250), line("teapot", 1, 3900)]
}

impl Aggregate for Order {
    const CATEGORY: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;

    fn key(command: &OrderCommand) -> String {
        match command {
            PlaceOrder { order, .. }
            | ProcessPayment { order, .. }
            | ShipOrder { order }
            | CancelOrder { order, .. } => order.clone(),
        }
    }

    fn decide(&self, command: &OrderCommand) -> Result<Vec<OrderEvent>, Rejection> {
        let event = match command {
            PlaceOrder {
                order,
                customer,
                lines,
            } => self.place(order, customer, lines),
            ProcessPayment {
                order,
                amount_cents,
            } => self.pay(order, *amount_cents),
            ShipOrder { order } => self.ship(order),
            CancelOrder { order, reason } => self.cancel(order, reason),
        };
        event.map(|event| vec![event]).map_err(Rejection::new)
    }

    fn evolve(&mut self, event: &OrderEvent) {
        match event.clone() {
            OrderPlaced {
                customer,
                lines,
                total_cents,
            } => {
                *self = Self {
                    status: OrderStatus::Placed,
                    customer,
                    lines,
                    total_cents,
                    reason: None,
                };
            }
            PaymentProcessed { .. } => self.status = OrderStatus::Paid,
            OrderShipped {} => self.status = OrderStatus::Shipped,
            OrderCancelled { reason, .. } => {
                self.status = OrderStatus::Cancelled;
                self.reason = Some(reason);
            }
        }
    }

    fn upcasters() -> Upcasters {
        Upcasters::new().with("OrderPlaced", 1, one_product_to_lines)
    }
}

/// At first an order was for one product, whose fields stood in the event itself, and had no total.
fn one_product_to_lines(mut data: Data) -> Data {
    if data.contains_key("lines") {
        // Placed by another program, which said nothing of a version: it is of this form already.
        return data;
    }
    let fields = ["product", "quantity", "unit_price_cents"];
    let line: Data = fields
        .into_iter()
        .filter_map(|field| {
            data.shift_remove(field)
                .map(|value| (field.to_owned(), value))
        })
        .collect();
    let number = |field: &str| line.get(field).and_then(Value::as_u64).unwrap_or_default();
    let total = number("quantity").saturating_mul(number("unit_price_cents"));
    data.insert("lines".to_owned(), Value::Array(vec![line.into()]));
    data.insert("total_cents".to_owned(), total.into());
    data
}

impl Order {
    fn place(&self, order: &str, customer: &str, lines: &[Line]) -> Result<OrderEvent, String> {
        if self.status != OrderStatus::NotPlaced {
            return Err(format!("order {order} is placed already"));
        }
        if lines.is_empty() {
            return Err(format!("order {order} has no lines: order something"));
        }
        let mut products = BTreeSet::new();
        for line in lines {
            if line.quantity == 0 {
                return Err(format!("{}: a quantity is 1 or more, not 0", line.product));
            }
            if !products.insert(&line.product) {
                return Err(format!(
                    "{} is on two lines: put them into one",
                    line.product
                ));
            }
        }
        let total_cents = total(lines).ok_or_else(|| {
            format!(
                "order {order} costs more than {}",
                money(LARGEST_TOTAL_CENTS)
            )
        })?;
        Ok(OrderPlaced {
            customer: customer.to_owned(),
            lines: lines.to_vec(),
            total_cents,
        })
    }

    fn pay(&self, order: &str, amount_cents: u64) -> Result<OrderEvent, String> {
        match self.status {
            OrderStatus::Placed => {}
            OrderStatus::Paid | OrderStatus::Shipped => {
                return Err(format!("order {order} is paid already"));
            }
            status => return Err(not_as(order, status)),
        }
        let side = match amount_cents.cmp(&self.total_cents) {
            std::cmp::Ordering::Equal => return Ok(PaymentProcessed { amount_cents }),
            std::cmp::Ordering::Less => "under",
            std::cmp::Ordering::Greater => "over",
        };
        Err(format!(
            "the payment of {} is {side} the total of {}",
            money(amount_cents),
            money(self.total_cents)
        ))
    }

    fn ship(&self, order: &str) -> Result<OrderEvent, String> {
        match self.status {
            OrderStatus::Paid => Ok(OrderShipped {}),
            OrderStatus::Placed => Err(format!("order {order} is not paid")),
            status => Err(not_as(order, status)),
        }
    }

    fn cancel(&self, order: &str, reason: &str) -> Result<OrderEvent, String> {
        let refund_cents = match self.status {
            OrderStatus::Placed => 0,
            OrderStatus::Paid => self.total_cents,
            status => return Err(not_as(order, status)),
        };
        Ok(OrderCancelled {
            reason: reason.to_owned(),
            refund_cents,
        })
    }
}

/// Why an order in this status takes no such command.
fn not_as(order: &str, status: OrderStatus) -> String {
    match status {
        OrderStatus::NotPlaced => format!("order {order} is not placed"),
        OrderStatus::Placed => format!("order {order} is placed already"),
        OrderStatus::Paid => format!("order {order} is paid already"),
        OrderStatus::Shipped => format!("order {order} is shipped already"),
        OrderStatus::Cancelled => format!("order {order} is cancelled"),
    }
}

/// Past this, a total would no longer be exact everywhere: JSON numbers are whole up to 2^53.
const LARGEST_TOTAL_CENTS: u64 = (1 << 53) - 1;

fn total(lines: &[Line]) -> Option<u64> {
    let sum = lines.iter().try_fold(0_u64, |sum, line| {
        sum.checked_add(line.quantity.checked_mul(line.unit_price_cents)?)
    });
    sum.filter(|sum| *sum <= LARGEST_TOTAL_CENTS)
}

fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::testing::{Given, given};

    fn line(product: &str, quantity: u64, unit_price_cents: u64) -> Line {
        Line {
            product: product.into(),
            quantity,
            unit_price_cents,
        }
    }

    fn place(lines: Vec<Line>) -> OrderCommand {
        PlaceOrder {
            order: "1".into(),
            customer: "ada".into(),
            lines,
        }
    }

    fn pay(amount_cents: u64) -> OrderCommand {
        ProcessPayment {
            order: "1".into(),
            amount_cents,
        }
    }

    fn ship() -> OrderCommand {
        ShipOrder { order: "1".into() }
    }

    fn cancel() -> OrderCommand {
        CancelOrder {
            order: "1".into(),
            reason: "too slow".into(),
        }
    }

    fn placed() -> OrderEvent {
        let lines = example_lines().to_vec();
        OrderPlaced {
            customer: "ada".into(),
            lines,
            total_cents: 6400,
        }
    }

    fn paid() -> OrderEvent {
        PaymentProcessed { amount_cents: 6400 }
    }

    fn cancelled(refund_cents: u64) -> OrderEvent {
        OrderCancelled {
            reason: "too slow".into(),
            refund_cents,
        }
    }

    fn shipped_order() -> Given<Order> {
        given::<Order>([placed(), paid(), OrderShipped {}])
    }

    #[test]
    fn an_order_goes_from_placed_to_paid_to_shipped() {
        let state = given::<Order>([])
            .when(place(example_lines().to_vec()))
            .then([placed()])
            .when(pay(6400))
            .then([paid()])
            .when(ship())
            .then([OrderShipped {}])
            .state();
        assert_eq!(state.status, OrderStatus::Shipped);
    }

    #[test]
    fn an_order_is_placed_once_whatever_has_become_of_it() {
        for order in [
            given::<Order>([placed()]),
            shipped_order(),
            given::<Order>([placed(), cancelled(0)]),
        ] {
            order
                .when(place(example_lines().to_vec()))
                .rejected("order 1 is placed already");
        }
    }

    #[test]
    fn an_order_has_lines_of_at_least_one_each_product_once() {
        given::<Order>([])
            .when(place(vec![]))
            .rejected("no lines")
            .when(place(vec![line("mug", 1, 5), line("pot", 0, 5)]))
            .rejected("pot: a quantity is 1 or more")
            .when(place(vec![line("mug", 1, 5), line("mug", 2, 5)]))
            .rejected("mug is on two lines");
    }

    #[test]
    fn a_total_that_cannot_be_exact_is_refused() {
        for lines in [
            vec![line("mug", u64::MAX, 2)],
            vec![line("mug", u64::MAX, 1), line("pot", 1, 1)],
            vec![line("mug", 1, LARGEST_TOTAL_CENTS + 1)],
        ] {
            given::<Order>([])
                .when(place(lines))
                .rejected("costs more than");
        }
        given::<Order>([])
            .when(place(vec![line("gift", 1, 0)]))
            .then([OrderPlaced {
                customer: "ada".into(),
                lines: vec![line("gift", 1, 0)],
                total_cents: 0,
            }]);
    }

    #[test]
    fn a_payment_is_neither_over_nor_under_the_total() {
        given::<Order>([placed()])
            .when(pay(6399))
            .rejected("the payment of 63.99 is under the total of 64.00")
            .when(pay(6401))
            .rejected("the payment of 64.01 is over the total of 64.00");
    }

    #[test]
    fn an_order_is_paid_once_and_only_while_it_is_wanted() {
        given::<Order>([])
            .when(pay(6400))
            .rejected("order 1 is not placed");
        given::<Order>([placed(), paid()])
            .when(pay(6400))
            .rejected("order 1 is paid already");
        shipped_order()
            .when(pay(6400))
            .rejected("order 1 is paid already");
        given::<Order>([placed(), cancelled(0)])
            .when(pay(6400))
            .rejected("order 1 is cancelled");
    }

    #[test]
    fn nothing_is_shipped_before_it_is_paid_or_twice() {
        given::<Order>([])
            .when(ship())
            .rejected("order 1 is not placed");
        given::<Order>([placed()])
            .when(ship())
            .rejected("order 1 is not paid");
        given::<Order>([placed(), paid(), cancelled(6400)])
            .when(ship())
            .rejected("order 1 is cancelled");
        shipped_order()
            .when(ship())
            .rejected("order 1 is shipped already");
    }

    #[test]
    fn an_order_is_cancelled_once_and_never_after_shipping() {
        given::<Order>([])
            .when(cancel())
            .rejected("order 1 is not placed");
        shipped_order()
            .when(cancel())
            .rejected("order 1 is shipped already");
        given::<Order>([placed()])
            .when(cancel())
            .then([cancelled(0)])
            .when(cancel())
            .rejected("order 1 is cancelled");
    }

    #[test]
    fn cancelling_a_paid_order_gives_the_money_back() {
        given::<Order>([placed(), paid()])
            .when(cancel())
            .then([cancelled(6400)]);
    }
}
