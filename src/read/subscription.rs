//! Which events a projection is told of.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::{Event, category};

/// The events a projection subscribes to: types, and perhaps a category. System streams never.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    types: Types,
    category: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Types {
    All,
    Named(BTreeSet<String>),
}

impl Subscription {
    /// Every event that is not in a system stream.
    pub const fn all() -> Self {
        Self {
            types: Types::All,
            category: None,
        }
    }

    /// Events of these types.
    pub fn types<T: Into<String>>(types: impl IntoIterator<Item = T>) -> Self {
        Self {
            types: Types::Named(types.into_iter().map(Into::into).collect()),
            category: None,
        }
    }

    /// Of those, only what streams of this category hold.
    #[must_use]
    pub fn of_category(self, category: Option<String>) -> Self {
        Self { category, ..self }
    }

    /// Whether it takes an event of this type from this stream.
    pub fn takes(&self, stream: &str, event_type: &str) -> bool {
        let type_fits = match &self.types {
            Types::All => true,
            Types::Named(names) => names.contains(event_type),
        };
        type_fits
            && !stream.starts_with('$')
            && self
                .category
                .as_deref()
                .is_none_or(|wanted| wanted == category(stream))
    }

    /// The types that it names; `None` where it takes whatever there is.
    pub fn named(&self) -> Option<impl Iterator<Item = &str>> {
        match &self.types {
            Types::All => None,
            Types::Named(names) => Some(names.iter().map(String::as_str)),
        }
    }

    /// Whether it takes this event.
    pub fn takes_event(&self, event: &Event) -> bool {
        self.takes(event.stream.as_str(), event.event_type.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_streams_are_nobodys() {
        assert!(Subscription::all().takes("order-1", "OrderPlaced"));
        assert!(!Subscription::all().takes("$projection-orders", "PauseRequested"));
        assert!(
            !Subscription::types(["PauseRequested"]).takes("$projection-orders", "PauseRequested")
        );
    }

    #[test]
    fn a_category_narrows_the_types() {
        let orders = Subscription::types(["Renamed"]).of_category(Some("order".into()));
        assert!(orders.takes("order-1", "Renamed"));
        assert!(!orders.takes("orders-1", "Renamed"));
        assert!(!orders.takes("order-1", "Placed"));
    }
}
