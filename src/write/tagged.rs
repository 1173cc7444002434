//! Enum values as a name and an object, and back: what serde's own form of an enum comes to for
//! commands and events.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The variant's name and its fields. Errors, in words: another form than one variant with named fields.
pub(super) fn split(value: &impl Serialize) -> Result<(String, Value), String> {
    match serde_json::to_value(value).map_err(|e| e.to_string())? {
        Value::String(name) => Ok((name, Value::Object(Map::new()))),
        Value::Object(fields) if fields.len() == 1 => match fields.into_iter().next() {
            Some((name, data @ Value::Object(_))) => Ok((name, data)),
            Some((name, _)) => Err(format!("{name} has no named fields")),
            None => Err("it is empty".to_owned()),
        },
        _ => Err("it is not an enum in serde's own (externally tagged) form".to_owned()),
    }
}

/// The variant `name` with the fields in `data`, the text of a JSON object.
pub(super) fn join<T: DeserializeOwned>(name: &str, data: &str) -> Result<T, serde_json::Error> {
    let tag = Value::from(name);
    serde_json::from_str(&format!("{{{tag}:{data}}}")).or_else(|error| {
        // A variant without fields is a bare name in serde's form, and an empty object in ours.
        let bare =
            matches!(serde_json::from_str(data), Ok(Value::Object(fields)) if fields.is_empty());
        match bare.then(|| serde_json::from_value(tag)) {
            Some(Ok(value)) => Ok(value),
            _ => Err(error),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Thing {
        Closed,
        Renamed { name: String },
        Counted(u64),
    }

    #[test]
    fn variants_with_and_without_fields_come_back_as_they_were() {
        for thing in [
            Thing::Closed,
            Thing::Renamed {
                name: "a\"b".into(),
            },
        ] {
            let (name, data) = split(&thing).unwrap();
            assert!(data.is_object());
            assert_eq!(join::<Thing>(&name, &data.to_string()).unwrap(), thing);
        }
    }

    #[test]
    fn a_variant_without_named_fields_is_refused() {
        assert!(split(&Thing::Counted(1)).unwrap_err().contains("Counted"));
        assert!(split(&7).is_err());
    }

    #[test]
    fn surplus_data_does_not_make_a_bare_variant() {
        assert!(join::<Thing>("Closed", "{\"a\":1}").is_err());
        assert!(join::<Thing>("Opened", "{}").is_err());
    }
}
