//! The columns of the table of projections: as somebody names them in a configuration, as they are headed, and what is
//! sorted by each.

use super::widgets::columns::Column;

/// A column of the table of projections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnName {
    /// What it is doing.
    Status,
    /// Its name, and version where there is room.
    Name,
    /// When it applies events.
    Policy,
    /// The last position that it contains.
    Checkpoint,
    /// Positions to the head.
    Gap,
    /// Events to the head that concern it.
    Behind,
    /// How old it is, beside its objective.
    Age,
    /// Events stored a second that concern it.
    Stored,
    /// Events applied a second.
    Applied,
    /// When it will have caught up.
    Eta,
    /// From stored to visible, at worst for 99 of 100.
    P99,
    /// Events that are parked; shown while there are any.
    Parked,
    /// Its age over the last minute.
    History,
}

impl ColumnName {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::Status,
        Self::Name,
        Self::Policy,
        Self::Checkpoint,
        Self::Gap,
        Self::Behind,
        Self::Age,
        Self::Stored,
        Self::Applied,
        Self::Eta,
        Self::P99,
        Self::Parked,
        Self::History,
    ];

    /// As it is written in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Name => "name",
            Self::Policy => "policy",
            Self::Checkpoint => "checkpoint",
            Self::Gap => "gap",
            Self::Behind => "behind",
            Self::Age => "age",
            Self::Stored => "in",
            Self::Applied => "out",
            Self::Eta => "eta",
            Self::P99 => "p99",
            Self::Parked => "parked",
            Self::History => "history",
        }
    }

    /// Its heading in the table.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Name => "projection",
            Self::Age => "age / objective",
            Self::Stored => "in/s",
            Self::Applied => "out/s",
            Self::Eta => "ETA",
            Self::History => "age, 1m",
            other => other.name(),
        }
    }

    /// Its place among all, by which the table is sorted; `None` where nothing is sorted by it.
    pub(super) fn sorts(self) -> Option<usize> {
        let at = Self::ALL.iter().position(|column| *column == self);
        at.filter(|_| self != Self::History)
    }

    /// The column at a place among all, or the last.
    pub(super) fn at(place: usize) -> Self {
        Self::ALL[place.min(Self::ALL.len() - 1)]
    }
}

/// Only the columns that somebody wants, in that order: the first ones stay longest. All, where nobody says.
pub(super) fn wanted(
    all: Vec<(ColumnName, Column)>,
    names: &[ColumnName],
) -> Vec<(ColumnName, Column)> {
    if names.is_empty() {
        return all;
    }
    let ranked = (1_u8..).zip(names).filter_map(|(rank, name)| {
        let (_, column) = all.iter().find(|(other, _)| other == name)?;
        Some((*name, Column { rank, ..*column }))
    });
    ranked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_history_sort_and_are_found_again_by_their_place() {
        for column in ColumnName::ALL {
            match column.sorts() {
                Some(place) => assert_eq!(ColumnName::at(place), column),
                None => assert_eq!(column, ColumnName::History),
            }
        }
    }
}
