//! Points at which a test can have this process killed, to show that nothing is lost there, or can have it
//! panic. In a release build there are none.

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
    cfg!(debug_assertions) && std::env::var(variable).is_ok_and(|at| at == name)
}
