//! Two ways of doing the same work, in turns, and how they compare.
//!
//! Machines are noisy: what counts is the ratio of two neighbours in time, and how far it spreads.

use std::time::Instant;

/// One kind of work: how often a second it is done through the crate and by bare statements, a pair a round.
pub struct Ratio {
    what: &'static str,
    budget: &'static str,
    pairs: Vec<(f64, f64)>,
}

impl Ratio {
    /// Does the work in turns, so many times each; each turn answers how much it did a second ([`a_second`]).
    /// Whoever begins, alternates.
    pub fn measure(
        what: &'static str,
        budget: &'static str,
        rounds: usize,
        mut ours: impl FnMut() -> f64,
        mut bare: impl FnMut() -> f64,
    ) {
        // For a profile.
        let is_alone = std::env::args().any(|arg| arg == "alone");
        let mut bare = || if is_alone { f64::NAN } else { bare() };
        // The first of each warms up caches and files.
        ours();
        bare();
        let pairs = (0..rounds)
            .map(|round| {
                if round % 2 == 0 {
                    let ours = ours();
                    (ours, bare())
                } else {
                    let bare = bare();
                    (ours(), bare)
                }
            })
            .collect();
        let ratio = Self {
            what,
            budget,
            pairs,
        };
        println!("{}", ratio.row());
    }

    /// The table's head.
    pub fn head() -> String {
        format!(
            "| {:<40} | {:>10} | {:>10} | {:>5} | {:>11} | {:>6} |\n|{}|",
            "what",
            "crate/s",
            "bare/s",
            "ratio",
            "spread",
            "budget",
            [
                "-".repeat(42),
                "-".repeat(11) + ":",
                "-".repeat(11) + ":",
                "-".repeat(6) + ":",
                "-".repeat(12) + ":",
                "-".repeat(7) + ":"
            ]
            .join("|")
        )
    }

    /// The middle of the rounds' ratios, and between which the middle half of them lies.
    fn row(&self) -> String {
        let ratios = sorted(self.pairs.iter().map(|(ours, bare)| ours / bare));
        let quarter = ratios.len() / 4;
        let ours = sorted(self.pairs.iter().map(|pair| pair.0));
        let bare = sorted(self.pairs.iter().map(|pair| pair.1));
        format!(
            "| {:<40} | {:>10.0} | {:>10.0} | {:>5.2} | {:>4.2} – {:>4.2} | {:>6} |",
            self.what,
            middle(&ours),
            middle(&bare),
            middle(&ratios),
            ratios[quarter],
            ratios[ratios.len() - 1 - quarter],
            self.budget
        )
    }
}

/// How many a second that is, where the work does so many. What it needs is prepared before.
pub fn a_second(many: u64, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    many as f64 / began.elapsed().as_secs_f64()
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

fn middle(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}
