//! Points at which a test can have this process killed, to show that nothing is lost there. In a
//! release build there are none.

/// Kills this process at once, as `SIGKILL` would, where `HIGHWATER_CRASH_AT` names this point.
pub(crate) fn point(name: &str) {
    if cfg!(debug_assertions) && std::env::var("HIGHWATER_CRASH_AT").is_ok_and(|at| at == name) {
        std::process::abort();
    }
}
