//! Waiting for somebody to say stop: Ctrl-C, or a signal of the system.

/// Ready when this process is asked to stop: SIGINT, SIGTERM or SIGHUP; where there are no signals, Ctrl-C.
#[cfg(unix)]
pub async fn asked() {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| async move {
        match signal(kind) {
            Ok(mut signals) => drop(signals.recv().await),
            // One that cannot be listened to ends the process as the system has it.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = listen(SignalKind::interrupt()) => {}
        () = listen(SignalKind::terminate()) => {}
        () = listen(SignalKind::hangup()) => {}
    }
}

/// Ready when this process is asked to stop: SIGINT, SIGTERM or SIGHUP; where there are no signals, Ctrl-C.
#[cfg(not(unix))]
pub async fn asked() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
