//! Which events mend what in the rows that a read model has of a key, in words.

use std::collections::BTreeMap;

use super::super::super::rows;
use super::VALUE;
use crate::event::Position;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::workspace::{Cell, KeyedModel};

/// A time of day where the date would leave no room for it.
pub(super) fn brief(value: String, room: usize) -> String {
    let is_time = value.len() >= 20 && value.as_bytes()[10] == b'T' && value.ends_with('Z');
    match value.get(11..23) {
        Some(time) if is_time && value.len() > room => time.trim_end_matches('Z').to_owned(),
        _ => value,
    }
}

/// Two times of the same day without it.
fn of_one_day(now: String, then: String) -> (String, String) {
    match (now.get(..11), then.get(..11)) {
        (Some(day), Some(other)) if day == other => (brief(now, 0), brief(then, 0)),
        _ => (now, then),
    }
}

/// The events that mend something, each with what; a row that comes or goes is one thing.
pub(super) fn mends(model: &KeyedModel, theme: &Theme) -> BTreeMap<Position, Vec<String>> {
    let mut mends: BTreeMap<Position, Vec<String>> = BTreeMap::new();
    for table in &model.coming.tables {
        for row in table.rows.iter().filter(|row| row.is_stale()) {
            let last = row.mends.iter().flatten().map(|mend| mend.position).max();
            match (&row.now, &row.then, last) {
                (None, Some(_), Some(last)) => {
                    let words = format!("a row comes into {}", text::clean(&table.name));
                    mends.entry(last).or_default().push(words);
                }
                (Some(_), None, Some(last)) => {
                    let words = format!("a row goes from {}", text::clean(&table.name));
                    mends.entry(last).or_default().push(words);
                }
                (Some(now), Some(then), _) => {
                    for (at, mend) in row.mends.iter().enumerate() {
                        let Some(mend) = mend else { continue };
                        let value = |row: &Vec<Cell>| {
                            row.get(at)
                                .map_or_else(String::new, |c| rows::value(c, VALUE.1))
                        };
                        let (now, then) = of_one_day(value(now), value(then));
                        let column = table.columns.get(at).map_or("", String::as_str);
                        let words = format!(
                            "{} {now} {} {then}",
                            text::clean(column),
                            theme.glyphs.becomes,
                        );
                        mends.entry(mend.position).or_default().push(words);
                    }
                }
                _ => {}
            }
        }
    }
    mends
}
