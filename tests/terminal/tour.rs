//! The tour in `demo/README.md`, taken word by word: what it says to press is pressed, what it says to see is
//! waited for, what it runs in the second terminal is run. So the text cannot say what is not so.

use super::place::Place;
use super::screen::{Console, ENTER, ESC, LEFT, Picture, RIGHT, TAB, UP, WIDE};

const TOUR: &str = include_str!("../../demo/README.md");

/// One thing that the tour says to do, or to look for.
#[derive(Debug, PartialEq)]
enum Step {
    Press(String),
    Type(String),
    See(String),
    /// A projection whose gap gets larger than this.
    GapPasses(String, u64),
    /// A projection whose gap becomes this.
    GapFalls(String, u64),
    /// In a file: a text, and what comes in its place.
    Change(String, String),
    /// In a terminal: a command, and the lines that it answers with.
    Run(String, Vec<String>),
}

/// Reads the steps out of the text: **Press**, **Type**, **See** and **Change**, each with the `text` that follows, and
/// blocks marked as `console`.
fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for (n, part) in text.split("```").enumerate() {
        match part.strip_prefix("console\n") {
            Some(block) => steps.extend(runs(block)),
            None => {
                assert!(n % 2 == 0, "a block that is no console: {part}");
                steps.extend(words(part));
            }
        }
    }
    steps
}

fn runs(block: &str) -> Vec<Step> {
    let mut found: Vec<Step> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push(Step::Run(command.to_owned(), Vec::new())),
            (None, Some(Step::Run(_, answer))) => answer.push(line.to_owned()),
            (None, _) => panic!("no command before {line:?}"),
        }
    }
    found
}

fn words(text: &str) -> Vec<Step> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    let mut pieces = text.split("**");
    let mut before = pieces.next().unwrap_or_default();
    while let (Some(bold), Some(after)) = (pieces.next(), pieces.next()) {
        let mut spans = after.split('`');
        let (lead, mut codes) = (spans.next().unwrap_or_default(), spans.step_by(2));
        let mut code = || {
            codes
                .next()
                .unwrap_or_else(|| panic!("{bold} what? {before}**{bold}**{after}"))
        };
        match (bold.to_lowercase().as_str(), lead) {
            // What the words in bold are is explained there.
            _ if before.ends_with("for you: ")
                || after.starts_with(" something")
                || after.starts_with(" a key")
                || after.starts_with(" a text") => {}
            ("press", " ") => found.push(Step::Press(code().to_owned())),
            ("type", " ") => found.push(Step::Type(code().to_owned())),
            ("see", " the gap of ") => {
                let (name, _) = (code().to_owned(), ());
                let goal = code().parse().unwrap();
                found.push(if after.contains("` pass `") {
                    Step::GapPasses(name, goal)
                } else {
                    assert!(after.contains("` fall to `"), "what of the gap? {after}");
                    Step::GapFalls(name, goal)
                });
            }
            ("change", " ") => {
                let old = code().to_owned();
                assert!(after.contains("` to `"), "into what? {after}");
                found.push(Step::Change(old, code().to_owned()));
            }
            ("see", " ") => found.push(Step::See(code().to_owned())),
            other => panic!("nobody knows what to do at {other:?}: {after}"),
        }
        before = after;
    }
    found
}

/// Whether a line has these words, each `…` being whatever else.
fn fits_within(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.split('…').map(str::trim).all(|piece| {
        let found = rest.split_once(piece);
        rest = found.map_or(rest, |(_, after)| after);
        found.is_some()
    })
}

/// Whether a line is these words, each `…` being whatever else.
fn fits(line: &str, pattern: &str) -> bool {
    let (first, last) = (
        pattern.split('…').next().unwrap(),
        pattern.rsplit('…').next().unwrap(),
    );
    if !pattern.contains('…') {
        return line == pattern;
    }
    line.starts_with(first) && line.ends_with(last) && fits_within(line, pattern)
}

/// Somebody who takes the tour.
struct Visitor {
    place: Place,
    console: Option<Console>,
    /// At which position the last command in the second terminal was stored.
    stored: String,
}

impl Visitor {
    fn console(&mut self) -> &mut Console {
        self.console
            .as_mut()
            .expect("the tour begins with `highwater demo`")
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Press(key) => self.press(key),
            Step::Type(text) => {
                self.console().keys(text).shows(text);
            }
            Step::See(pattern) => {
                let fits = |picture: &Picture| {
                    picture
                        .lines()
                        .iter()
                        .any(|line| fits_within(line, pattern))
                };
                self.console().until(pattern, fits);
            }
            Step::GapPasses(name, goal) => self.gap(name, |gap| gap > *goal),
            Step::GapFalls(name, goal) => self.gap(name, |gap| gap == *goal),
            Step::Change(old, new) => self.change(old, new),
            Step::Run(command, answer) => self.run(command, answer),
        }
    }

    /// Changes a text where it is, in the one file that the tour edits.
    fn change(&self, old: &str, new: &str) {
        let file = self.place.home().join("tour/projections/orders.sql");
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old} in {text}");
        std::fs::write(file, text.replace(old, new)).unwrap();
    }

    fn press(&mut self, key: &str) {
        let console = self.console();
        let keys = match key {
            "Enter" => ENTER,
            "Tab" => TAB,
            "Up" => UP,
            "Left" => LEFT,
            "Right" => RIGHT,
            "Space" => " ",
            "Esc" => {
                // What follows it must not become a part of it: first it has to have closed something.
                let layers = |picture: &Picture| {
                    let lines = picture.lines();
                    lines
                        .into_iter()
                        .filter(|line| line.contains("Esc close"))
                        .collect::<Vec<_>>()
                };
                let open = layers(&console.shows("Esc close"));
                console
                    .keys(ESC)
                    .until("something closed", |picture| layers(picture) != open);
                return;
            }
            letter => {
                assert_eq!(letter.chars().count(), 1, "nobody knows the key {letter}");
                letter
            }
        };
        console.keys(keys);
    }

    fn gap(&mut self, name: &str, fits: impl Fn(u64) -> bool) {
        self.console()
            .until(&format!("the gap of {name}"), |picture| {
                picture.row(name).is_some_and(|row| fits(row.gap))
            });
    }

    fn run(&mut self, command: &str, answer: &[String]) {
        let command = command.replace("=N", &format!("={}", self.stored));
        let words: Vec<&str> = command.split(' ').collect();
        let ["highwater", words @ ..] = &*words else {
            panic!("another program: {command}");
        };
        if words.first() == Some(&"demo") {
            self.console = Some(Console::start(self.place.home(), WIDE, words));
            return;
        }
        let output = self.place.highwater(words);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        let same = lines.len() == answer.len()
            && lines
                .iter()
                .zip(answer)
                .all(|(line, pattern)| fits(line, pattern));
        assert!(
            same,
            "$ {command}\n{said}\nThe tour has\n{}",
            answer.join("\n")
        );
        if let Some((_, stored)) = said.split_once("accepted at position ") {
            let digits = stored
                .chars()
                .take_while(|c| *c != ':')
                .filter(char::is_ascii_digit);
            self.stored = digits.collect();
        }
    }
}

#[test]
fn the_tour_shows_what_it_says() {
    let mut visitor = Visitor {
        place: Place::new(),
        console: None,
        stored: String::new(),
    };
    for step in steps(TOUR) {
        visitor.take(&step);
    }
    visitor.console().keys("q");
    assert!(visitor.console.take().unwrap().ended().status.success());
}

#[test]
fn the_tour_has_every_idea_in_its_order() {
    let headings: Vec<&str> = TOUR
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let ideas = [
        "command",
        "event",
        "log",
        "step by step",
        "catching up",
        "Replicas",
        "slow",
        "wrote",
        "Compensation",
        "past",
        "Rebuild",
        "Replay",
    ];
    assert_eq!(headings.len(), ideas.len() + 2, "{headings:?}");
    for (heading, idea) in headings[1..].iter().zip(ideas) {
        assert!(heading.contains(idea), "{heading} is not about {idea}");
    }
}

#[test]
fn what_is_in_bold_is_done_with_the_words_that_follow() {
    let text = "Do it: **press** `c`, **type**\n`:a b` and **see** the gap of `orders` pass `20`.\n\n```console\n$ highwater x\nan … answer\n```\n**See** `d … e`.";
    let expected = [
        Step::Press("c".into()),
        Step::Type(":a b".into()),
        Step::GapPasses("orders".into(), 20),
        Step::Run("highwater x".into(), vec!["an … answer".into()]),
        Step::See("d … e".into()),
    ];
    assert_eq!(steps(text), expected);
    assert!(fits(
        "1 row at position 7, 0 s old",
        "1 row at position …, … old"
    ));
    assert!(!fits(
        "10 rows at position 7, 0 s old",
        "0 rows at position …, … old"
    ));
    assert!(!fits("1 row", "1 row at position …"));
}
