//! Which events somebody wants to see: words such as `type:OrderPlaced stream:order-1042`, and what else has to be
//! found in an event.

use regex::{Regex, RegexBuilder};

use super::filter::Filter;
use super::line::is_position;
use crate::event::{Event, StreamId};
use crate::workspace::{EventFilter, near};

/// What the field says while it is empty.
pub const EXAMPLE: &str =
    "type:Placed stream:order-7 category:order correlation:ID word /regex !not";

/// The names that narrow by something of their own.
const NAMES: [&str; 5] = ["type", "stream", "category", "correlation", "text"];

/// A word that looks as if it narrowed by its name, and is looked for as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Its name, before the colon.
    pub name: String,
    /// What stands behind it.
    pub value: String,
}

impl Doubt {
    /// What would narrow, where there is one that may be meant.
    fn meant(&self) -> Option<String> {
        if matches!(self.name.as_str(), "position" | "pos" | "at") && is_position(&self.value) {
            return Some(format!(":events {} goes there", self.value));
        }
        let near = near(&self.name, NAMES).into_iter().next();
        near.map(|name| format!("{name}: narrows"))
    }

    /// In a few words.
    pub fn brief(&self) -> String {
        let meant = self.meant().unwrap_or_else(names);
        format!("{}: is text, {meant}", self.name)
    }

    /// Line by line: how it is read, and what narrows, what may be meant first.
    pub fn words(&self) -> Vec<String> {
        let Self { name, value } = self;
        let read = format!("\"{name}:{value}\" is looked for as text");
        let meant = self.meant().into_iter();
        [read].into_iter().chain(meant).chain([names()]).collect()
    }
}

fn names() -> String {
    let all = NAMES.map(|name| format!("{name}:"));
    format!("{} narrow", all.join(" "))
}

/// What is typed after `/`. Each `name:value` narrows further; the rest is letters in the order of a type's or a
/// stream's name or a part of data or metadata, or `/` and a regular expression. `!` before any of them takes what it
/// says away, and nothing else.
#[derive(Debug, Clone, Default)]
pub struct Search {
    text: String,
    /// What the log is asked for.
    pub terms: EventFilter,
    /// One of them.
    types: Vec<Name>,
    /// Each of them.
    rest: Vec<Test>,
    error: Option<String>,
    doubt: Option<Doubt>,
}

/// A name that is looked for.
#[derive(Debug, Clone)]
enum Name {
    /// A part of it, in small letters.
    Part(String),
    Regex(Filter),
}

/// What the log cannot be asked for.
#[derive(Debug, Clone)]
struct Test {
    what: What,
    /// Whether it is not to be there.
    inverse: bool,
}

#[derive(Debug, Clone)]
enum What {
    Type(Name),
    Stream(Filter),
    Category(Filter),
    /// As the log could be asked for it, but not for its opposite.
    Term(EventFilter),
    Word(Word),
    /// Anywhere in the event: letters are not enough.
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
        // A regular expression goes on, with spaces in it, up to the next word with a mark of its own.
        let mut regex: Option<String> = None;
        for token in tokens(text) {
            let (inverse, wanted) = token.parts();
            if search.takes_term(wanted, inverse) {
                continue;
            }
            let is_regex = token.bare().starts_with('/');
            match &mut regex {
                Some(regex) if !inverse && !is_regex => {
                    regex.push(' ');
                    regex.push_str(&token.raw);
                }
                _ => {
                    search.takes_regex(regex.take());
                    match is_regex {
                        true => regex = Some(token.raw),
                        false => {
                            search.doubts(&token);
                            search.takes_word(wanted, inverse);
                        }
                    }
                }
            }
        }
        search.takes_regex(regex);
        search
    }

    /// Takes one term. Says whether it was one.
    fn takes_term(&mut self, token: &str, inverse: bool) -> bool {
        let Some((name, value)) = token.split_once(':') else {
            return false;
        };
        if !NAMES.contains(&name) {
            return false;
        }
        if value.is_empty() {
            return true;
        }
        if let Some(regex) = value.strip_prefix('/')
            && matches!(name, "type" | "category" | "stream")
        {
            self.takes_regex_of(name, regex.strip_suffix('/').unwrap_or(regex), inverse);
        } else if name == "type" {
            let part = Name::Part(value.to_lowercase());
            match inverse {
                true => self.test(What::Type(part), true),
                false => self.types.push(part),
            }
        } else if inverse {
            let mut term = EventFilter::default();
            match set(&mut term, name, value) {
                Ok(()) => self.test(What::Term(term), true),
                Err(error) => self.error = Some(error),
            }
        } else if let Err(error) = set(&mut self.terms, name, value) {
            self.error = Some(error);
        }
        true
    }

    /// Takes the regular expression of a name.
    fn takes_regex_of(&mut self, name: &str, regex: &str, inverse: bool) {
        let Some(filter) = self.regex(&format!("/{regex}")) else {
            return;
        };
        match name {
            "type" if !inverse => self.types.push(Name::Regex(filter)),
            "type" => self.test(What::Type(Name::Regex(filter)), true),
            "stream" => self.test(What::Stream(filter), inverse),
            _ => self.test(What::Category(filter), inverse),
        }
    }

    /// Takes a regular expression as it was typed, with what stands before it.
    fn takes_regex(&mut self, typed: Option<String>) {
        let typed = typed.unwrap_or_default();
        let inverse = typed.starts_with('!');
        if let Some(filter) = self.regex(typed.trim_start_matches('!')) {
            self.test(What::Regex(filter), inverse);
        }
    }

    /// Reads a regular expression; `None` where it says nothing, or nothing that is right.
    fn regex(&mut self, typed: &str) -> Option<Filter> {
        let filter = Filter::parse(typed);
        self.error = filter.error().map(str::to_owned).or(self.error.take());
        (!filter.is_everything()).then_some(filter)
    }

    /// Notes a word such as `typ:x`. What is quoted is meant as it is written.
    fn doubts(&mut self, token: &Token) {
        if token.bare().starts_with('"') {
            return;
        }
        let Some((name, value)) = token.parts().1.split_once(':') else {
            return;
        };
        let is_name = |c: char| c.is_ascii_alphabetic() || "_-".contains(c);
        if !name.is_empty() && name.chars().all(is_name) {
            let (name, value) = (name.to_owned(), value.to_owned());
            self.doubt = Some(Doubt { name, value });
        }
    }

    fn takes_word(&mut self, word: &str, inverse: bool) {
        if word.is_empty() {
            return;
        }
        let written = RegexBuilder::new(&regex::escape(word))
            .case_insensitive(true)
            .build()
            .ok();
        let letters = Filter::letters(word);
        self.test(What::Word(Word { letters, written }), inverse);
    }

    fn test(&mut self, what: What, inverse: bool) {
        self.rest.push(Test { what, inverse });
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong with it; what is wrong narrows nothing.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// What looks as if it narrowed otherwise than it does.
    pub const fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// Whether every event is wanted.
    pub fn is_everything(&self) -> bool {
        self.is_asked_for() && self.terms == EventFilter::default()
    }

    /// Whether the log can be asked for just these.
    pub const fn is_asked_for(&self) -> bool {
        self.types.is_empty() && self.rest.is_empty()
    }

    /// Whether an event that the log gave is wanted.
    pub fn fits(&self, event: &Event) -> bool {
        let kind = event.event_type.as_str();
        (self.types.is_empty() || self.types.iter().any(|name| name.fits(kind)))
            && self
                .rest
                .iter()
                .all(|test| test.what.is_in(event) != test.inverse)
    }
}

impl Name {
    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Part(part) => name.to_lowercase().contains(part),
            Self::Regex(filter) => filter.fits(name),
        }
    }
}

impl What {
    fn is_in(&self, event: &Event) -> bool {
        let (kind, stream) = (event.event_type.as_str(), event.stream.as_str());
        let (data, metadata) = (event.data.as_str(), event.metadata.as_str());
        match self {
            Self::Type(name) => name.fits(kind),
            Self::Stream(filter) => filter.fits(stream),
            Self::Category(filter) => filter.fits(event.stream.category()),
            Self::Term(term) => term.takes(event),
            Self::Regex(filter) => [kind, stream, data, metadata]
                .into_iter()
                .any(|text| filter.fits(text)),
            Self::Word(word) => {
                let written =
                    |written: &Regex| written.is_match(data) || written.is_match(metadata);
                word.letters.fits(kind)
                    || word.letters.fits(stream)
                    || word.written.as_ref().is_some_and(written)
            }
        }
    }
}

/// Has the log asked for one term more. Errors: a name that no stream can have.
fn set(terms: &mut EventFilter, name: &str, value: &str) -> Result<(), String> {
    let given = Some(value.to_owned());
    match name {
        "category" => terms.category = given,
        "correlation" => terms.correlation = given,
        "text" => terms.text = given,
        _ => match value.strip_suffix('*') {
            Some(prefix) => terms.stream_prefix = Some(prefix.to_owned()),
            None if !value.contains('-') => terms.stream_prefix = given,
            None => terms.stream = Some(StreamId::new(value).map_err(|e| e.to_string())?),
        },
    }
    Ok(())
}

/// A word as it was typed, and without its quotation marks.
struct Token {
    raw: String,
    value: String,
}

impl Token {
    /// As it was typed, without a `!` before it.
    fn bare(&self) -> &str {
        self.raw.strip_prefix('!').unwrap_or(&self.raw)
    }

    /// Whether a `!` stands before it, not quoted; and what it is without.
    fn parts(&self) -> (bool, &str) {
        match self.value.strip_prefix('!') {
            Some(rest) if self.raw.starts_with('!') => (true, rest),
            _ => (false, &self.value),
        }
    }
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
            "type:/^order.*ed$/ stream:/104. category:/^ord",
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
    fn each_term_and_each_word_is_taken_away_by_itself() {
        for text in [
            "type:order !type:OrderShipped",
            "!type:shipped !type:/^payment/",
            "!stream:order-7 !stream:stock",
            "!category:loan !correlation:c-1 !text:byron",
            "!type: !stream: !",
            "!byron !shelley lovelace",
            "opl !byron /total !/byron",
            "!/by ron type:order",
            "!\"ada x\"",
        ] {
            assert!(fits(text), "{text}");
        }
        for text in [
            "type:order !type:OrderPlaced",
            "type:order !type:placed",
            "!type:/^order/",
            "!stream:order-1042",
            "!stream:order-10*",
            "!stream:ord",
            "!category:order",
            "!category:/^o",
            "!correlation:c-9",
            "!text:lovelace",
            "!byron !lovelace",
            "!lovelace !byron",
            "lovelace !opl",
            "opl /byron !x",
            "/total !/ada",
            "!\"ada love\"",
            "type:/^placed/",
            "stream:/^loan/",
        ] {
            assert!(!fits(text), "{text}");
        }
        assert!(!Search::parse("!type:x").is_asked_for());
        assert!(!Search::parse("!stream:x").is_everything());
        assert!(Search::parse("!stream:").is_everything());
        assert_eq!(Search::parse("type:/a(/").error(), Some("unclosed group"));
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
    fn a_name_that_narrows_nothing_is_text_and_is_said_to_be() {
        let doubt = |text: &str| Search::parse(text).doubt().map(Doubt::brief);
        let said = doubt("typ:foo").unwrap();
        assert_eq!(said, "typ: is text, type: narrows");
        assert_eq!(doubt("!typ:foo type:x").unwrap(), said);
        let said = doubt("total:129").unwrap();
        let all = "type: stream: category: correlation: text: narrow";
        assert_eq!(said, format!("total: is text, {all}"));
        let said = doubt("position:128403").unwrap();
        assert!(said.ends_with(":events 128403 goes there"), "{said}");
        let words = Search::parse("typ:foo").doubt().unwrap().words();
        let read = "\"typ:foo\" is looked for as text";
        assert_eq!(words, [read, "type: narrows", all]);
        // What is meant as text is text, without a word.
        for text in [
            "\"typ:foo\"",
            "!\"typ:foo\"",
            "text:typ:foo",
            "10:30",
            ":",
            "/typ:foo",
            "type:x",
        ] {
            assert_eq!(doubt(text), None, "{text}");
        }
        assert!(!fits("typ:foo") && fits("!typ:foo"));
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
