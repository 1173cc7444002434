//! A made-up log behind the Events screen: answers to everything that it asks.

use std::sync::Arc;

use super::{HEAD, event, now};
use crate::event::{Event, JsonObject, Position, StreamId, Version};
use crate::ui::ask::events::{Answer, Ask, Found};
use crate::ui::state::Model;
use crate::ui::state::events::{Detail, Entry};
use crate::ui::update::{Effect, Msg, update};
use crate::workspace::{Caused, Direction, Story};
use crate::write::Fact;

/// How many events are looked at for one answer.
const PIECE: u64 = 1_000;

/// The event at a position, with data enough to be folded.
pub fn at(position: u64) -> Event {
    let mut event = event(HEAD.saturating_sub(position));
    event.position = Position::new(position);
    let name = event.event_type.as_str();
    if name == "OrderPlaced" {
        let data = r#"{"order":"1042","customer":"c-118","lines":[{"product":"teapot","quantity":2,"unit_price_cents":3900},
            {"product":"mug","quantity":1,"unit_price_cents":1200,"engraving":null}],"total_cents":9000,
            "express":true,"note":"Please leave it with the neighbours at number 12; the bell is broken, so knock, and mind the dog\u001b[2J.\nThank you!"}"#;
        event.data = JsonObject::parse(data).unwrap();
    }
    let metadata = r#"{"correlation_id":"01928c1e-0a11","causation_id":"01928c1e-0a10","command":"PlaceOrder"}"#;
    event.metadata = JsonObject::parse(metadata).unwrap();
    event
}

/// An order that is placed, paid and shipped, as the process saw it.
pub fn story(event: &Event, looked: (Position, Position)) -> Story {
    let fact = |name: &str| Fact::StepAccepted {
        command: name.to_owned(),
        data: serde_json::Value::Null,
        stream: "order-1042".to_owned(),
        position: None,
    };
    let caused = |back: u64, depth, stream: &str, command: Option<&str>, fact| {
        let mut event = at(event.position.get().saturating_add(3).saturating_sub(back));
        event.stream = StreamId::new(stream).unwrap();
        event.version = Version::new(1);
        let command = command.map(str::to_owned);
        Caused {
            event,
            depth,
            command,
            fact,
        }
    };
    let tree = vec![
        caused(3, 0, "order-1042", Some("PlaceOrder"), None),
        caused(2, 1, "fulfilment-1042", None, Some(fact("ReserveStock"))),
        caused(1, 2, "product-teapot", Some("ReserveStock"), None),
        caused(
            0,
            1,
            "fulfilment-1042",
            None,
            Some(fact("ShipOrder\u{1b}[2J")),
        ),
    ];
    Story::example(event, tree, looked)
}

/// The answer to a question, from a log of so many events.
pub fn answer(ask: &Ask, head: u64) -> Answer {
    answer_from(ask, head, at, story)
}

/// The same, where the log has other events.
pub fn answer_from(
    ask: &Ask,
    head: u64,
    at: fn(u64) -> Event,
    story: fn(&Event, (Position, Position)) -> Story,
) -> Answer {
    match ask {
        Ask::Page {
            number,
            search,
            from,
            way,
            limit,
        } => {
            let from = from.get();
            let positions: Vec<u64> = match way {
                Direction::Older => (from.saturating_sub(PIECE).max(1)..from.min(head + 1))
                    .rev()
                    .collect(),
                Direction::Newer => (from + 1..=head.min(from + PIECE)).collect(),
            };
            let (mut entries, mut looked_to) = (Vec::new(), from);
            for position in positions {
                let event = at(position);
                looked_to = position;
                if search.terms.takes(&event) && search.fits(&event) {
                    entries.push(Entry::of(&event));
                }
                if entries.len() >= *limit {
                    break;
                }
            }
            let looked_to = match way {
                Direction::Older if looked_to <= 1 || looked_to > head => Position::START,
                _ => Position::new(looked_to),
            };
            let found = Ok(Found { entries, looked_to });
            Answer::Page {
                number: *number,
                found,
            }
        }
        Ask::Detail {
            position,
            lines,
            cells,
        } => {
            let detail = Detail::of(at(position.get()), *lines, *cells);
            Answer::Detail {
                position: *position,
                detail: Ok(Some(Box::new(detail))),
            }
        }
        Ask::Story {
            number,
            story: known,
            ..
        } => {
            let origin = known.origin().get();
            // Far enough, and after that to the beginning.
            let low = match known.looked().0.get() {
                low if low + 20_000 > origin => origin.saturating_sub(20_000),
                _ => 0,
            };
            let looked = (Position::new(low), Position::new(head));
            Answer::Story {
                number: *number,
                story: Ok(Arc::new(story(&at(origin), looked))),
            }
        }
        Ask::Copy(position) => Answer::Copied {
            position: *position,
            line: Ok(format!("{{\"sequence\":\"{position}\"}}")),
        },
    }
}

/// Answers what was asked, and what that leads to; gives the effects that are no questions.
pub fn settle(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
    let (mut effects, mut others) = (effects, Vec::new());
    for _ in 0..1_000 {
        let head = model.snapshot.head.get();
        let (asked, rest): (Vec<_>, Vec<_>) = effects
            .into_iter()
            .partition(|e| matches!(e, Effect::Events(_)));
        others.extend(rest);
        if asked.is_empty() {
            return others;
        }
        effects = Vec::new();
        for effect in asked {
            if let Effect::Events(ask) = effect {
                let msg = Msg::Events(answer(&ask, head));
                effects.extend(update(model, now(), msg));
            }
        }
    }
    panic!("it never ends: {effects:?}");
}
