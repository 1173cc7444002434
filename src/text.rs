//! Text for people: stored text made harmless for a terminal, and numbers, durations and sizes as they
//! are read.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::Duration;

use crate::event::is_disguise;

/// What stands for a character that is not shown: U+FFFD, the replacement character.
const HIDDEN: &str = "\u{FFFD}";

/// Text that neither moves the cursor nor reorders what stands around it: each control and
/// bidirectional format character becomes U+FFFD. Line ends and tabs are control characters too.
///
/// ```
/// use highwater::text::clean;
/// assert_eq!(clean("café ☕"), "café ☕");
/// assert_eq!(clean("a\u{1b}[2Jb\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}c");
/// ```
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(is_disguise) {
        Cow::Owned(text.replace(is_disguise, HIDDEN))
    } else {
        Cow::Borrowed(text)
    }
}

/// What the program that runs is called, once somebody has said so.
static PROGRAM: OnceLock<String> = OnceLock::new();

/// What hints call the program that runs, as in '`highwater run` starts an engine': `highwater`, until
/// [`program_is`] says otherwise.
pub fn program() -> &'static str {
    PROGRAM.get().map_or("highwater", String::as_str)
}

/// Says what the program that runs is called. The first time counts; a name that a shell would not take as one
/// word does not.
pub fn program_is(name: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        PROGRAM.get_or_init(|| name.to_owned());
    }
}

/// A number with its thousands apart: `128,403`.
///
/// ```
/// assert_eq!(highwater::text::thousands(128_403), "128,403");
/// ```
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration, rounded to two or three digits, in one unit up to a minute and in two from there:
/// `340 µs`, `2.1 ms`, `4.2 s`, `3m 20s`, `2h 05m`, `3d 04h`. No time at all is `0 s`.
///
/// ```
/// use std::time::Duration;
/// use highwater::text::human_duration;
/// assert_eq!(human_duration(Duration::from_micros(2_140)), "2.1 ms");
/// assert_eq!(human_duration(Duration::from_secs(7_500)), "2h 05m");
/// ```
pub fn human_duration(duration: Duration) -> String {
    const UNITS: [(u128, u128, &str); 4] = [
        (1, 1_000, "ns"),
        (1_000, 1_000, "µs"),
        (1_000_000, 1_000, "ms"),
        (1_000_000_000, 60, "s"),
    ];
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0 s".to_owned();
    }
    for (size, limit, unit) in UNITS {
        if let Some(number) = digits(nanos, size, limit) {
            return format!("{number} {unit}");
        }
    }
    let seconds = rounded(nanos, 1_000_000_000);
    if seconds < 3_600 {
        return format!("{}m {:02}s", seconds / 60, seconds % 60);
    }
    let minutes = rounded(seconds, 60);
    if minutes < 24 * 60 {
        return format!("{}h {:02}m", minutes / 60, minutes % 60);
    }
    let hours = rounded(minutes, 60);
    format!("{}d {:02}h", hours / 24, hours % 24)
}

/// A size, rounded to two or three digits, in units of 1,024: `512 B`, `1.5 KiB`, `64 MiB`.
///
/// ```
/// assert_eq!(highwater::text::human_bytes(1_536), "1.5 KiB");
/// ```
pub fn human_bytes(bytes: u64) -> String {
    let mut size = 1;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] {
        if let Some(number) = digits(u128::from(bytes), size, 1_024) {
            return format!("{number} {unit}");
        }
        size *= 1_024;
    }
    format!("{} EiB", rounded(u128::from(bytes), size))
}

/// `amount / size`: whole from 10 on, with a tenth below; `None` where it rounds to `limit` or more,
/// and belongs to the next unit.
fn digits(amount: u128, size: u128, limit: u128) -> Option<String> {
    let tenths = rounded(amount.saturating_mul(10), size);
    let whole = rounded(amount, size);
    if size > 1 && tenths < 100 {
        Some(format!("{}.{}", tenths / 10, tenths % 10))
    } else {
        (whole < limit).then(|| whole.to_string())
    }
}

fn rounded(amount: u128, size: u128) -> u128 {
    amount.saturating_add(size / 2) / size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_not_copied() {
        for text in ["", "plain", "bestelling-é-日本", "a\u{200b}b"] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn no_character_that_disguises_text_is_left() {
        let hostile = "a\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2066}\u{200f}\u{2028}\r\n\tb\u{7f}";
        let clean = clean(hostile);
        assert!(!clean.contains(is_disguise));
        assert_eq!(clean.chars().count(), hostile.chars().count());
        assert!(clean.starts_with("a\u{fffd}]0;x\u{fffd}") && clean.ends_with("b\u{fffd}"));
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (128_403, "128,403"),
            (1_000_000, "1,000,000"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn durations_round_into_the_unit_they_belong_to() {
        let nanos = |n: u64| Duration::from_nanos(n);
        for (duration, text) in [
            (nanos(0), "0 s"),
            (nanos(340), "340 ns"),
            (nanos(1_500), "1.5 µs"),
            (nanos(340_000), "340 µs"),
            (nanos(999_600), "1.0 ms"),
            (nanos(2_140_000), "2.1 ms"),
            (nanos(9_960_000), "10 ms"),
            (nanos(128_400_000), "128 ms"),
            (nanos(999_500_000), "1.0 s"),
            (nanos(4_249_000_000), "4.2 s"),
            (nanos(59_400_000_000), "59 s"),
            (nanos(59_500_000_000), "1m 00s"),
            (Duration::from_secs(200), "3m 20s"),
            (nanos(3_599_500_000_000), "1h 00m"),
            (Duration::from_secs(7_500), "2h 05m"),
            (Duration::from_secs(86_390), "1d 00h"),
            (Duration::from_secs(3 * 86_400 + 4 * 3_600), "3d 04h"),
        ] {
            assert_eq!(human_duration(duration), text, "{duration:?}");
        }
        assert!(human_duration(Duration::MAX).ends_with('h'));
    }

    #[test]
    fn sizes_round_into_the_unit_they_belong_to() {
        for (bytes, text) in [
            (0, "0 B"),
            (512, "512 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (64 << 20, "64 MiB"),
            (3 << 40, "3.0 TiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
