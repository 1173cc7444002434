//! What the demo's read models have to hold at a position: folded from the log by arithmetic of its own, not
//! by the projections' SQL.

use std::collections::{BTreeMap, BTreeSet};

use highwater::event::{Event, Position};
use serde_json::{Map, Value, json};

/// Everything that the demo's questions can be answered from, up to a position.
#[derive(Default)]
pub struct Shop {
    pub at: Position,
    orders: BTreeMap<String, Order>,
    stock: BTreeMap<String, (String, i64, i64)>,
    days: BTreeMap<String, Day>,
    customers: BTreeMap<String, Customer>,
    letters: Vec<(u64, String, &'static str, String)>,
    parcels: BTreeMap<String, (&'static str, String)>,
    types: BTreeMap<String, (u64, String, String)>,
}

struct Order {
    customer: String,
    status: &'static str,
    items: i64,
    total_cents: i64,
    placed_at: String,
    changed_at: String,
    products: Vec<String>,
    reason: String,
}

#[derive(Default)]
struct Day {
    payments: i64,
    paid: i64,
    refunded: i64,
}

struct Customer {
    name: String,
    email: String,
    address: String,
    registered_at: String,
    moved_at: Option<String>,
}

impl Shop {
    /// An order that was placed lately.
    pub fn an_order(&self) -> String {
        self.orders.keys().next_back().cloned().unwrap_or_default()
    }

    /// Takes the next event in.
    pub fn take(&mut self, event: &Event) {
        assert_eq!(event.position, self.at.next(), "a hole in the log");
        self.at = event.position;
        if event.stream.is_system() {
            return;
        }
        let (key, data) = (event.stream.key().to_owned(), event.data.value());
        let time = format!("{:.6}", event.time());
        let text = |field: &str| data[field].as_str().unwrap().to_owned();
        let number = |field: &str| data[field].as_i64().unwrap();
        let kind = event.event_type.as_str();
        let seen = self
            .types
            .entry(kind.to_owned())
            .or_insert_with(|| (0, time.clone(), time.clone()));
        seen.0 += 1;
        seen.2 = time.clone();
        match kind {
            "OrderPlaced" => {
                let lines = data["lines"].as_array().unwrap();
                let items = lines.iter().map(|line| line["quantity"].as_i64().unwrap());
                let products = lines.iter().map(|line| line["product"].as_str().unwrap());
                let order = Order {
                    customer: text("customer"),
                    status: "placed",
                    items: items.sum(),
                    total_cents: number("total_cents"),
                    placed_at: time.clone(),
                    changed_at: time,
                    products: products.map(str::to_owned).collect(),
                    reason: String::new(),
                };
                self.orders.insert(key, order);
            }
            "PaymentProcessed" => {
                let day = self.days.entry(time[..10].to_owned()).or_default();
                day.payments += 1;
                day.paid += number("amount_cents");
                self.change(key, "paid", "waiting", time);
            }
            "OrderShipped" => self.change(key, "shipped", "sent", time),
            "OrderCancelled" => {
                let refund = number("refund_cents");
                if refund > 0 {
                    self.days.entry(time[..10].to_owned()).or_default().refunded += refund;
                }
                self.orders.get_mut(&key).unwrap().reason = text("reason");
                self.change(key, "cancelled", "stopped", time);
            }
            "ProductRestocked" => {
                let product = self.stock.entry(key).or_default();
                product.0 = text("name");
                product.1 += number("quantity");
            }
            "StockReserved" => self.shelve(&key, -number("quantity"), number("quantity")),
            "StockReleased" => self.shelve(&key, number("quantity"), -number("quantity")),
            "StockDispatched" => self.shelve(&key, 0, -number("quantity")),
            "CustomerRegistered" => {
                self.letters
                    .push((self.at.get(), key.clone(), "welcome", time.clone()));
                let customer = Customer {
                    name: text("name"),
                    email: text("email"),
                    address: text("address"),
                    registered_at: time,
                    moved_at: None,
                };
                self.customers.insert(key, customer);
            }
            "CustomerAddressUpdated" => {
                self.letters
                    .push((self.at.get(), key.clone(), "moved", time.clone()));
                let customer = self.customers.get_mut(&key).unwrap();
                (customer.address, customer.moved_at) = (text("address"), Some(time));
            }
            _ => {}
        }
    }

    fn change(&mut self, key: String, status: &'static str, parcel: &'static str, time: String) {
        let order = self.orders.get_mut(&key).unwrap();
        (order.status, order.changed_at) = (status, time.clone());
        self.parcels.insert(key, (parcel, time));
    }

    fn shelve(&mut self, product: &str, available: i64, reserved: i64) {
        let product = self.stock.get_mut(product).unwrap();
        product.1 += available;
        product.2 += reserved;
    }

    /// Whether an answer is the one of this position; else, what is wrong with it.
    pub fn check(&self, query: &str, parameter: &str, rows: &[Value]) -> Result<(), String> {
        match query {
            "CountByStatus" => same(rows, self.by_status(true)),
            "CountBefore" => same(rows, self.by_status(false)),
            "GetOrderById" => {
                let found = self.orders.contains_key(parameter);
                same(
                    rows,
                    found.then(|| self.order(parameter)).into_iter().collect(),
                )
            }
            "ListOrders" => self.orders_in(rows, |order| order.status == parameter),
            "SearchOrdersByDate" => {
                self.orders_in(rows, |order| order.placed_at[..10] == *parameter)
            }
            "AllStock" => {
                let row = |(product, (name, available, reserved)): (
                    &String,
                    &(String, i64, i64),
                )| {
                    json!({"product": product, "name": name, "available": available, "reserved": reserved})
                };
                same(rows, self.stock.iter().map(row).collect())
            }
            "RevenueByDay" => same(rows, self.days.iter().map(revenue).collect()),
            "ListCustomers" => {
                let row = |(id, customer): (&String, &Customer)| json!({"customer_id": id, "name": customer.name, "email": customer.email});
                same(rows, self.customers.iter().map(row).collect())
            }
            "NewestCustomers" => {
                let all = self
                    .customers
                    .iter()
                    .map(|(id, c)| (c.registered_at.clone(), id.clone()));
                newest(rows, all, 20, "customer_id", |id| self.customer(id))
            }
            "NewestLetters" => {
                let all = self
                    .letters
                    .iter()
                    .map(|(at, ..)| (format!("{at:020}"), at.to_string()));
                newest(rows, all, 20, "position", |at| self.letter(at))
            }
            "SearchOrders" => {
                let has = |order: &&Order| order.products.iter().any(|p| p == parameter);
                let all = self.orders.iter().filter(|(_, order)| has(order));
                // By rank: which of many are the best is the index's own affair.
                let all = all.map(|(id, _)| (String::new(), id.clone()));
                newest(rows, all, 50, "order_id", |id| self.entry(id))
            }
            "Waiting" => {
                let waiting = self
                    .parcels
                    .iter()
                    .filter(|(_, (state, _))| *state == "waiting");
                let row = |(id, (state, since)): (&String, &(&str, String))| json!({"order_id": id, "state": state, "since": since});
                same(rows, waiting.map(row).collect())
            }
            "Activity" => {
                let row = |(kind, (events, first, last)): (&String, &(u64, String, String))| json!({"type": kind, "events": events, "first_at": first, "last_at": last});
                same(rows, self.types.iter().map(row).collect())
            }
            other => Err(format!("nobody knows what {other} has to answer")),
        }
    }

    fn by_status(&self, with_totals: bool) -> Vec<Value> {
        let mut found: BTreeMap<&str, (u64, i64)> = BTreeMap::new();
        for order in self.orders.values() {
            let status = found.entry(order.status).or_default();
            status.0 += 1;
            status.1 += order.total_cents;
        }
        let row = |(status, (orders, total)): (&str, (u64, i64))| match with_totals {
            true => json!({"status": status, "orders": orders, "total_cents": total}),
            false => json!({"status": status, "orders": orders}),
        };
        found.into_iter().map(row).collect()
    }

    fn orders_in(&self, rows: &[Value], wanted: impl Fn(&Order) -> bool) -> Result<(), String> {
        let all = self.orders.iter().filter(|(_, order)| wanted(order));
        let all = all.map(|(id, order)| (order.placed_at.clone(), id.clone()));
        newest(rows, all, 100, "order_id", |id| self.order(id))
    }

    fn order(&self, id: &str) -> Value {
        let order = &self.orders[id];
        json!({
            "order_id": id, "customer": order.customer, "status": order.status, "items": order.items,
            "total_cents": order.total_cents, "placed_at": order.placed_at, "changed_at": order.changed_at,
        })
    }

    fn customer(&self, id: &str) -> Value {
        let customer = &self.customers[id];
        json!({
            "customer_id": id, "name": customer.name, "email": customer.email, "address": customer.address,
            "registered_at": customer.registered_at, "moved_at": customer.moved_at,
        })
    }

    fn letter(&self, position: &str) -> Value {
        let mut letters = self.letters.iter();
        let letter = letters.find(|(at, ..)| at.to_string() == position);
        let (at, customer, kind, written_at) = letter.unwrap();
        json!({"position": at, "customer_id": customer, "kind": kind, "written_at": written_at})
    }

    fn entry(&self, id: &str) -> Value {
        let order = &self.orders[id];
        json!({
            "order_id": id, "customer": order.customer, "products": order.products.join(" "),
            "reason": order.reason,
        })
    }
}

fn revenue((day, sums): (&String, &Day)) -> Value {
    let paid = (sums.payments > 0).then_some(sums.paid);
    json!({
        "day": day, "payments": sums.payments, "paid_cents": paid, "refunded_cents": sums.refunded,
        "revenue_cents": sums.paid - sums.refunded,
    })
}

/// The same rows, in whatever order.
fn same(rows: &[Value], expected: Vec<Value>) -> Result<(), String> {
    let wrong = rows.iter().find(|row| !expected.contains(row));
    let lacks = expected.iter().find(|row| !rows.contains(row));
    match (wrong, lacks) {
        (None, None) if rows.len() == expected.len() => Ok(()),
        (None, None) => Err("a row is there twice".to_owned()),
        (wrong, lacks) => Err(format!("it has {wrong:?}, and lacks {lacks:?}")),
    }
}

/// The newest of all, at most so many, each once and right. `all` is what each is sorted by, and its key.
fn newest(
    rows: &[Value],
    all: impl Iterator<Item = (String, String)>,
    limit: usize,
    key: &str,
    row: impl Fn(&str) -> Value,
) -> Result<(), String> {
    let all: BTreeMap<String, String> = all.map(|(sorted, key)| (key, sorted)).collect();
    let mut times: Vec<&String> = all.values().collect();
    times.sort_unstable_by(|a, b| b.cmp(a));
    times.truncate(limit);
    if rows.len() != times.len() {
        return Err(format!(
            "{} rows where there are {}",
            rows.len(),
            times.len()
        ));
    }
    let mut seen = BTreeSet::new();
    for (given, time) in rows.iter().zip(times) {
        let id = match &given[key] {
            Value::String(id) => id.clone(),
            other => other.to_string(),
        };
        match all.get(&id) {
            None => return Err(format!("it has {given}, which is not among them")),
            Some(sorted) if sorted != time => {
                return Err(format!("{id} is not the newest: {given}"));
            }
            Some(_) if *given != row(&id) => return Err(format!("{given} should be {}", row(&id))),
            Some(_) if !seen.insert(id) => return Err(format!("{given} is there twice")),
            Some(_) => {}
        }
    }
    Ok(())
}

/// The rows of an answer as values.
pub fn values(rows: Vec<Map<String, Value>>) -> Vec<Value> {
    rows.into_iter().map(Value::Object).collect()
}
