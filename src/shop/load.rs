//! A gentle, seeded load: customers who register, order, pay a little later or never, and now and then get it
//! wrong. What becomes of an order otherwise is [`Fulfilment`](super::Fulfilment)'s work.
//! [`Load`] is pure state and chance; [`run`] sends what it comes up with.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::event::Position;
use crate::write::{Outcome, Request};

/// How many commands come quickly, so that there is something to see from the first second.
const QUICK: u64 = 30;

/// The longest pause between two of them.
const QUICK_PAUSE: Duration = Duration::from_millis(40);

/// How many customers are remembered to order again.
const REGULARS: usize = 200;

/// The range: key, name, price in cents.
const PRODUCTS: [(&str, &str, u64); 8] = [
    ("mug", "Enamel mug", 1250),
    ("teapot", "Cast-iron teapot", 3900),
    ("kettle", "Whistling kettle", 5450),
    ("cup", "Espresso cup", 890),
    ("grinder", "Coffee grinder", 7900),
    ("filter", "Paper filters", 420),
    ("beans", "Coffee beans, 1 kg", 1980),
    ("scale", "Kitchen scale", 3300),
];

const FIRST_NAMES: [&str; 12] = [
    "Ada", "Grace", "Alan", "Barbara", "Edsger", "Frances", "Donald", "Radia", "Leslie", "Hedy",
    "Dennis", "Karen",
];

const LAST_NAMES: [&str; 12] = [
    "Moreau",
    "Okafor",
    "Lindqvist",
    "Tanaka",
    "Novak",
    "Silva",
    "Haddad",
    "Kowalski",
    "Brandt",
    "Iyer",
    "Castillo",
    "Byrne",
];

const STREETS: [&str; 8] = [
    "Mill Lane",
    "Harbour Street",
    "Station Road",
    "Orchard Way",
    "Market Square",
    "Canal Street",
    "Church Hill",
    "Garden Row",
];

const REASONS: [&str; 4] = [
    "changed my mind",
    "found it cheaper",
    "ordered twice by mistake",
    "takes too long",
];

/// Comes up with realistic commands, the same ones for the same seed and log.
///
/// Each order is a small story with one correlation id: placed, then mostly paid, sometimes cancelled, sometimes
/// forgotten. A few commands are wrong and will be rejected, and a few orders want more than there is.
#[derive(Debug, Clone)]
pub struct Load {
    chance: StdRng,
    /// The last number given to a customer or an order.
    number: u64,
    /// How many commands there were.
    step: u64,
    customers: VecDeque<String>,
    /// About how much of each product is left, in the order of [`PRODUCTS`]; `None` before it is first sold.
    stock: [Option<u64>; PRODUCTS.len()],
    /// From which step on each product is delivered that was asked for: not always before it runs out.
    delivery: [Option<u64>; PRODUCTS.len()],
    /// What belongs to the stories that have begun, by the step from which on it is due.
    due: BTreeMap<(u64, u64), Request>,
    /// Tells apart what is due at the same step.
    planned: u64,
}

impl Load {
    /// A load for a log whose last position is `head`.
    ///
    /// Customers and orders are numbered from 1001 + `head` on. Each number that a load gives leaves at least one
    /// event behind, so that a load after a restart never comes back to a number of the one before.
    pub fn after(seed: u64, head: Position) -> Self {
        Self {
            chance: StdRng::seed_from_u64(seed.wrapping_add(head.get())),
            number: head.get().saturating_add(1000),
            step: 0,
            customers: VecDeque::new(),
            stock: [None; PRODUCTS.len()],
            delivery: [None; PRODUCTS.len()],
            due: BTreeMap::new(),
            planned: 0,
        }
    }

    /// The next command, and how long to wait after it at so many commands a second: arrivals are random
    /// (exponential pauses), but for the first thirty, which come quickly. At a rate that is not above 0 the
    /// pause has no end.
    pub fn next(&mut self, per_second: f64) -> (Request, Duration) {
        self.step += 1;
        let request = match self.due.first_entry() {
            Some(first) if first.key().0 <= self.step => first.remove(),
            _ => self.begin(),
        };
        (request, self.pause(per_second))
    }

    fn pause(&mut self, per_second: f64) -> Duration {
        if per_second.is_nan() || per_second <= 0.0 {
            return Duration::MAX;
        }
        let even: f64 = self.chance.random();
        let pause = Duration::try_from_secs_f64(-(1.0 - even).ln() / per_second);
        let pause = pause.unwrap_or(Duration::MAX);
        if self.step <= QUICK {
            pause.min(QUICK_PAUSE)
        } else {
            pause
        }
    }

    /// Something new, where no story goes on: first a filled shop, then mostly orders.
    fn begin(&mut self) -> Request {
        if let Some(product) = self.delivered().or_else(|| self.opened()) {
            return self.restock(product);
        }
        self.reorder();
        if self.customers.len() < 4 {
            return self.register();
        }
        match self.chance.random_range(0..100) {
            0..10 => self.register(),
            10..18 => self.move_house(),
            _ => self.order(),
        }
    }

    /// A product that is not sold yet.
    fn opened(&self) -> Option<usize> {
        // Four products open the shop, so that customers and orders come soon; the others follow.
        let range = if self.step <= QUICK {
            4
        } else {
            PRODUCTS.len()
        };
        (0..range).find(|&product| self.stock[product].is_none())
    }

    /// A product whose delivery is due.
    fn delivered(&self) -> Option<usize> {
        let due = |at: u64| at <= self.step;
        (0..PRODUCTS.len()).find(|&product| self.delivery[product].is_some_and(due))
    }

    /// Asks for more of what is scarce. It takes a while to come, and may run out before.
    fn reorder(&mut self) {
        for product in 0..PRODUCTS.len() {
            let scarce = self.stock[product].is_some_and(|left| left < 10);
            if scarce && self.delivery[product].is_none() {
                let takes = self.chance.random_range(20..120);
                self.delivery[product] = Some(self.step + takes);
            }
        }
    }

    fn restock(&mut self, product: usize) -> Request {
        let (key, name, _) = PRODUCTS[product];
        let quantity = 10 * self.chance.random_range(3..=9);
        *self.stock[product].get_or_insert_default() += quantity;
        self.delivery[product] = None;
        Request::new(
            "RestockProduct",
            json!({"product": key, "quantity": quantity, "name": name}),
        )
    }

    fn register(&mut self) -> Request {
        let customer = self.next_number();
        let (first, last) = (self.pick(&FIRST_NAMES), self.pick(&LAST_NAMES));
        let email = format!("{first}.{last}.{customer}@example.org").to_lowercase();
        if self.customers.len() >= REGULARS {
            self.customers.pop_front();
        }
        self.customers.push_back(customer.clone());
        let address = self.address();
        Request::new(
            "RegisterCustomer",
            json!({"customer": customer, "name": format!("{first} {last}"), "email": email, "address": address}),
        )
    }

    fn move_house(&mut self) -> Request {
        let address = self.address();
        Request::new(
            "UpdateCustomerAddress",
            json!({"customer": self.customer(), "address": address}),
        )
    }

    /// Places an order and plans what becomes of it.
    fn order(&mut self) -> Request {
        let order = self.next_number();
        let story = uuid::Builder::from_random_bytes(self.chance.random()).into_uuid();
        let sold: Vec<usize> = (0..PRODUCTS.len())
            .filter(|&product| self.stock[product].is_some())
            .collect();
        let count = self.chance.random_range(1..=3);
        let products: Vec<usize> = sold
            .choose_multiple(&mut self.chance, count)
            .copied()
            .collect();
        let mut lines = Vec::new();
        let mut total_cents = 0;
        for &product in &products {
            let (key, _, unit_price_cents) = PRODUCTS[product];
            let mut quantity = self.chance.random_range(1..=3_u64);
            if self.chance.random_range(0..100) < 3 {
                quantity += 200;
            } else if let Some(left) = self.stock[product].filter(|left| *left >= quantity) {
                self.stock[product] = Some(left - quantity);
            }
            total_cents += quantity * unit_price_cents;
            lines.push(
                json!({"product": key, "quantity": quantity, "unit_price_cents": unit_price_cents}),
            );
        }
        self.plan_the_end(&order, total_cents, story);
        let customer = self.customer();
        let data = json!({"order": order, "customer": customer, "lines": lines});
        Request {
            correlation_id: Some(story),
            ..Request::new("PlaceOrder", data)
        }
    }

    /// Plans what the customer does next: mostly pays.
    fn plan_the_end(&mut self, order: &str, total_cents: u64, story: Uuid) {
        let later = self.step + self.chance.random_range(3..25);
        let pay = |cents: u64| json!({"order": order, "amount_cents": cents});
        let cancel = |reason: &str| json!({"order": order, "reason": reason});
        match self.chance.random_range(0..100) {
            0..8 => {
                let reason = self.pick(&REASONS);
                self.plan(later, "CancelOrder", cancel(reason), story);
                return;
            }
            // Forgotten: no payment ever comes.
            8..16 => return,
            // Two ways to get it wrong: too little money at first, and a change of mind that comes too late.
            16..20 => self.plan(later - 1, "ProcessPayment", pay(total_cents - 100), story),
            20..24 => self.plan(later + 3, "CancelOrder", cancel("takes too long"), story),
            _ => {}
        }
        self.plan(later, "ProcessPayment", pay(total_cents), story);
    }

    fn plan(&mut self, step: u64, command: &str, data: Value, story: Uuid) {
        self.planned += 1;
        let request = Request {
            correlation_id: Some(story),
            ..Request::new(command, data)
        };
        self.due.insert((step, self.planned), request);
    }

    fn next_number(&mut self) -> String {
        self.number += 1;
        self.number.to_string()
    }

    /// One of the regulars; new ones and old ones alike.
    fn customer(&mut self) -> String {
        let at = self.chance.random_range(0..self.customers.len().max(1));
        self.customers.get(at).cloned().unwrap_or_default()
    }

    fn address(&mut self) -> String {
        let number = self.chance.random_range(1..120);
        format!("{number} {}", self.pick(&STREETS))
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from.choose(&mut self.chance).copied().unwrap_or_default()
    }
}

/// Sends what `load` comes up with, at `rate` commands a second, until `stop` is ready or nobody can change the rate
/// any more. At a rate of 0 it waits for another; a change of the rate counts at once.
///
/// One command at a time: where the log cannot keep up, the load slows down with it. A command that fails is
/// logged, and the next one comes a second later at the earliest.
pub async fn run<S, F, E>(
    mut load: Load,
    mut rate: watch::Receiver<f64>,
    stop: impl Future<Output = ()>,
    mut send: S,
) where
    S: FnMut(Request) -> F,
    F: Future<Output = Result<Outcome, E>>,
    E: fmt::Display,
{
    let mut stop = std::pin::pin!(stop);
    loop {
        let per_second = *rate.borrow_and_update();
        let mut pause = Duration::MAX;
        if per_second > 0.0 {
            let (request, after) = load.next(per_second);
            let command = request.command.clone();
            pause = after;
            if let Err(error) = send(request).await {
                tracing::warn!(%command, %error, "the load's command failed");
                pause = pause.max(Duration::from_secs(1));
            }
        }
        tokio::select! {
            biased;
            () = &mut stop => return,
            changed = rate.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{StreamId, Version};
    use crate::shop::commands;
    use crate::write::check;
    use futures_util::FutureExt;
    use std::collections::{BTreeSet, HashMap};

    fn requests(seed: u64, head: u64, count: usize) -> Vec<Request> {
        let mut load = Load::after(seed, Position::new(head));
        (0..count).map(|_| load.next(10.0).0).collect()
    }

    #[test]
    fn the_same_seed_and_head_give_the_same_commands() {
        assert_eq!(requests(7, 0, 500), requests(7, 0, 500));
        assert_ne!(requests(7, 0, 500), requests(8, 0, 500));
    }

    #[test]
    fn every_command_fits_its_schema() {
        let commands = commands();
        for request in requests(1, 0, 5_000) {
            let info = commands.find(&request.command).unwrap();
            assert_eq!(check(&info.schema, &request.data), [], "{request:?}");
        }
    }

    #[test]
    fn everything_that_a_customer_does_comes_and_soon() {
        let names = |count| -> BTreeSet<String> {
            let commands = requests(3, 0, count).into_iter();
            commands.map(|request| request.command).collect()
        };
        let all = [
            "CancelOrder",
            "PlaceOrder",
            "ProcessPayment",
            "RegisterCustomer",
            "RestockProduct",
            "UpdateCustomerAddress",
        ];
        assert_eq!(names(1_000), all.map(str::to_owned).into());
        let first = names(30);
        for command in ["RegisterCustomer", "RestockProduct", "PlaceOrder"] {
            assert!(first.contains(command), "{first:?}");
        }
    }

    #[test]
    fn some_orders_are_forgotten_and_some_want_more_than_there_can_be() {
        let requests = requests(3, 0, 4_000);
        let order = |request: &Request| request.data["order"].as_str().map(str::to_owned);
        let ended: BTreeSet<_> = requests
            .iter()
            .filter(|r| ["ProcessPayment", "CancelOrder"].contains(&r.command.as_str()))
            .filter_map(order)
            .collect();
        // Those at the end may still be paid.
        let placed: Vec<_> = requests[..3_900]
            .iter()
            .filter(|r| r.command == "PlaceOrder")
            .collect();
        let forgotten = placed
            .iter()
            .filter(|r| !ended.contains(&order(r).unwrap()));
        let (forgotten, all) = (forgotten.count(), placed.len());
        assert!(
            (all / 20..all / 8).contains(&forgotten),
            "{forgotten} of {all}"
        );
        let greedy = |r: &&&Request| {
            let mut lines = r.data["lines"].as_array().unwrap().iter();
            lines.any(|line| line["quantity"].as_u64() > Some(200))
        };
        let greedy = placed.iter().filter(greedy).count();
        assert!((all / 50..all / 8).contains(&greedy), "{greedy} of {all}");
    }

    #[test]
    fn what_is_on_the_shelf_runs_out_now_and_then() {
        let mut shelf: HashMap<String, u64> = HashMap::new();
        let (mut wanted, mut missing) = (0, 0);
        for request in requests(4, 0, 4_000) {
            let product = |of: &Value| of["product"].as_str().map(str::to_owned).unwrap();
            if request.command == "RestockProduct" {
                *shelf.entry(product(&request.data)).or_default() +=
                    request.data["quantity"].as_u64().unwrap();
            }
            let lines = request.data["lines"].as_array();
            for line in lines.into_iter().flatten() {
                let quantity = line["quantity"].as_u64().unwrap();
                let left = shelf.get_mut(&product(line)).unwrap();
                wanted += 1;
                match left.checked_sub(quantity) {
                    Some(rest) => *left = rest,
                    None if quantity <= 3 => missing += 1,
                    None => {}
                }
            }
        }
        assert!(
            (wanted / 50..wanted / 4).contains(&missing),
            "{missing} of {wanted}"
        );
    }

    #[test]
    fn a_load_after_a_restart_gives_no_number_again() {
        let numbers = |requests: &[Request]| -> BTreeSet<String> {
            let new = requests
                .iter()
                .filter_map(|request| match request.command.as_str() {
                    "PlaceOrder" => request.data["order"].as_str(),
                    "RegisterCustomer" => request.data["customer"].as_str(),
                    _ => None,
                });
            new.map(str::to_owned).collect()
        };
        let first = numbers(&requests(1, 0, 300));
        // The least that can be stored: one event for each number.
        let head = first.len() as u64;
        let past = (1001 + head).to_string();
        assert!(first.iter().all(|number| *number < past), "{first:?}");
        assert!(first.is_disjoint(&numbers(&requests(1, head, 300))));
    }

    #[test]
    fn what_is_planned_does_not_pile_up() {
        let mut load = Load::after(5, Position::START);
        let most = (0..20_000)
            .map(|_| {
                load.next(1.0);
                load.due.len()
            })
            .max();
        assert!(most < Some(150), "{most:?}");
    }

    #[test]
    fn pauses_average_to_the_rate_and_the_first_are_short() {
        let mut load = Load::after(5, Position::START);
        let quick: Duration = (0..QUICK).map(|_| load.next(1.0).1).sum();
        assert!(quick <= QUICK_PAUSE * 30, "{quick:?}");
        let pauses: Duration = (0..10_000).map(|_| load.next(50.0).1).sum();
        let mean = pauses.as_secs_f64() / 10_000.0;
        assert!((0.019..0.021).contains(&mean), "{mean}");
        for rate in [0.0, -1.0, f64::NAN] {
            assert_eq!(load.next(rate).1, Duration::MAX);
        }
    }

    /// Folds the whole load with the shop's own rules: what a log would answer where nobody fulfils orders.
    #[test]
    fn a_few_commands_are_rejected_and_most_are_not() {
        use crate::shop::{Customer, Order, Product};
        use crate::write::Aggregate;

        fn decide<A: Aggregate>(all: &mut HashMap<String, A>, request: &Request) -> bool {
            let tagged = json!({request.command.clone(): request.data});
            let command: A::Command = serde_json::from_value(tagged).unwrap();
            let state = all.entry(A::key(&command)).or_default();
            let decided = state.decide(&command);
            for event in decided.iter().flatten() {
                state.evolve(event);
            }
            decided.is_ok()
        }

        let (mut customers, mut products, mut orders) = Default::default();
        let commands = commands();
        let all = requests(11, 0, 5_000);
        let accepted = all.iter().filter(|request| {
            match commands.find(&request.command).unwrap().category.as_str() {
                "customer" => decide::<Customer>(&mut customers, request),
                "product" => decide::<Product>(&mut products, request),
                _ => decide::<Order>(&mut orders, request),
            }
        });
        let rejected = all.len() - accepted.count();
        assert!((20..200).contains(&rejected), "{rejected} of 5,000");
    }

    #[tokio::test]
    async fn a_rate_counts_at_once_and_the_load_stops_when_told() {
        let (set_rate, rate) = watch::channel(0.0);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let sent = std::cell::Cell::new(0);
        let load = Load::after(1, Position::START);
        let stopped = async { drop(stopped.await) };
        let running = run(load, rate, stopped, |_| {
            sent.set(sent.get() + 1);
            async { Ok::<_, String>(outcome()) }
        });
        let mut running = std::pin::pin!(running);
        assert!(running.as_mut().now_or_never().is_none());
        assert_eq!(sent.get(), 0, "at a rate of 0");
        set_rate.send(0.001).unwrap();
        assert!(running.as_mut().now_or_never().is_none());
        assert_eq!(sent.get(), 1, "once there is a rate");
        set_rate.send(0.0).unwrap();
        assert!(running.as_mut().now_or_never().is_none());
        assert_eq!(sent.get(), 1, "after it is 0 again");
        stop.send(()).unwrap();
        assert!(running.as_mut().now_or_never().is_some());
    }

    fn outcome() -> Outcome {
        Outcome::Accepted {
            position: None,
            stream: StreamId::new("order-1").unwrap(),
            version: Version::NONE,
            repeated: false,
        }
    }
}
