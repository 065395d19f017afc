//! Values by name: settings of the store itself, and of the program that uses it.

use crate::{
    Result,
    store::{database::HandsetStore, sql::parse},
};
use protocol::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};

pub(super) mod keys {
    pub const ACCOUNT: &str = "account";
    pub const PENDING_ENROLMENT: &str = "enrolment";
    pub const EPOCH: &str = "epoch";
    pub const CURSOR: &str = "cursor";
    pub const NEXT_N: &str = "next_n";
    pub const SERVER_CLOCK: &str = "server_clock";
    pub const MARK: &str = "mark";
    pub const LAST_SYNC: &str = "last_sync";
    pub const LAST_CONTACT: &str = "last_contact";
    /// Time that the server stated last.
    pub const LAST_SERVER_TIME: &str = "last_server_time";
    /// The latest satellite fixes of this boot.
    pub const SEEN_FIXES: &str = "seen_fixes";
    pub const LAST_FIX: &str = "last_fix";
    /// Photo files that nothing names, and since when, as JSON.
    pub const UNNAMED_PHOTOS: &str = "unnamed_photos";
    /// What the operator asks of evidence, as JSON.
    pub const ASKED_EVIDENCE: &str = "asked_evidence";
    pub const MATTER_USE: &str = "matter_use";
    /// Bytes of a photo that the way to the server takes at once, and when it refused more.
    pub const PHOTO_LIMIT: &str = "photo_limit";
    /// Bytes of a photo that the last requests over such a network carried well, and when.
    pub const PHOTO_PART_FREE: &str = "photo_part_free";
    /// See [`PHOTO_PART_FREE`].
    pub const PHOTO_PART_METERED: &str = "photo_part_metered";
    /// See [`PHOTO_PART_FREE`].
    pub const PHOTO_PART_ROAMING: &str = "photo_part_roaming";
    /// When a firewall refused other methods than GET and POST.
    pub const ONLY_POST: &str = "only_post";
    /// Bytes of the entries of one push that the way to the server takes, and when it refused more.
    pub const PUSH_LIMIT: &str = "push_limit";
    /// The release that the manifest names, as JSON.
    pub const APP_RELEASE: &str = "release";
    /// Bytes of it that are stored.
    pub const APP_HAVE: &str = "release_have";
    /// The build of the app that runs here.
    pub const APP_BUILD: &str = "build";
}

pub(super) fn get(connection: &Connection, key: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT value FROM setting WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

pub(super) fn set(connection: &Connection, key: &str, value: &str) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![key, value])?;
    Ok(())
}

impl HandsetStore {
    /// A setting of the program; the store's own settings have other keys.
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        self.read(|c| get(c, &format!("app.{key}")))
    }
    /// Sets a setting durably.
    pub fn set_setting(&self, key: &str, value: &str) -> Result<()> {
        self.write(|tx| set(tx, &format!("app.{key}"), value))
    }
    /// The server's epoch as last seen.
    pub fn epoch(&self) -> Result<Option<String>> {
        self.read(|c| get(c, keys::EPOCH))
    }
    /// Time at which the last sync ended with nothing left to do: the best estimate.
    pub fn last_sync(&self) -> Result<Option<Millis>> {
        self.read(|c| {
            get(c, keys::LAST_SYNC)?
                .map(|t| parse(&t).map(Millis))
                .transpose()
        })
    }
    pub(crate) fn set_last_sync(&self, at: Millis) -> Result<()> {
        self.write(|tx| set(tx, keys::LAST_SYNC, &at.0.to_string()))
    }
    /// The server's time at its last answer.
    pub(crate) fn last_server_time(&self) -> Result<Option<Millis>> {
        self.read(|c| {
            get(c, keys::LAST_SERVER_TIME)?
                .map(|t| parse(&t).map(Millis))
                .transpose()
        })
    }
    /// Wall-clock time of the server's last answer.
    pub fn last_contact(&self) -> Result<Option<Millis>> {
        self.read(|c| {
            get(c, keys::LAST_CONTACT)?
                .map(|t| parse(&t).map(Millis))
                .transpose()
        })
    }
}
