//! Loads what changed in the database outside this process: grid versions that another replica put in force, years of the
//! calendar that the operator imported.

use super::{
    reference,
    second::{self, Unwritten},
};
use crate::{
    app::state::App,
    kernel::{clock::every, failure::Failure},
    store::hint::Hint,
};
use std::time::Duration;

/// Loads grid versions that another replica put in force: after each hint and every 10 s, until the server stops. Each
/// replica runs it. Until the new version is loaded, this replica files cases under the previous version; the row names
/// the version, and nothing else depends on it. Also writes the packs that newer handsets prefer, of versions that a
/// program before format 2 imported.
pub async fn watch(app: App) {
    let mut hints = app.store.listen(vec![Hint::Grids]);
    let mut unwritten = Unwritten::default();
    let mut ticks = every(Duration::from_secs(10));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = hints.heard() => {}
        }
        match app.grids.renew(&app.store, &app.blobs).await {
            Ok(true) => tracing::info!("loaded new grid versions"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "loading new grid versions failed, will retry"),
        }
        match second::complete(&app, &mut unwritten).await {
            Ok(0) => {}
            Ok(packs) => tracing::info!(packs, "wrote packs of format 2 for handsets"),
            Err(error) => tracing::warn!(%error, "writing packs of format 2 failed, will retry"),
        }
        if let Err(error) = calendar(&app).await {
            tracing::warn!(%error, "loading the calendar failed, will retry");
        }
    }
}

/// Loads years of the calendar that were imported, and publishes them for the handsets.
async fn calendar(app: &App) -> Result<(), Failure> {
    if app.calendar.renew(&app.store).await? {
        tracing::info!("loaded new years of the calendar");
        reference::publish(app).await?;
    }
    Ok(())
}
