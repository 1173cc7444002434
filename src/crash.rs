//! Points at which a test can have this process killed, to show that nothing is lost there, or can have it
//! panic. In a release build there are none. And how a panic in somebody else's code becomes an error.
//!
//! A test names a point (`before-switch`), how many times it is to be passed before (`half-removed:3` is the
//! third time), or several at once (`process-*:12` is the twelfth point of these, whichever it is).

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// Whether a panic in this thread is waited for.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs code that is not ours. Whatever it was working on counts as broken where it panics.
///
/// Errors: it panicked; with its message.
pub(crate) fn catching<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(before);
    done.map_err(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        format!("its code panicked: {}", message.unwrap_or_default())
    })
}

/// Whether a panic in this thread is caught and told of: then nobody else needs to do anything.
pub(crate) fn is_caught() -> bool {
    CAUGHT.get()
}

/// How often a point that is named was come to.
static PASSED: AtomicU64 = AtomicU64::new(0);

/// Kills this process at once, as `SIGKILL` would, where `HIGHWATER_CRASH_AT` names this point.
pub(crate) fn point(name: &str) {
    if is_at("HIGHWATER_CRASH_AT", name) {
        std::process::abort();
    }
}

/// Panics where `HIGHWATER_PANIC_AT` names this point.
pub(crate) fn panic_point(name: &str) {
    if is_at("HIGHWATER_PANIC_AT", name) {
        #[allow(clippy::panic, reason = "it is what a test asked for")]
        {
            panic!("asked to, at {name:?}");
        }
    }
}

fn is_at(variable: &str, name: &str) -> bool {
    if !cfg!(debug_assertions) {
        return false;
    }
    let Ok(wanted) = std::env::var(variable) else {
        return false;
    };
    let (wanted, nth) = match wanted.split_once(':') {
        Some((wanted, nth)) => (wanted, nth.parse().unwrap_or(1)),
        None => (wanted.as_str(), 1),
    };
    let same = match wanted.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == wanted,
    };
    same && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == nth
}
