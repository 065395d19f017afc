//! Names of the files in a home folder. Existing handsets use them, so they never change.

use protocol::photo::Sha256;
use std::path::{Path, PathBuf};

/// The account's database.
pub const DATABASE: &str = "account.db";
/// Folder of the sealed photos.
pub const PHOTOS: &str = "photos";
/// The key file of the command line.
pub const KEY_FILE: &str = "keys.json";
/// The card: whose database this is, without secrets. Read when the database itself is damaged.
pub(crate) const CARD: &str = "stream.json";
/// Suffix of the card that was moved to quarantine together with its database.
pub(crate) const CARD_WITH: &str = ".json";
/// Held while a quarantined database is read and handed over.
pub(crate) const SALVAGE_LOCK: &str = "salvage.lock";
/// Working folder of a salvage.
pub(crate) const SALVAGE_FOLDER: &str = "salvage.tmp";
/// Held while a process decides and files.
pub(crate) const WORK_LOCK: &str = "work.lock";
/// Held while a process syncs.
pub(crate) const SYNC_LOCK: &str = "sync.lock";
/// Space that is kept for a sync on a full disk.
pub(crate) const RESERVE: &str = "reserve";
/// [`RESERVE`] while it is being written.
pub(crate) const RESERVE_PART: &str = ".reserve.part";
/// The note that remains in a home that was handed over and wiped.
pub const NOTE: &str = "handed-over.json";
/// [`NOTE`] while the wipe is not finished.
pub(crate) const WIPING: &str = "handed-over.json.wiping";
/// Folder of the further users' homes: `users/N`.
pub(crate) const USERS: &str = "users";
/// The settings for the network, of all users of the phone.
pub(crate) const PHONE_SETTINGS: &str = "network-settings.json";
/// The metered bytes of each user's stream, by month.
pub(crate) const PHONE_DATA_USE: &str = "data-use.json";
/// Held while a file of the phone is changed.
pub(crate) const PHONE_LOCK: &str = "phone.lock";
/// Contains the number of the current user's home below [`USERS`]; without the file, the folder itself is the
/// current home.
pub(crate) const CURRENT_USER: &str = "current-user";

/// A grid pack while it is being written.
pub(crate) const GRID_PART: &str = ".grid.part";

/// The name of a grid pack's file.
pub(crate) fn grid_file_name(sha256: Sha256) -> String {
    format!("grid-{sha256}.pack")
}

/// Returns true for a grid pack of any version, also for one that is not complete.
pub(crate) fn is_grid_file(name: &str) -> bool {
    let hash = name
        .strip_prefix("grid-")
        .and_then(|rest| rest.strip_suffix(".pack"));
    name == GRID_PART || hash.is_some_and(|hash| hash.parse::<Sha256>().is_ok())
}

/// The package of a newer app while it is being written.
pub(crate) const APP_PART: &str = ".app.part";

/// The name of an app's package.
pub(crate) fn app_file_name(sha256: Sha256) -> String {
    format!("app-{sha256}.apk")
}

/// Returns true for an app's package, also for one that is not complete.
pub(crate) fn is_app_file(name: &str) -> bool {
    let hash = name
        .strip_prefix("app-")
        .and_then(|rest| rest.strip_suffix(".apk"));
    name == APP_PART || hash.is_some_and(|hash| hash.parse::<Sha256>().is_ok())
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
