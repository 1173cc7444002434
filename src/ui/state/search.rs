//! Which events somebody wants to see: words such as `type:OrderPlaced stream:order-1042`, and what else has to be
//! found in an event.

use regex::{Regex, RegexBuilder};

use super::filter::Filter;
use crate::event::{Event, StreamId};
use crate::workspace::EventFilter;

/// What the field says while it is empty.
pub const EXAMPLE: &str =
    "type:Placed stream:order-7 category:order correlation:ID word /regex !not";

/// What is typed after `/`. Each `name:value` narrows further; the rest is letters in the order of a type's or a
/// stream's name or a part of data or metadata, `/` and a regular expression, or `!` and what is not to be there.
#[derive(Debug, Clone, Default)]
pub struct Search {
    text: String,
    /// What the log is asked for.
    pub terms: EventFilter,
    /// A part of a type's name each, in small letters: one of them.
    types: Vec<String>,
    rest: Rest,
    error: Option<String>,
}

#[derive(Debug, Clone, Default)]
enum Rest {
    #[default]
    Everything,
    /// Each of them, or not all of them.
    Words { words: Vec<Word>, inverse: bool },
    /// Letters are not enough.
    Regex(Filter),
}

#[derive(Debug, Clone)]
struct Word {
    /// Letters in their order, in a name.
    letters: Filter,
    /// The word as it is, in data or metadata, in either case.
    written: Option<Regex>,
}

impl PartialEq for Search {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Search {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Self {
        let mut search = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        let (mut rest, mut raw) = (Vec::new(), Vec::new());
        for token in tokens(text) {
            if !search.takes_term(&token.value) {
                raw.push(token.raw);
                rest.push(token.value);
            }
        }
        let raw = raw.join(" ");
        if raw.starts_with('/') || raw.starts_with("!/") {
            let filter = Filter::parse(&raw);
            search.error = filter.error().map(str::to_owned).or(search.error);
            if !filter.is_everything() {
                search.rest = Rest::Regex(filter);
            }
        } else {
            search.rest = words(rest);
        }
        search
    }

    /// Takes one term. Says whether it was one.
    fn takes_term(&mut self, token: &str) -> bool {
        let Some((name, value)) = token.split_once(':') else {
            return false;
        };
        let given = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match name {
            "type" => self.types.extend(given().map(|value| value.to_lowercase())),
            "category" => self.terms.category = given(),
            "correlation" => self.terms.correlation = given(),
            "text" => self.terms.text = given(),
            "stream" => match value.strip_suffix('*') {
                _ if value.is_empty() => {}
                Some(prefix) => self.terms.stream_prefix = Some(prefix.to_owned()),
                None if !value.contains('-') => self.terms.stream_prefix = given(),
                None => match StreamId::new(value) {
                    Ok(stream) => self.terms.stream = Some(stream),
                    Err(error) => self.error = Some(error.to_string()),
                },
            },
            _ => return false,
        }
        true
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong with it; what is wrong narrows nothing.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether every event is wanted.
    pub fn is_everything(&self) -> bool {
        self.is_asked_for() && self.terms == EventFilter::default()
    }

    /// Whether the log can be asked for just these.
    pub const fn is_asked_for(&self) -> bool {
        self.types.is_empty() && matches!(self.rest, Rest::Everything)
    }

    /// Whether an event that the log gave is wanted.
    pub fn fits(&self, event: &Event) -> bool {
        let kind = event.event_type.as_str();
        if !self.types.is_empty() {
            let kind = kind.to_lowercase();
            if !self.types.iter().any(|part| kind.contains(part)) {
                return false;
            }
        }
        let (data, metadata) = (event.data.as_str(), event.metadata.as_str());
        match &self.rest {
            Rest::Everything => true,
            Rest::Regex(filter) => {
                // Not to be found is not to be found anywhere.
                let mut places = [kind, event.stream.as_str(), data, metadata].into_iter();
                if filter.is_inverse() {
                    places.all(|text| filter.fits(text))
                } else {
                    places.any(|text| filter.fits(text))
                }
            }
            Rest::Words { words, inverse } => {
                let found = words.iter().all(|word| {
                    word.letters.fits(kind)
                        || word.letters.fits(event.stream.as_str())
                        || word.written.as_ref().is_some_and(|written| {
                            written.is_match(data) || written.is_match(metadata)
                        })
                });
                found != *inverse
            }
        }
    }
}

fn words(mut rest: Vec<String>) -> Rest {
    let mut inverse = false;
    if let Some(first) = rest.first_mut()
        && let Some(word) = first.strip_prefix('!')
    {
        inverse = true;
        *first = word.to_owned();
    }
    rest.retain(|word| !word.is_empty());
    if rest.is_empty() {
        return Rest::Everything;
    }
    let word = |word: String| Word {
        written: RegexBuilder::new(&regex::escape(&word))
            .case_insensitive(true)
            .build()
            .ok(),
        letters: Filter::letters(&word),
    };
    Rest::Words {
        words: rest.into_iter().map(word).collect(),
        inverse,
    }
}

/// A word as it was typed, and without its quotation marks.
struct Token {
    raw: String,
    value: String,
}

/// The words of a text; quotation marks keep spaces together.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut raw, mut value, mut is_quoted) = (String::new(), String::new(), false);
    for c in text.chars().chain([' ']) {
        if c.is_whitespace() && !is_quoted {
            if !raw.is_empty() {
                let (raw, value) = (std::mem::take(&mut raw), std::mem::take(&mut value));
                tokens.push(Token { raw, value });
            }
            continue;
        }
        raw.push(c);
        if c == '"' {
            is_quoted = !is_quoted;
        } else {
            value.push(c);
        }
    }
    // A quotation that nobody has ended yet ends here.
    if !raw.is_empty() {
        raw.pop();
        let value = value.trim_end().to_owned();
        tokens.push(Token { raw, value });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventType, JsonObject, Position, Timestamp, Version};

    fn event() -> Event {
        Event {
            position: Position::new(7),
            stream: StreamId::new("order-1042").unwrap(),
            version: Version::new(1),
            event_type: EventType::new("OrderPlaced").unwrap(),
            id: "0195".to_owned(),
            source: None,
            data: JsonObject::parse(r#"{"customer":"Ada Lovelace","total":12900}"#).unwrap(),
            metadata: JsonObject::parse(r#"{"correlation_id":"c-9"}"#).unwrap(),
            recorded_at: Timestamp::UNIX_EPOCH,
            happened_at: None,
        }
    }

    fn fits(text: &str) -> bool {
        let search = Search::parse(text);
        assert_eq!(search.error(), None, "{text}");
        search.terms.takes(&event()) && search.fits(&event())
    }

    #[test]
    fn each_term_narrows_and_all_of_them_have_to_fit() {
        for text in [
            "",
            "type:OrderPlaced",
            "type:placed type:shipped",
            "stream:order-1042 category:order",
            "stream:order-10*",
            "stream:ord",
            "correlation:c-9",
            "text:lovelace",
            "text:\"ada l\" type:order",
            "type: stream: category:",
        ] {
            assert!(fits(text), "{text}");
        }
        for text in [
            "type:shipped",
            "stream:order-104",
            "stream:order-7*",
            "category:orders",
            "correlation:c",
            "text:byron",
            "type:placed stream:order-7",
        ] {
            assert!(!fits(text), "{text}");
        }
    }

    #[test]
    fn what_is_left_is_letters_of_a_name_words_of_the_data_or_a_regular_expression() {
        for text in [
            "opl",
            "o1042",
            "lovelace 12900",
            "\"ada love\"",
            "c-9",
            "/tot.*900",
            "/total\".1",
            "!/byron",
            "!byron",
            "!",
        ] {
            assert!(fits(text), "{text}");
        }
        for text in [
            "opx",
            "lovelace byron",
            "/^total",
            "!/ada",
            "!lovelace",
            "!opl type:order",
        ] {
            assert!(!fits(text), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_narrows_nothing() {
        let search = Search::parse("type:order /a(");
        assert_eq!(search.error(), Some("unclosed group"));
        assert!(search.fits(&event()));
        let search = Search::parse(&format!("stream:order-{}", "x".repeat(300)));
        assert!(search.error().is_some() && search.is_everything());
    }

    #[test]
    fn only_what_the_log_cannot_be_asked_for_is_looked_at_here() {
        assert!(Search::parse("  ").is_everything());
        let along = Search::parse("stream:order-7 text:\"a b\"");
        assert!(along.is_asked_for() && !along.is_everything());
        assert_eq!(along.terms.text.as_deref(), Some("a b"));
        assert!(!Search::parse("type:x").is_asked_for());
        assert!(!Search::parse("opl").is_asked_for());
    }
}
