//! Products: what is in stock, and for which orders some of it is reserved.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::write::{Aggregate, Rejection};

/// A product in the warehouse. Stream `product-KEY`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    /// What it is called; empty for a product that was never in stock.
    pub name: String,
    /// How many are there and reserved for nobody.
    pub available: u64,
    /// How many are reserved, by order.
    pub reserved: BTreeMap<String, u64>,
}

/// What can be asked of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum ProductCommand {
    /// Put more of a product on the shelf; the first time, that makes the product.
    RestockProduct {
        /// Which product.
        #[schemars(length(min = 1, max = 100), example = &"mug")]
        product: String,
        /// How many have come.
        #[schemars(range(min = 1, max = 1_000_000), example = 100)]
        quantity: u64,
        /// What it is called; needed for a new product, else a new name.
        #[schemars(length(min = 1, max = 200), example = &"Enamel mug")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Set some of a product aside for an order.
    ReserveStock {
        /// Which product.
        #[schemars(length(min = 1, max = 100), example = &"mug")]
        product: String,
        /// For which order.
        #[schemars(length(min = 1, max = 100), example = &"1042")]
        order: String,
        /// How many.
        #[schemars(range(min = 1, max = 1_000_000), example = 2)]
        quantity: u64,
    },
    /// Put back what was set aside for an order.
    ReleaseStock {
        /// Which product.
        #[schemars(length(min = 1, max = 100), example = &"mug")]
        product: String,
        /// For which order it was set aside.
        #[schemars(length(min = 1, max = 100), example = &"1042")]
        order: String,
    },
    /// Hand over what was set aside for an order: it leaves the warehouse.
    DispatchStock {
        /// Which product.
        #[schemars(length(min = 1, max = 100), example = &"mug")]
        product: String,
        /// For which order it was set aside.
        #[schemars(length(min = 1, max = 100), example = &"1042")]
        order: String,
    },
}

/// What can happen to a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductEvent {
    /// More of it has come.
    ProductRestocked {
        /// What it is called from now on.
        name: String,
        /// How many have come.
        quantity: u64,
    },
    /// Some of it is set aside for an order.
    StockReserved {
        /// The order.
        order: String,
        /// How many.
        quantity: u64,
    },
    /// What was set aside for an order is available again.
    StockReleased {
        /// The order.
        order: String,
        /// How many.
        quantity: u64,
    },
    /// What was set aside for an order has left the warehouse with it.
    StockDispatched {
        /// The order.
        order: String,
        /// How many.
        quantity: u64,
    },
}

use ProductCommand::{DispatchStock, ReleaseStock, ReserveStock, RestockProduct};
use ProductEvent::{ProductRestocked, StockDispatched, StockReleased, StockReserved};

impl Aggregate for Product {
    const CATEGORY: &'static str = "product";
    type Command = ProductCommand;
    type Event = ProductEvent;

    fn key(command: &ProductCommand) -> String {
        match command {
            RestockProduct { product, .. }
            | ReserveStock { product, .. }
            | ReleaseStock { product, .. }
            | DispatchStock { product, .. } => product.clone(),
        }
    }

    fn decide(&self, command: &ProductCommand) -> Result<Vec<ProductEvent>, Rejection> {
        let event = match command {
            RestockProduct {
                product,
                quantity,
                name,
            } => self.restock(product, *quantity, name.as_deref()),
            ReserveStock {
                product,
                order,
                quantity,
            } => self.reserve(product, order, *quantity),
            ReleaseStock { product, order } => {
                let quantity = self.reserved_for(product, order);
                let order = order.clone();
                quantity.map(|quantity| StockReleased { order, quantity })
            }
            DispatchStock { product, order } => {
                let quantity = self.reserved_for(product, order);
                let order = order.clone();
                quantity.map(|quantity| StockDispatched { order, quantity })
            }
        };
        event.map(|event| vec![event]).map_err(Rejection::new)
    }

    fn evolve(&mut self, event: &ProductEvent) {
        match event {
            ProductRestocked { name, quantity } => {
                self.name.clone_from(name);
                self.available = self.available.saturating_add(*quantity);
            }
            StockReserved { order, quantity } => {
                self.available = self.available.saturating_sub(*quantity);
                self.reserved.insert(order.clone(), *quantity);
            }
            StockReleased { order, quantity } => {
                self.available = self.available.saturating_add(*quantity);
                self.reserved.remove(order);
            }
            StockDispatched { order, .. } => drop(self.reserved.remove(order)),
        }
    }
}

impl Product {
    fn restock(
        &self,
        product: &str,
        quantity: u64,
        name: Option<&str>,
    ) -> Result<ProductEvent, String> {
        at_least_one(quantity)?;
        let name = name.unwrap_or(&self.name);
        if name.is_empty() {
            return Err(format!("product {product} is new: give it a name"));
        }
        let reserved: u64 = self.reserved.values().sum();
        if self.available + reserved + quantity > SHELF {
            return Err(format!("the shelf for {product} holds {SHELF} at most"));
        }
        Ok(ProductRestocked {
            name: name.to_owned(),
            quantity,
        })
    }

    fn reserve(&self, product: &str, order: &str, quantity: u64) -> Result<ProductEvent, String> {
        at_least_one(quantity)?;
        if self.name.is_empty() {
            return Err(format!("there is no product {product}"));
        }
        if let Some(reserved) = self.reserved.get(order) {
            return Err(format!(
                "{reserved} of {product} are reserved for order {order} already"
            ));
        }
        if quantity > self.available {
            return Err(format!(
                "{quantity} of {product} are wanted and {} available",
                self.available
            ));
        }
        Ok(StockReserved {
            order: order.to_owned(),
            quantity,
        })
    }

    fn reserved_for(&self, product: &str, order: &str) -> Result<u64, String> {
        let reserved = self.reserved.get(order).copied();
        reserved.ok_or_else(|| format!("no {product} is reserved for order {order}"))
    }
}

/// How many of one product there can be: far from where adding up would overflow.
const SHELF: u64 = 1_000_000_000_000;

fn at_least_one(quantity: u64) -> Result<(), String> {
    if (1..=SHELF).contains(&quantity) {
        Ok(())
    } else {
        Err(format!(
            "a quantity is 1 or more and at most {SHELF}, not {quantity}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::testing::given;

    fn restock(quantity: u64, name: Option<&str>) -> ProductCommand {
        RestockProduct {
            product: "mug".into(),
            quantity,
            name: name.map(str::to_owned),
        }
    }

    fn reserve(order: &str, quantity: u64) -> ProductCommand {
        ReserveStock {
            product: "mug".into(),
            order: order.into(),
            quantity,
        }
    }

    fn release(order: &str) -> ProductCommand {
        ReleaseStock {
            product: "mug".into(),
            order: order.into(),
        }
    }

    fn restocked(quantity: u64, name: &str) -> ProductEvent {
        ProductRestocked {
            name: name.into(),
            quantity,
        }
    }

    fn reserved(order: &str, quantity: u64) -> ProductEvent {
        StockReserved {
            order: order.into(),
            quantity,
        }
    }

    fn released(order: &str, quantity: u64) -> ProductEvent {
        StockReleased {
            order: order.into(),
            quantity,
        }
    }

    #[test]
    fn the_first_restock_makes_a_product_and_needs_its_name() {
        given::<Product>([])
            .when(restock(5, None))
            .rejected("product mug is new: give it a name")
            .when(restock(5, Some("Mug")))
            .then([restocked(5, "Mug")])
            .when(restock(3, None))
            .then([restocked(3, "Mug")])
            .when(restock(1, Some("Big mug")))
            .then([restocked(1, "Big mug")]);
    }

    #[test]
    fn a_quantity_is_at_least_one() {
        given::<Product>([restocked(5, "Mug")])
            .when(restock(0, None))
            .rejected("a quantity is 1 or more")
            .when(reserve("1", 0))
            .rejected("a quantity is 1 or more");
    }

    #[test]
    fn quantities_cannot_overflow() {
        given::<Product>([restocked(SHELF, "Mug")])
            .when(restock(1, None))
            .rejected("holds")
            .when(restock(u64::MAX, None))
            .rejected("at most")
            .when(reserve("1", SHELF))
            .then([reserved("1", SHELF)])
            .when(restock(1, None))
            .rejected("holds");
    }

    #[test]
    fn nobody_reserves_what_is_not_there() {
        given::<Product>([])
            .when(reserve("1", 1))
            .rejected("there is no product mug");
        given::<Product>([restocked(5, "Mug")])
            .when(reserve("1", 6))
            .rejected("6 of mug are wanted and 5 available")
            .when(reserve("1", 5))
            .then([reserved("1", 5)])
            .when(reserve("2", 1))
            .rejected("1 of mug are wanted and 0 available");
    }

    #[test]
    fn an_order_reserves_a_product_once() {
        given::<Product>([restocked(5, "Mug"), reserved("1", 2)])
            .when(reserve("1", 1))
            .rejected("2 of mug are reserved for order 1 already");
    }

    #[test]
    fn only_what_is_reserved_for_that_order_is_released() {
        let state = given::<Product>([restocked(5, "Mug"), reserved("1", 2)])
            .when(release("2"))
            .rejected("no mug is reserved for order 2")
            .when(release("1"))
            .then([released("1", 2)])
            .when(release("1"))
            .rejected("no mug is reserved for order 1")
            .state();
        assert_eq!((state.available, state.reserved.len()), (5, 0));
    }

    #[test]
    fn what_is_dispatched_is_gone_and_neither_reserved_nor_available() {
        let dispatch = |order: &str| DispatchStock {
            product: "mug".into(),
            order: order.into(),
        };
        let dispatched = StockDispatched {
            order: "1".into(),
            quantity: 2,
        };
        let state = given::<Product>([restocked(5, "Mug"), reserved("1", 2)])
            .when(dispatch("2"))
            .rejected("no mug is reserved for order 2")
            .when(dispatch("1"))
            .then([dispatched])
            .when(release("1"))
            .rejected("no mug is reserved for order 1")
            .state();
        assert_eq!((state.available, state.reserved.len()), (3, 0));
    }
}
