//! 'Did you mean …?': the names that somebody who mistyped one may have meant.

/// The candidates that are close to `name`, closest first, at most three.
pub fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let part = wanted.len() >= 3 && (lower.contains(&wanted) || wanted.contains(&lower));
            let distance = distance(&wanted, &lower);
            let allowed = 1 + wanted.chars().count().min(64) / 4;
            (part || distance <= allowed).then_some((distance, candidate))
        })
        .collect();
    close.sort_by_key(|&(distance, _)| distance);
    close.truncate(3);
    close.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Levenshtein's: how many characters to add, drop or change. Only the first 64 of each count.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["PlaceOrder", "ProcessPayment", "ShipOrder", "CancelOrder"];

    #[test]
    fn slips_of_the_finger_and_parts_find_the_name() {
        assert_eq!(near("placeorder", NAMES)[0], "PlaceOrder");
        assert_eq!(near("PlaecOrder", NAMES)[0], "PlaceOrder");
        assert_eq!(near("payment", NAMES), ["ProcessPayment"]);
        assert_eq!(near("Order", NAMES).len(), 3);
    }

    #[test]
    fn what_is_far_from_everything_finds_nothing() {
        assert!(near("xyzzy", NAMES).is_empty());
        assert!(near("", NAMES).is_empty());
        assert!(near(&"x".repeat(100_000), NAMES).is_empty());
    }
}
