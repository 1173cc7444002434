//! The built-in demo domain: customers, products with stock, and orders. A user of [`write`](crate::write)
//! and nothing else, as an example of how a domain is written.

mod customer;
pub mod load;
mod order;
mod product;

pub use customer::{Customer, CustomerCommand, CustomerEvent};
pub use load::Load;
pub use order::{Line, Order, OrderCommand, OrderEvent, OrderStatus};
pub use product::{Product, ProductCommand, ProductEvent};

use crate::write::Commands;

/// Every command of the shop.
pub fn commands() -> Commands {
    Commands::new()
        .with::<Customer>()
        .with::<Product>()
        .with::<Order>()
}
