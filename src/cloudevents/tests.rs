//! Lines that are good, lines that are bad, and that what is written can be read.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::Version;

fn good() -> Value {
    json!({
        "specversion": "1.0", "id": "7", "source": "/shop", "type": "OrderPlaced",
        "subject": "order-1042", "time": "2011-10-01T00:38:44.546000+02:00",
        "datacontenttype": "application/json", "data": {"total": 12},
    })
}

fn with(attribute: &str, value: Value) -> Value {
    let mut line = good();
    line[attribute] = value;
    line
}

fn read_value(line: &Value) -> Result<Incoming, ReadError> {
    read(line.to_string().as_bytes())
}

#[test]
fn a_whole_line_is_read() {
    let found = read_value(&with("sequence", json!("12"))).unwrap();
    let origin = Origin {
        source: "/shop".into(),
        id: "7".into(),
    };
    let expected = Incoming {
        stream: StreamId::new("order-1042").unwrap(),
        event: NewEvent {
            event_type: EventType::new("OrderPlaced").unwrap(),
            data: JsonObject::parse("{\"total\":12}").unwrap(),
            metadata: JsonObject::empty(),
            origin: Some(origin.clone()),
            time: Some("2011-09-30T22:38:44.546Z".parse().unwrap()),
        },
        origin,
        sequence: Some(Position::new(12)),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_line_with_what_is_required_alone_is_read() {
    let line = br#" { "type":"A", "subject":"s", "source":"/x", "id":"1", "specversion":"1.0" } "#;
    let found = read(line).unwrap();
    assert_eq!(found.event.data, JsonObject::empty());
    assert_eq!((found.event.time, found.sequence), (None, None));
}

#[test]
fn null_is_the_same_as_absent() {
    for attribute in ["time", "data", "datacontenttype", "metadata", "sequence"] {
        let found = read_value(&with(attribute, Value::Null));
        assert!(found.is_ok(), "{attribute}: {found:?}");
    }
    let found = read_value(&with("subject", Value::Null));
    assert!(matches!(
        found,
        Err(ReadError::Missing {
            attribute: "subject",
            ..
        })
    ));
}

#[test]
fn times_of_any_zone_are_read_to_the_microsecond() {
    for (text, utc) in [
        (
            "1969-12-31T23:59:58.999999999Z",
            "1969-12-31T23:59:59Z", // towards 1970
        ),
        ("2024-02-29T12:00:00-09:30", "2024-02-29T21:30:00Z"),
        ("2024-02-29T12:00:00+05:45", "2024-02-29T06:15:00Z"),
        ("2024-02-29t12:00:00z", "2024-02-29T12:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ] {
        let found = read_value(&with("time", json!(text))).unwrap();
        assert_eq!(found.event.time, Some(utc.parse().unwrap()), "{text}");
    }
}

#[test]
fn any_media_type_of_json_is_taken_and_no_other() {
    for (media_type, good) in [
        ("application/json", true),
        ("text/JSON; charset=utf-8", true),
        ("application/vnd.shop.order+json", true),
        ("application/xml", false),
        ("json", false),
        ("application/jsonl", false),
        ("", false),
    ] {
        let found = read_value(&with("datacontenttype", json!(media_type)));
        assert_eq!(found.is_ok(), good, "{media_type}: {found:?}");
    }
}

#[test]
fn data_is_kept_as_it_was_written() {
    let line = r#"{"specversion":"1.0","id":"1","source":"s","type":"A","subject":"s","data": {"b" : 1.00,"a":12345678901234567890123,"\u00e9":"\/"} }"#;
    let found = read(line.as_bytes()).unwrap();
    assert_eq!(
        found.event.data.as_str(),
        r#"{"b" : 1.00,"a":12345678901234567890123,"\u00e9":"\/"}"#
    );
}

#[test]
fn ids_of_cause_go_into_metadata_that_has_none() {
    let cases = [
        (
            json!({"correlationid": "c", "causationid": "k"}),
            r#"{"correlation_id":"c","causation_id":"k"}"#,
        ),
        (
            json!({"metadata": "{ }", "causationid": "k\"\n"}),
            r#"{"causation_id":"k\"\n"}"#,
        ),
        (
            json!({"metadata": "{\"a\": 1.0 }", "correlationid": "c"}),
            r#"{"a": 1.0,"correlation_id":"c"}"#,
        ),
        (
            json!({"metadata": "{\"correlation_id\": 1}", "correlationid": "c"}),
            r#"{"correlation_id": 1}"#,
        ),
        (
            json!({"metadata": "{\"correlation_id\": null}", "correlationid": "c"}),
            r#"{"correlation_id": null}"#,
        ),
    ];
    for (extensions, metadata) in cases {
        let mut line = good();
        for (name, value) in extensions.as_object().unwrap() {
            line[name] = value.clone();
        }
        let found = read_value(&line).unwrap();
        assert_eq!(found.event.metadata.as_str(), metadata, "{extensions}");
    }
}

#[test]
fn an_error_names_the_attribute_and_says_what_it_must_be() {
    let long = "x".repeat(DATA_LIMIT);
    let table = [
        (json!([1, 2]), "not a JSON object: it begins with [1,2]"),
        (
            json!("x\u{202e}"),
            "not a JSON object: it begins with \"x\u{fffd}\"",
        ),
        (
            with("specversion", json!("0.3")),
            "`specversion` is \"0.3\": write \"1.0\"",
        ),
        (with("id", json!(7)), "`id` is 7: write a string"),
        (
            with("id", json!("")),
            "`id` is \"\": give what tells it apart within its source",
        ),
        (
            with("source", Value::Null),
            "`source` is missing: name where the event comes from",
        ),
        (
            with("source", json!("x".repeat(3_000))),
            "`source` of 3000 bytes: the limit is 2048 bytes",
        ),
        (
            with("type", json!("")),
            "`type`: event type is empty: give it at least one character",
        ),
        (
            with("subject", json!("a\nb")),
            "`subject`: stream name has the character U+000A at byte 1: control and bidirectional format characters are not allowed",
        ),
        (
            with("time", json!("yesterday")),
            "`time` is \"yesterday\": write it as 2026-03-01T09:00:00+01:00",
        ),
        (with("time", json!(12)), "`time` is 12: write a string"),
        (
            with("data", json!([1])),
            "`data`: not a JSON object but a list: write it as {\"name\": value}",
        ),
        (
            with("data", json!({"long": long})),
            "`data` of 1048587 bytes: the limit is 1048576 bytes",
        ),
        (
            with("data_base64", json!("AA==")),
            "`data_base64` is there: only JSON can be stored; write it as an object in `data`",
        ),
        (
            with("metadata", json!({})),
            "`metadata` is {}: write a string",
        ),
        (
            with("metadata", json!("1")),
            "`metadata`: not a JSON object but a number: write it as {\"name\": value}",
        ),
    ];
    for (line, error) in table {
        let found = read_value(&line).unwrap_err();
        assert_eq!(found.to_string(), error);
    }
}

#[test]
fn what_is_not_json_is_refused_with_its_column() {
    for (line, error) in [
        (
            &b"{\"id\":\"1\",}"[..],
            "not a JSON object: trailing comma, at column 11",
        ),
        (
            b"{\"id\":\"1\"",
            "not a JSON object: EOF while parsing an object, at column 9",
        ),
        (
            b"{\"id\":\"1\",\"id\":\"2\"}",
            "not a JSON object: duplicate field `id`, at column 14",
        ),
        (
            b"{\"id\":\"\xff\"}",
            "not a JSON object: not UTF-8 from byte 7",
        ),
        (
            b"OrderPlaced",
            "not a JSON object: it begins with OrderPlaced",
        ),
    ] {
        assert_eq!(read(line).unwrap_err().to_string(), error);
    }
}

#[test]
fn data_that_could_not_be_read_back_is_refused() {
    let line = r#"{"specversion":"1.0","id":"1","source":"s","type":"A","subject":"s","data":{"a":"\ud800"}}"#;
    let error = read(line.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("`data`: not valid JSON: "), "{error}");
}

fn stored(incoming: &Incoming, position: u64) -> Event {
    Event {
        position: Position::new(position),
        stream: incoming.stream.clone(),
        version: Version::new(1),
        event_type: incoming.event.event_type.clone(),
        id: incoming.origin.id.clone(),
        source: Some(incoming.origin.source.clone()),
        data: incoming.event.data.clone(),
        metadata: incoming.event.metadata.clone(),
        recorded_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        happened_at: incoming.event.time,
    }
}

#[test]
fn an_event_of_our_own_is_written_with_its_log_as_source_and_when_it_was_stored() {
    let mut event = stored(&read_value(&good()).unwrap(), 9);
    event.source = None;
    event.happened_at = None;
    event.metadata = JsonObject::parse(r#"{"correlation_id":"c"}"#).unwrap();
    let line = write(&event, "urn:highwater:x").unwrap();
    let expected = concat!(
        r#"{"specversion":"1.0","id":"7","source":"urn:highwater:x","type":"OrderPlaced","#,
        r#""subject":"order-1042","time":"2026-01-01T00:00:00.000000Z","#,
        r#""datacontenttype":"application/json","sequence":"9","correlationid":"c","#,
        r#""metadata":"{\"correlation_id\":\"c\"}","data":{"total":12}}"#,
    );
    assert_eq!(line, expected);
}

#[test]
fn data_laid_out_over_lines_and_disguised_is_written_on_one_harmless_line() {
    let mut event = stored(&read_value(&good()).unwrap(), 9);
    event.data = JsonObject::parse("{\r\n\t\"a\": \"\u{202e}\u{7f}\u{9b}é\"\n}").unwrap();
    let line = write(&event, "x").unwrap();
    assert!(
        line.ends_with(r#""data":{   "a": "\u202e\u007f\u009bé" }}"#),
        "{line}"
    );
    let back = read(line.as_bytes()).unwrap().event.data;
    assert_eq!(back.value(), event.data.value());
}

#[test]
fn damaged_data_is_not_written() {
    let mut event = stored(&read_value(&good()).unwrap(), 9);
    event.data = JsonObject::stored("{\"a\":".into());
    assert!(write(&event, "x").is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            any_object(inner),
        ]
    })
}

fn any_object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        any::<String>(),
        Just("correlation_id".into()),
        Just("causation_id".into())
    ];
    prop::collection::vec((key, inner), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn any_name() -> impl Strategy<Value = String> {
    any::<String>().prop_filter_map("a name", |name| StreamId::new(&name).ok().map(String::from))
}

prop_compose! {
    fn any_event()(
        (stream, event_type) in (any_name(), any_name()),
        (id, source) in ("\\PC{1,20}|[\u{0}-\u{2ff}]{1,9}", prop::option::of("\\PC{1,20}")),
        (data, metadata) in (any_object(any_json()), any_object(any_json())),
        pretty in any::<bool>(),
        (recorded_at, happened_at) in (any::<i32>(), prop::option::of(-60_000_000_000_000_000..250_000_000_000_000_000_i64)),
    ) -> Event {
        let text = |value: &Value| if pretty { format!("{value:#}") } else { value.to_string() };
        Event {
            position: Position::new(3),
            stream: StreamId::new(&stream).unwrap(),
            version: Version::new(1),
            event_type: EventType::new(&event_type).unwrap(),
            id,
            source,
            data: JsonObject::parse(&text(&data)).unwrap(),
            metadata: JsonObject::parse(&text(&metadata)).unwrap(),
            recorded_at: Timestamp::from_second(i64::from(recorded_at)).unwrap(),
            happened_at: happened_at.map(|time| Timestamp::from_microsecond(time).unwrap()),
        }
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read_and_written_the_same_again(event in any_event()) {
        let line = write(&event, "urn:highwater:x").unwrap();
        prop_assert!(!line.contains(is_disguise));
        let incoming = read(line.as_bytes()).unwrap();
        prop_assert_eq!(&incoming.stream, &event.stream);
        prop_assert_eq!(&incoming.event.event_type, &event.event_type);
        prop_assert_eq!(&incoming.origin.id, &event.id);
        prop_assert_eq!(&incoming.origin.source, event.source.as_deref().unwrap_or("urn:highwater:x"));
        prop_assert_eq!(incoming.event.time, Some(event.time()));
        prop_assert_eq!(incoming.event.data.value(), event.data.value());
        prop_assert_eq!(incoming.event.metadata.value(), event.metadata.value());
        prop_assert_eq!(incoming.sequence, Some(event.position));
        let again = write(&stored(&incoming, 3), "elsewhere").unwrap();
        prop_assert_eq!(again, line);
    }

    #[test]
    fn no_bytes_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&line);
    }
}
