//! The server's database is migrated while handsets sync.

use crate::stage::{StoryStage, cases, completeness, entries, file, photos, row};
use e2e::handset::Handset;
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};
use terminal_core::work::ItemState;

on_both_engines!(story_38_migration_while_handsets_sync_loses_nothing,);

/// Takes back what migration 9 did, so that the next start runs it again.
const BEFORE_MIGRATION_9: &str = "
    DROP TABLE parcel_item; DROP TABLE parcel; DROP TABLE parcel_key;
    ALTER TABLE stream DROP COLUMN wipe_ordered; ALTER TABLE stream DROP COLUMN handed_over;
    DELETE FROM schema_migration WHERE version = 9;";

/// Time in which every handset must have delivered everything.
const PATIENCE: Duration = Duration::from_secs(180);

fn story_38_migration_while_handsets_sync_loses_nothing(stage: &StoryStage) {
    let mut city = stage.city();
    let mut handsets: Vec<Handset> = (0..12)
        .map(|k| stage.patroller(&city, &format!("38{k:02}"), None))
        .collect();
    let items: Vec<_> = handsets
        .iter_mut()
        .zip(3800..)
        .map(|(handset, seed)| file(&city, handset, "升级时上报", &[stage.small_photo(seed)]))
        .collect();
    assert!(city.server.stop().unwrap());
    stage.sql(BEFORE_MIGRATION_9);

    // The server is away: the reports are kept, and no handset reports a success.
    for handset in &mut handsets {
        assert!(!handset.sync().unwrap().is_success());
    }

    // All handsets sync again and again while the server starts and migrates.
    thread::scope(|scope| {
        for handset in &mut handsets {
            scope.spawn(move || {
                let until = Instant::now() + PATIENCE;
                while !handset.sync().unwrap().is_success() {
                    assert!(Instant::now() < until, "a handset could not deliver its report");
                }
            });
        }
        city.server.start().unwrap();
    });

    assert_eq!((cases(&city), entries(&city), photos(&city)), (12, 12, (12, 12)));
    for (handset, item) in handsets.iter_mut().zip(items) {
        assert_eq!(row(handset, item).state, ItemState::Received);
        assert_eq!(
            completeness(&city, handset)["mark"],
            json!({"upto": 1, "highest": 1})
        );
    }
    // The migration was not skipped: the tables are there again.
    assert!(city.server.stop().unwrap());
    stage.sql("DELETE FROM parcel_item; UPDATE stream SET handed_over = NULL;");
}
