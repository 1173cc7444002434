//! Enum values as a name and an object, and back: what serde's own form of an enum comes to for
//! commands and events.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer,
    VariantAccess, Visitor,
};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::de::StrRead;
use serde_json::{Error, Map, Value};

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

/// The variant `name` with the fields in `data`, the text of a JSON object. A variant without fields is a bare name in
/// serde's form, and an empty object in ours.
pub(super) fn join<T: DeserializeOwned>(name: &str, data: &str) -> Result<T, serde_json::Error> {
    T::deserialize(Tagged { name, data }).or_else(|error| {
        // A type that does not ask for an enum, such as one that tries several, knows the bare name alone.
        let is_bare =
            serde_json::from_str(data).is_ok_and(|fields: Map<String, Value>| fields.is_empty());
        match is_bare.then(|| T::deserialize(Value::from(name))) {
            Some(Ok(value)) => Ok(value),
            _ => Err(error),
        }
    })
}

/// What [`join`] puts together, as serde sees it: the fields are read where they stand, because writing name and fields
/// out as one text first would take half as long again.
struct Tagged<'a> {
    name: &'a str,
    data: &'a str,
}

impl<'de> Tagged<'de> {
    /// Reads the fields, to their end.
    fn fields<T>(
        &self,
        read: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut fields = serde_json::Deserializer::from_str(self.data);
        let value = read(&mut fields)?;
        fields.end().map(|()| value)
    }
}

impl<'de> Deserializer<'de> for Tagged<'de> {
    type Error = Error;

    /// A type that does not ask for an enum: it gets an object with one field.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = format!("{{{}:{}}}", Value::from(self.name), self.data);
        serde_json::Deserializer::from_reader(text.as_bytes()).deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Tagged<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Tagged<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        let fields: Map<String, Value> = serde_json::from_str(self.data)?;
        if fields.is_empty() {
            return Ok(());
        }
        Err(Error::invalid_length(fields.len(), &"no fields"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        self.fields(|fields| seed.deserialize(fields))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.fields(|fields| fields.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.fields(|fields| fields.deserialize_struct("", names, visitor))
    }
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
    fn a_type_that_is_an_enum_inside_is_read_as_one() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Wrapped(Thing);
        let name = "a".to_owned();
        let wrapped = join::<Wrapped>("Renamed", r#"{"name":"a"}"#).unwrap();
        assert_eq!(wrapped, Wrapped(Thing::Renamed { name }));
        let value = join::<Value>("Renamed", r#"{"name":"a"}"#).unwrap();
        assert_eq!(value, serde_json::json!({"Renamed": {"name": "a"}}));
        assert!(join::<Thing>("Renamed", r#"{"name":"a"} {}"#).is_err());
    }

    #[test]
    fn one_of_several_enums_is_read_back() {
        #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
        #[serde(untagged)]
        enum Any {
            Thing(Thing),
        }
        let name = "a".to_owned();
        for event in [Thing::Renamed { name }, Thing::Closed].map(Any::Thing) {
            let (name, data) = split(&event).unwrap();
            assert_eq!(join::<Any>(&name, &data.to_string()).unwrap(), event);
        }
    }

    #[test]
    fn surplus_data_does_not_make_a_bare_variant() {
        assert!(join::<Thing>("Closed", "{\"a\":1}").is_err());
        assert!(join::<Thing>("Opened", "{}").is_err());
    }
}
