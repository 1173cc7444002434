//! The built-in demo domain: customers, products with stock, orders, and their fulfilment. A user of
//! [`write`](crate::write) and nothing else, as an example of how a domain is written.

use std::time::Duration;

mod customer;
mod fulfilment;
pub mod load;
mod order;
mod product;

pub use customer::{Customer, CustomerCommand, CustomerEvent};
pub use fulfilment::{Fulfilment, FulfilmentStage, FulfilmentState};
pub use load::Load;
pub use order::{Line, Order, OrderCommand, OrderEvent, OrderStatus};
pub use product::{Product, ProductCommand, ProductEvent};

use crate::write::Commands;

/// Every command of the shop; what becomes of an order is left to whoever sends them.
pub fn commands() -> Commands {
    Commands::new()
        .with::<Customer>()
        .with::<Product>()
        .with::<Order>()
}

/// Every command of the shop, and [`Fulfilment`], which sees to it that each order is shipped, or cancelled
/// where it is not paid for within `payment_within`.
pub fn commands_with_fulfilment(payment_within: Duration) -> Commands {
    commands().with_process(Fulfilment { payment_within })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::{from_words, usage};
    use serde_json::{Value, json};

    fn read(command: &str, words: &[&str]) -> Result<Value, Vec<String>> {
        let commands = commands();
        let data = from_words(commands.info(command).unwrap(), words);
        data.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_command_and_field_says_what_it_is_and_gives_an_example() {
        let commands = commands();
        assert_eq!(commands.infos().len(), 10);
        for info in commands.infos() {
            assert!(info.description.ends_with('.'), "{info:?}");
            let fields = info.schema["properties"].as_object().unwrap();
            let mut example = serde_json::Map::new();
            for (name, field) in fields {
                assert!(field["description"].is_string(), "{}.{name}", info.name);
                example.insert(name.clone(), field["examples"][0].clone());
            }
            let problems = crate::write::check(&info.schema, &Value::Object(example));
            assert_eq!(problems, [], "the example of {}", info.name);
        }
    }

    #[test]
    fn the_schema_of_a_command_is_as_forms_know_it() {
        let commands = commands();
        let place = commands.info("PlaceOrder").unwrap();
        assert_eq!(
            (place.category.as_str(), place.description.as_str()),
            ("order", "Place an order.")
        );
        let fields = place.schema["properties"].as_object().unwrap();
        assert_eq!(
            fields.keys().collect::<Vec<_>>(),
            ["order", "customer", "lines"]
        );
        let quantity = &fields["lines"]["items"]["properties"]["quantity"];
        assert_eq!(
            (
                &quantity["type"],
                &quantity["minimum"],
                &quantity["maximum"]
            ),
            (&json!("integer"), &json!(1), &json!(1_000_000))
        );
        assert_eq!(
            place.schema["required"],
            json!(["order", "customer", "lines"])
        );
    }

    #[test]
    fn usage_shows_how_each_command_is_typed() {
        let commands = commands();
        let usage = |name| usage(commands.info(name).unwrap());
        assert_eq!(
            usage("PlaceOrder"),
            "PlaceOrder order=… customer=… lines=product:quantity:unit_price_cents,…"
        );
        assert_eq!(
            usage("RestockProduct"),
            "RestockProduct product=… quantity=… [name=…]"
        );
    }

    #[test]
    fn words_become_data_by_the_type_of_their_field() {
        assert_eq!(
            read("ProcessPayment", &["order=1042", "amount_cents=6400"]),
            Ok(json!({"order": "1042", "amount_cents": 6400}))
        );
        assert_eq!(
            read("CancelOrder", &["order=1", "reason=a=b, c: d"]),
            Ok(json!({"order": "1", "reason": "a=b, c: d"}))
        );
    }

    #[test]
    fn lists_are_written_short_or_as_json() {
        let lines = json!([
            {"product": "mug", "quantity": 2, "unit_price_cents": 1250},
            {"product": "teapot", "quantity": 1, "unit_price_cents": 3900}
        ]);
        let expected = Ok(json!({"order": "1", "customer": "ada", "lines": lines}));
        let json = format!("lines={lines}");
        for text in ["lines=mug:2:1250,teapot:1:3900", &json] {
            assert_eq!(
                read("PlaceOrder", &["order=1", "customer=ada", text]),
                expected
            );
        }
    }

    #[test]
    fn words_that_do_not_fit_are_each_named() {
        assert_eq!(
            read(
                "PlaceOrder",
                &[
                    "order=1",
                    "order=2",
                    "cust=ada",
                    "hello",
                    "lines=mug:two,pot"
                ]
            ),
            Err(vec![
                "order must be given once, not twice".to_owned(),
                "each word must be field=value, not \"hello\"".to_owned(),
                "customer is missing, give text of 1 to 100 characters".to_owned(),
                "lines[0].quantity must be a whole number from 1 to 1000000, not the text \"two\""
                    .to_owned(),
                "lines[0].unit_price_cents is missing, give a whole number from 0 to 100000000"
                    .to_owned(),
                "lines[1].quantity is missing, give a whole number from 1 to 1000000".to_owned(),
                "lines[1].unit_price_cents is missing, give a whole number from 0 to 100000000"
                    .to_owned(),
                "cust is no field here, did you mean customer?".to_owned(),
            ])
        );
        assert_eq!(
            read("PlaceOrder", &["order=1", "customer=a", "lines=[{"])
                .unwrap_err()
                .len(),
            1
        );
    }
}
