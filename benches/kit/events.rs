//! The events that benchmarks store: about 260 bytes each, of which the data are 200.

use std::fmt::Write;

use highwater::event::{EventType, JsonObject, NewEvent, StreamId};
use highwater::log::{Commit, CommitId, Expected};

/// Streams that the load has, each event into one of them at random.
pub const STREAMS: u64 = 10_000;

/// Streams that are alive at once where a log is filled, and events until all of them are over.
const ALIVE: u64 = 1_000;
const A_LIFE: u64 = 10;

/// Spreads numbers evenly, the same way each time (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>).
pub fn spread(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Which stream the load's event goes to.
pub fn stream_at_random(number: u64) -> String {
    format!("order-{}", spread(number) % STREAMS)
}

/// Which stream an event goes to where a log is filled, as in life: an order has ten events, a thousand orders
/// are open at once, and then no more is heard of them.
pub fn stream_of_a_life(number: u64) -> String {
    let generation = number / (ALIVE * A_LIFE);
    format!("order-{}", generation * ALIVE + spread(number) % ALIVE)
}

/// An order's data: 200 bytes of JSON.
pub fn data(number: u64) -> String {
    let mut text = format!(
        r#"{{"customer":"customer-{}","total":{},"currency":"EUR","lines":[{{"product":"mug-{}","quantity":{}}}],"note":""#,
        spread(number) % 997,
        number % 10_000,
        number % 89,
        number % 7 + 1
    );
    while text.len() < 198 {
        text.push('.');
    }
    let _ = write!(text, "\"}}");
    text
}

/// One event as a commit of its own, to a stream in any state.
pub fn commit(stream: &str, number: u64) -> Commit {
    let event_type = EventType::new("OrderPlaced").expect("it is a type");
    let data = JsonObject::parse(&data(number)).expect("it is JSON");
    Commit {
        id: CommitId::new(),
        stream: StreamId::new(stream).expect("it is a stream"),
        expected: Expected::Any,
        events: vec![NewEvent::new(event_type, data)],
    }
}
