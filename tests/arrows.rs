//! Who may know whom: reads the source and keeps the arrows of `ARCHITECTURE.md`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each module of the library, and the modules that it may know. What stands above may know what stands
/// below; `write` and `read` stand side by side and are strangers, and the demo domain is `write`'s user.
const ARROWS: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("crash", &[]),
    ("text", &["event"]),
    ("lag", &["event", "text"]),
    ("cloudevents", &["event", "text"]),
    ("log", &["event", "text", "crash"]),
    ("read", &["event", "text", "log", "crash"]),
    ("write", &["event", "text", "log", "crash"]),
    ("transfer", &["event", "text", "log", "cloudevents"]),
    ("shop", &["write", "event"]),
    (
        "workspace",
        &[
            "event",
            "text",
            "log",
            "lag",
            "read",
            "write",
            "crash",
            "cloudevents",
            "transfer",
        ],
    ),
    ("metrics", &["event", "text", "lag", "workspace"]),
    // `crash` is where a test can have it panic.
    ("ui", &["event", "text", "lag", "workspace", "crash"]),
];

/// Above everything: who knows everybody's public face, and is known by nobody below.
const ABOVE: &[&str] = &["main", "lib", "cli", "demo"];

/// A file's limit, without its tests.
const LINES: usize = 600;

struct Source {
    /// Below `src`.
    path: PathBuf,
    /// The first part of its path: which module it belongs to.
    module: String,
    /// As it is.
    text: String,
    /// Without comments, text in quotation marks, and tests.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(source(&root, &path));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 30, "only {} files below src", found.len());
    found
}

fn source(root: &Path, path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap();
    let below = path.strip_prefix(root).unwrap().to_owned();
    let module = below.iter().next().unwrap().to_str().unwrap();
    let code = if is_test(&below) {
        String::new()
    } else {
        bare(without_tests(&text))
    };
    Source {
        module: module.trim_end_matches(".rs").to_owned(),
        path: below,
        text,
        code,
    }
}

/// Files that are compiled for tests only. What they use says nothing about the program.
fn is_test(below: &Path) -> bool {
    below.iter().any(|part| {
        let part = part.to_str().unwrap().trim_end_matches(".rs");
        part == "tests" || part == "testing"
    })
}

/// Tests in a file stand at its end.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod ")
        .map_or(text, |at| &text[..at])
}

/// Without comments and without what stands in quotation marks.
fn bare(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |at| at + 5)
        } else if rest.starts_with("'\"'") || rest.starts_with("b'\"'") {
            rest[1..].find('\'').map_or(1, |at| at + 4)
        } else if c == '"' {
            quoted(rest)
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[skip.min(rest.len())..];
    }
    code
}

/// How long the text in quotation marks is that stands at the beginning, with its marks.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The modules of this crate that a file names: `crate::…`, in `use` lines and elsewhere, and what
/// `super` reaches of the crate's root.
fn known(source: &Source) -> BTreeSet<String> {
    let mut known = after(&source.code, "crate::");
    let depth = source.path.iter().count()
        - usize::from(source.path.file_stem().is_some_and(|s| s == "mod"));
    known.extend(after(&source.code, &"super::".repeat(depth)));
    if matches!(source.path.to_str().unwrap(), "main.rs") {
        known.extend(after(&source.code, "highwater::"));
    }
    known
}

/// The words that stand after a path's beginning, each of them where there are several in braces.
fn after(code: &str, beginning: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (at, _) in code.match_indices(beginning) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
            continue;
        }
        let rest = &code[at + beginning.len()..];
        match rest.strip_prefix('{') {
            Some(several) => words.extend(in_braces(several)),
            None => words.extend(word(rest)),
        }
    }
    words.remove("super");
    words.remove("self");
    words
}

/// `a, b::{c, d}, e}` → a, b, e
fn in_braces(several: &str) -> Vec<String> {
    let (mut words, mut depth, mut start) = (Vec::new(), 0, true);
    for (at, c) in several.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && !c.is_whitespace() => {
                words.extend(word(&several[at..]));
                start = false;
            }
            _ => {}
        }
    }
    words
}

fn word(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// Fails with every offence at once.
fn none(what: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{what}:\n{}", offences.join("\n"));
}

#[test]
fn arrows_go_down_only() {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut offences = Vec::new();
    for source in sources() {
        if ABOVE.contains(&source.module.as_str()) {
            continue;
        }
        let Some(allowed) = arrows.get(source.module.as_str()) else {
            offences.push(format!(
                "{}: module {} has no arrows: say in this test whom it may know",
                source.path.display(),
                source.module
            ));
            continue;
        };
        for other in known(&source) {
            if (arrows.contains_key(other.as_str()) || ABOVE.contains(&other.as_str()))
                && other != source.module
                && !allowed.contains(&other.as_str())
            {
                offences.push(format!("{} knows {other}", source.path.display()));
            }
        }
    }
    none("arrows that there must not be", &offences);
}

/// Crates that only some parts may use, as the beginnings of those parts' paths.
const CRATES: &[(&str, &[&str])] = &[
    // Snapshots are the write side's own: what it keeps of its states can be thrown away, and is in no log.
    (
        "rusqlite",
        &["log/sqlite", "read", "write/snapshots/sqlite.rs"],
    ),
    ("ratatui", &["ui"]),
    ("crossterm", &["ui", "cli"]),
    ("clap", &["cli", "main.rs"]),
    ("color_eyre", &["cli", "main.rs"]),
    ("indicatif", &["cli"]),
];

#[test]
fn a_crate_is_used_where_it_belongs_only() {
    let mut offences = Vec::new();
    for source in sources() {
        for (name, parts) in CRATES {
            let path = source.path.to_str().unwrap();
            if !parts.iter().any(|part| path.starts_with(part))
                && !after(&source.code, &format!("{name}::")).is_empty()
            {
                offences.push(format!("{path} uses {name}"));
            }
        }
    }
    none("crates out of their place", &offences);
}

#[test]
fn lag_and_policies_hold_no_clock() {
    let pure = ["lag", "read/pace.rs", "read/policy.rs", "read/runner"];
    let clocks = [
        "Instant::now",
        "SystemTime",
        "Timestamp::now",
        "sleep",
        "Connection",
    ];
    let mut offences = Vec::new();
    for source in sources() {
        let path = source.path.to_str().unwrap();
        if pure.iter().any(|part| path.starts_with(part)) {
            let found = clocks.iter().filter(|clock| source.code.contains(**clock));
            offences.extend(found.map(|clock| format!("{path}: {clock}")));
        }
    }
    none("clocks and databases where there are none", &offences);
}

/// The dashboard gets everything from a snapshot and asks for everything through the operator. Where its
/// own words go (a picture of the screen), one file says so.
#[test]
fn the_dashboard_reads_no_files() {
    let offences: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.module == "ui" && source.path != Path::new("ui/run.rs"))
        .filter(|source| {
            ["std::fs", "File::", "std::net", "Workspace::"]
                .iter()
                .any(|word| source.code.contains(word))
        })
        .map(|source| source.path.display().to_string())
        .collect();
    none("files in the dashboard", &offences);
}

#[test]
fn every_file_says_its_job_first() {
    let offences: Vec<_> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.display().to_string())
        .collect();
    none("files without a head", &offences);
}

#[test]
fn no_file_is_longer_than_it_should_be() {
    let offences: Vec<_> = sources()
        .into_iter()
        .filter(|source| !is_test(&source.path))
        .map(|source| (without_tests(&source.text).lines().count(), source.path))
        .filter(|(lines, _)| *lines > LINES)
        .map(|(lines, path)| format!("{} has {lines} lines", path.display()))
        .collect();
    none(
        &format!("files over {LINES} lines: look for the seam"),
        &offences,
    );
}

#[test]
fn the_reader_of_arrows_sees_them() {
    let code = bare(
        "// use crate::a;\nuse crate::{b::{x, y}, c};\nlet s = \"crate::d\"; crate::e::f();\nmycrate::g;",
    );
    let found: Vec<_> = after(&code, "crate::").into_iter().collect();
    assert_eq!(found, ["b", "c", "e"]);
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {}"), "a\n");
}
