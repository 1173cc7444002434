//! The small grammars inside a projection's file: what stands behind `-- on` and `-- query`, and where
//! one statement ends and the next begins.

use std::collections::BTreeSet;

use super::{Replica, Section};
use crate::read::policy::PolicyError;

/// `OrderPlaced, "with spaces"` or `*`.
pub(super) fn parse_types(text: &str) -> Result<Option<BTreeSet<String>>, String> {
    if text.trim() == "*" {
        return Ok(None);
    }
    let mut types = BTreeSet::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest[1..]
                .split_once(quote)
                .ok_or_else(|| format!("the quotation mark of {rest} is never closed"))?,
            _ => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim_end(), &rest[end..])
            }
        };
        let quoted = rest.starts_with(['"', '\'']);
        if name.is_empty() || name == "*" || (!quoted && name.contains(char::is_whitespace)) {
            return Err(format!(
                "event type {name:?}: put a comma between types, and a type that has spaces in quotation marks"
            ));
        }
        crate::event::EventType::new(name).map_err(|e| e.to_string())?;
        types.insert(name.to_owned());
        rest = after.trim_start();
        if let Some(next) = rest.strip_prefix(',') {
            rest = next.trim_start();
        } else if !rest.is_empty() {
            return Err(format!("a comma is missing before {rest:?}"));
        }
    }
    if types.is_empty() {
        Err("no event type: name one, or `*` for all".to_owned())
    } else {
        Ok(Some(types))
    }
}

/// `GetOrderById(order_id)`.
pub(super) fn parse_query(text: &str) -> Result<(String, Vec<String>), String> {
    let form = || format!("query {text:?}: write it as Name(parameter, …)");
    let (name, rest) = text.trim().split_once('(').ok_or_else(form)?;
    let inner = rest.trim_end().strip_suffix(')').ok_or_else(form)?;
    let parameters: Vec<String> = inner
        .split(',')
        .map(|p| p.trim().to_owned())
        .filter(|p| !p.is_empty())
        .collect();
    if is_word(name.trim()) && parameters.iter().all(|p| is_word(p)) {
        Ok((name.trim().to_owned(), parameters))
    } else {
        Err(form())
    }
}

/// `eu live, us delay 800ms, ap every 5s`.
pub(super) fn parse_replicas(text: &str) -> Result<Vec<Replica>, String> {
    let mut replicas: Vec<Replica> = Vec::new();
    for given in text.split(',').map(str::trim) {
        let (name, policy) = given
            .split_once(char::is_whitespace)
            .filter(|(name, _)| is_word(name))
            .ok_or_else(|| {
                format!(
                    "replica {given:?}: write a name and a policy, as `eu live, us delay 800ms`"
                )
            })?;
        if replicas.iter().any(|known| known.name == name) {
            return Err(format!("replica {name} is there twice: rename one"));
        }
        let policy = policy.parse().map_err(|e: PolicyError| e.to_string())?;
        replicas.push(Replica {
            name: name.to_owned(),
            policy,
        });
    }
    Ok(replicas)
}

/// Cuts SQL at the semicolons that end statements: those outside of quotation marks and comments.
pub(super) fn split(section: &Section) -> Vec<Section> {
    let sql = &section.sql;
    let mut statements = Vec::new();
    let mut start = 0;
    let mut inside: Option<&str> = None; // what ends the quotation or comment that we are in
    let mut bytes = sql.char_indices();
    while let Some((at, c)) = bytes.next() {
        let rest = &sql[at..];
        if let Some(end) = inside {
            if rest.starts_with(end) {
                for _ in 1..end.len() {
                    bytes.next();
                }
                inside = None;
            }
            continue;
        }
        inside = match c {
            '\'' => Some("'"),
            '"' => Some("\""),
            '`' => Some("`"),
            '[' => Some("]"),
            '-' if rest.starts_with("--") => Some("\n"),
            '/' if rest.starts_with("/*") => {
                bytes.next();
                Some("*/")
            }
            _ => None,
        };
        if c == ';' && inside.is_none() {
            push_statement(&mut statements, section, start, at + 1);
            start = at + 1;
        }
    }
    push_statement(&mut statements, section, start, sql.len());
    statements
}

fn push_statement(statements: &mut Vec<Section>, section: &Section, start: usize, end: usize) {
    // White space and comments before it go, so that it begins on the line that is named.
    let mut rest = section.sql[start..end].trim_start();
    while let Some((comment, end)) = comment(rest) {
        rest = comment
            .split_once(end)
            .map_or("", |(_, after)| after.trim_start());
    }
    if !rest.is_empty() && rest != ";" {
        let line = section.line + section.sql[..end - rest.len()].matches('\n').count();
        statements.push(Section {
            sql: rest.to_owned(),
            line,
        });
    }
}

/// What stands after the beginning of a comment, and what ends it; `None` where none begins.
fn comment(text: &str) -> Option<(&str, &'static str)> {
    let to_the_lines_end = text.strip_prefix("--").map(|rest| (rest, "\n"));
    to_the_lines_end.or_else(|| Some((text.strip_prefix("/*")?, "*/")))
}

/// Letters, digits and `_`.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}
