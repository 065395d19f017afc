//! Follows grids that take force on another replica.

use crate::{app::state::App, kernel::clock::every, store::hint::Hint};
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Loads grids that took force on another replica, at once when told so and every few seconds in any case, until
/// the server stops. Each replica does this for itself. Until it has, it files under the version that was in
/// force just before, which the row names; nothing else depends on which of the two it was.
pub async fn watch(app: App) {
    let mut hints = app.store.hints();
    let mut ticks = every(Duration::from_secs(10));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = told(&mut hints) => {}
        }
        match app.grids.renew(&app.store, &app.blobs).await {
            Ok(true) => tracing::info!("grids in force were renewed"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "grids could not be renewed, it is tried again"),
        }
    }
}

/// Waits for a hint that a grid took force.
async fn told(hints: &mut Receiver<Hint>) {
    loop {
        match hints.recv().await {
            Ok(Hint::Grids | Hint::All) | Err(RecvError::Lagged(_)) => return,
            Ok(Hint::Mailbox(_) | Hint::Jobs) => {}
            // Nobody will say anything any more; the ticks remain.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
