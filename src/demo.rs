//! The built-in domain's read model that is written in Rust: what sells best. `shop` knows nothing of it; the
//! command line brings the two together.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use highwater::event::Event;
use highwater::read::{Fold, FoldQuery, Subscription, rows};
use highwater::shop::Line;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Units and money by product: counted when an order is paid, taken back when it is refunded.
///
/// A payment says nothing of products, so what was ordered is remembered until the order has ended.
pub struct TopSellers;

/// Everything that it remembers.
#[derive(Default, Serialize, Deserialize)]
pub struct Sales {
    sold: BTreeMap<String, Sold>,
    /// Orders that may still be paid or cancelled.
    open: BTreeMap<String, Open>,
}

#[derive(Default, Serialize, Deserialize)]
struct Sold {
    units: u64,
    cents: u64,
}

#[derive(Serialize, Deserialize)]
struct Open {
    lines: Vec<Line>,
    paid: bool,
}

impl Fold for TopSellers {
    const NAME: &'static str = "top_sellers";
    const REVISION: u32 = 1;
    const DESCRIPTION: &'static str = "What sells best. Written in Rust: its state is in memory.";
    const OBJECTIVE: Option<Duration> = Some(Duration::from_secs(3));
    type State = Sales;

    fn subscription() -> Subscription {
        let types = [
            "OrderPlaced",
            "PaymentProcessed",
            "OrderShipped",
            "OrderCancelled",
        ];
        Subscription::types(types).of_category(Some("order".to_owned()))
    }

    fn evolve(sales: &mut Sales, event: &Event) -> Result<(), String> {
        let order = event.stream.key();
        match event.event_type.as_str() {
            "OrderPlaced" => {
                let lines = lines_of(event)?;
                let open = Open { lines, paid: false };
                sales.open.insert(order.to_owned(), open);
            }
            "PaymentProcessed" => {
                let open = sales.open.get_mut(order);
                let open = open.ok_or_else(|| format!("order {order} is paid and not placed"))?;
                open.paid = true;
                for line in &open.lines {
                    let sold = sales.sold.entry(line.product.clone()).or_default();
                    sold.units = sold.units.saturating_add(line.quantity);
                    sold.cents = sold
                        .cents
                        .saturating_add(line.quantity.saturating_mul(line.unit_price_cents));
                }
            }
            "OrderShipped" => drop(sales.open.remove(order)),
            _ => {
                let open = sales.open.remove(order).filter(|open| open.paid);
                for line in open.iter().flat_map(|open| &open.lines) {
                    let sold = sales.sold.entry(line.product.clone()).or_default();
                    sold.units = sold.units.saturating_sub(line.quantity);
                    sold.cents = sold
                        .cents
                        .saturating_sub(line.quantity.saturating_mul(line.unit_price_cents));
                }
            }
        }
        Ok(())
    }

    fn queries() -> Vec<FoldQuery<Sales>> {
        vec![
            FoldQuery::new("TopSellers", &["limit"], |sales, given| {
                let mut best: Vec<_> = sales.sold.iter().collect();
                best.sort_by_key(|(product, sold)| (Reverse(sold.units), *product));
                let best = best.into_iter().take(given.parse("limit")?);
                rows(best.map(|(product, sold)| row(product, sold)))
            }),
            FoldQuery::new("SalesOf", &["product"], |sales, given| {
                let product = given.text("product");
                rows(sales.sold.get(product).map(|sold| row(product, sold)))
            }),
        ]
    }
}

fn row(product: &str, sold: &Sold) -> serde_json::Value {
    json!({ "product": product, "units": sold.units, "cents": sold.cents })
}

fn lines_of(event: &Event) -> Result<Vec<Line>, String> {
    #[derive(Deserialize)]
    struct Placed {
        lines: Vec<Line>,
    }
    let placed: Placed = serde_json::from_str(event.data.as_str())
        .map_err(|e| format!("what was ordered cannot be read: {e}"))?;
    Ok(placed.lines)
}
