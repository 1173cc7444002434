//! Customers: who they are and where they live.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::write::{Aggregate, Rejection};

/// A customer of the shop. Stream `customer-KEY`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Customer {
    /// Whether the customer is known at all.
    pub registered: bool,
    /// The full name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Where parcels go.
    pub address: String,
}

/// What can be asked of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum CustomerCommand {
    /// Make a new customer known.
    RegisterCustomer {
        /// The new customer's number or short name.
        #[schemars(length(min = 1, max = 100), example = &"ada", extend("x-new" = true))]
        customer: String,
        /// The full name.
        #[schemars(length(min = 1, max = 200), example = &"Ada Lovelace")]
        name: String,
        /// The e-mail address.
        #[schemars(length(min = 3, max = 200), example = &"ada@example.org")]
        email: String,
        /// Where parcels go.
        #[schemars(length(min = 1, max = 500), example = &"12 St James's Square, London")]
        address: String,
    },
    /// Say that a customer has moved.
    UpdateCustomerAddress {
        /// Which customer.
        #[schemars(length(min = 1, max = 100), example = &"ada")]
        customer: String,
        /// Where parcels go from now on.
        #[schemars(length(min = 1, max = 500), example = &"Ockham Park, Surrey")]
        address: String,
    },
}

/// What can happen to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustomerEvent {
    /// There is a new customer.
    CustomerRegistered {
        /// The full name.
        name: String,
        /// The e-mail address.
        email: String,
        /// Where parcels go.
        address: String,
    },
    /// The customer has moved.
    CustomerAddressUpdated {
        /// Where parcels go from now on.
        address: String,
    },
}

use CustomerCommand::{RegisterCustomer, UpdateCustomerAddress};
use CustomerEvent::{CustomerAddressUpdated, CustomerRegistered};

impl Aggregate for Customer {
    const CATEGORY: &'static str = "customer";
    type Command = CustomerCommand;
    type Event = CustomerEvent;

    fn key(command: &CustomerCommand) -> String {
        match command {
            RegisterCustomer { customer, .. } | UpdateCustomerAddress { customer, .. } => {
                customer.clone()
            }
        }
    }

    fn decide(&self, command: &CustomerCommand) -> Result<Vec<CustomerEvent>, Rejection> {
        match command {
            RegisterCustomer {
                customer,
                name,
                email,
                address,
            } => {
                if self.registered {
                    return Err(Rejection::new(format!(
                        "customer {customer} is registered already"
                    )));
                }
                if !looks_like_email(email) {
                    return Err(Rejection::new(format!("{email} is no e-mail address")));
                }
                Ok(vec![CustomerRegistered {
                    name: name.clone(),
                    email: email.clone(),
                    address: address.clone(),
                }])
            }
            UpdateCustomerAddress { customer, .. } if !self.registered => Err(Rejection::new(
                format!("customer {customer} is not registered"),
            )),
            // The customer lives there already: nothing happens, and that is fine.
            UpdateCustomerAddress { address, .. } if *address == self.address => Ok(Vec::new()),
            UpdateCustomerAddress { address, .. } => Ok(vec![CustomerAddressUpdated {
                address: address.clone(),
            }]),
        }
    }

    fn evolve(&mut self, event: &CustomerEvent) {
        match event.clone() {
            CustomerRegistered {
                name,
                email,
                address,
            } => {
                *self = Self {
                    registered: true,
                    name,
                    email,
                    address,
                };
            }
            CustomerAddressUpdated { address } => self.address = address,
        }
    }
}

fn looks_like_email(email: &str) -> bool {
    matches!(email.split_once('@'), Some((name, host)) if !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::testing::given;

    fn register(email: &str) -> CustomerCommand {
        RegisterCustomer {
            customer: "ada".into(),
            name: "Ada".into(),
            email: email.into(),
            address: "London".into(),
        }
    }

    fn registered() -> CustomerEvent {
        CustomerRegistered {
            name: "Ada".into(),
            email: "ada@example.org".into(),
            address: "London".into(),
        }
    }

    fn move_to(address: &str) -> CustomerCommand {
        UpdateCustomerAddress {
            customer: "ada".into(),
            address: address.into(),
        }
    }

    #[test]
    fn a_customer_is_registered_once() {
        given::<Customer>([])
            .when(register("ada@example.org"))
            .then([registered()])
            .when(register("ada@example.org"))
            .rejected("customer ada is registered already");
    }

    #[test]
    fn a_customer_needs_an_email_address_that_can_be_one() {
        for email in ["ada", "@example.org", "ada@", "a@b@c"] {
            given::<Customer>([])
                .when(register(email))
                .rejected("no e-mail address");
        }
    }

    #[test]
    fn only_a_registered_customer_can_move() {
        given::<Customer>([])
            .when(move_to("Surrey"))
            .rejected("customer ada is not registered");
    }

    #[test]
    fn moving_to_where_one_lives_changes_nothing() {
        let moved = CustomerAddressUpdated {
            address: "Surrey".into(),
        };
        let state = given::<Customer>([registered()])
            .when(move_to("London"))
            .then([])
            .when(move_to("Surrey"))
            .then([moved])
            .when(move_to("Surrey"))
            .then([])
            .state();
        assert_eq!(
            (state.name.as_str(), state.address.as_str()),
            ("Ada", "Surrey")
        );
    }
}
