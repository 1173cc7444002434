//! What a table is narrowed to: letters in their order, a regular expression, or neither of them.

use std::borrow::Cow;
use std::cell::RefCell;

use nucleo_matcher::pattern::{Atom, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use regex::{Regex, RegexBuilder};

/// What is typed after `/`. `paid` finds the letters in their order, `!paid` what lacks them, `/pa.d` is a regular
/// expression and `!/pa.d` its opposite.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    text: String,
    inverse: bool,
    kind: Kind,
}

#[derive(Debug, Clone, Default)]
enum Kind {
    #[default]
    Everything,
    Fuzzy(Pattern),
    Regex(Regex),
    /// A regular expression that is none, and what is wrong with it.
    Broken(String),
}

thread_local! {
    /// What matching needs is large, and made once a thread: whole logs are narrowed.
    static MATCHER: RefCell<Matcher> = RefCell::new(Matcher::new(Config::DEFAULT));
}

/// The largest regular expression, compiled: one that somebody types is never larger.
const LARGEST: usize = 1 << 20;

impl Filter {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Self {
        let (inverse, wanted) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let kind = match wanted.strip_prefix('/') {
            _ if wanted.is_empty() || wanted == "/" => Kind::Everything,
            Some(regex) => RegexBuilder::new(regex)
                .case_insensitive(true)
                .size_limit(LARGEST)
                .build()
                .map_or_else(|error| Kind::Broken(said(&error)), Kind::Regex),
            None => fuzzy(wanted),
        };
        Self {
            text: text.to_owned(),
            inverse,
            kind,
        }
    }

    /// Letters in their order, whatever they are.
    pub fn letters(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            inverse: false,
            kind: fuzzy(text),
        }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether everything fits.
    pub const fn is_everything(&self) -> bool {
        matches!(self.kind, Kind::Everything | Kind::Broken(_))
    }

    /// What is wrong with it; then everything fits.
    pub fn error(&self) -> Option<&str> {
        match &self.kind {
            Kind::Broken(error) => Some(error),
            _ => None,
        }
    }

    /// Whether a text fits.
    pub fn fits(&self, text: &str) -> bool {
        let found = match &self.kind {
            Kind::Everything | Kind::Broken(_) => return true,
            Kind::Regex(regex) => regex.is_match(text),
            Kind::Fuzzy(pattern) => MATCHER.with_borrow_mut(|matcher| {
                let mut space = Vec::new();
                let text = Utf32Str::new(text, &mut space);
                pattern.score(text, matcher).is_some()
            }),
        };
        found != self.inverse
    }

    /// Whether a row of several texts fits: each word is in one of them, or the regular expression is; what is not to
    /// be found is in none.
    pub fn fits_row(&self, texts: &[Cow<'_, str>]) -> bool {
        let found = match &self.kind {
            Kind::Everything | Kind::Broken(_) => return true,
            Kind::Regex(regex) => texts.iter().any(|text| regex.is_match(text)),
            Kind::Fuzzy(pattern) => pattern.atoms.iter().all(|word| {
                let mut each = texts.iter().map(|text| is_in(word, text));
                if word.negative {
                    each.all(|fits| fits)
                } else {
                    each.any(|fits| fits)
                }
            }),
        };
        found != self.inverse
    }
}

fn is_in(word: &Atom, text: &str) -> bool {
    MATCHER.with_borrow_mut(|matcher| {
        let mut space = Vec::new();
        word.score(Utf32Str::new(text, &mut space), matcher)
            .is_some()
    })
}

fn fuzzy(letters: &str) -> Kind {
    let pattern = Pattern::parse(letters, CaseMatching::Smart, Normalization::Smart);
    Kind::Fuzzy(pattern)
}

/// The last line of what the library says, which says what is wrong.
fn said(error: &regex::Error) -> String {
    let words = error.to_string();
    let last = words.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_a_regular_expression_or_neither() {
        let fits = |filter: &str, text: &str| Filter::parse(filter).fits(text);
        assert!(fits("opl", "OrderPlaced") && !fits("opx", "OrderPlaced"));
        assert!(!fits("!opl", "OrderPlaced") && fits("!opx", "OrderPlaced"));
        assert!(fits("/^order.*d$", "OrderPlaced") && !fits("/^placed", "OrderPlaced"));
        assert!(fits("!/^placed", "OrderPlaced"));
        assert!(fits("", "anything") && fits("!", "anything"));
    }

    #[test]
    fn a_row_fits_with_each_word_in_some_column_and_not_with_what_is_in_any() {
        let row = ["1042".into(), "Ada".into(), "paid".into()];
        for filter in [
            "ada",
            "pd",
            "ada paid",
            "paid !placed",
            "!bob",
            "/^a.a$",
            "!/^p$",
            "",
        ] {
            assert!(Filter::parse(filter).fits_row(&row), "{filter}");
        }
        for filter in [
            "bob",
            "ada bob",
            "adapaid",
            "paid !ada",
            "!ada",
            "/ada paid",
            "!/^1042$",
        ] {
            assert!(!Filter::parse(filter).fits_row(&row), "{filter}");
        }
    }

    #[test]
    fn a_broken_expression_hides_nothing_and_says_what_is_wrong() {
        let filter = Filter::parse("/a(");
        assert!(filter.fits("x"));
        assert_eq!(filter.error(), Some("unclosed group"));
    }
}
