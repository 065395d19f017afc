//! How much of the handset's disk the store and its photos take.

use crate::{
    Result,
    store::{database::HandsetStore, sql::uint},
};

/// What this account takes on the disk, in bytes. Reference data and reference photos are inside the database, but for
/// the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageUse {
    /// The database, without its write-ahead log.
    pub database: u64,
    /// Of the database: catalogue and other reference files, and the parts of those that are being fetched.
    pub reference: u64,
    /// The grid's file beside the database, and the package of a newer app until it is installed.
    pub grid: u64,
    /// Photos that only this handset holds.
    pub photos_waiting: u64,
    /// Photos that the server holds too; they are deleted 30 days after it received them.
    pub photos_kept: u64,
}

impl HandsetStore {
    /// What this account takes on the disk. Photos of drafts are not counted.
    pub(crate) fn storage_use(&self) -> Result<StorageUse> {
        let grid = self.own_files_size()?;
        self.read(|c| {
            let sum = |sql: &str| -> Result<u64> {
                let bytes = c.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))?;
                uint(bytes)
            };
            Ok(StorageUse {
                database: sum("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
                reference: sum(
                    "SELECT coalesce((SELECT sum(length(bytes)) FROM blob), 0)
                          + coalesce((SELECT sum(length(bytes)) FROM blob_part), 0)",
                )?,
                grid,
                // A photo that several items name has one file; it waits while one of them waits.
                photos_waiting: sum(
                    "SELECT coalesce(sum(size), 0) FROM (
                         SELECT max(size) AS size FROM photo GROUP BY sha256 HAVING max(custody = 'waiting') = 1)",
                )?,
                photos_kept: sum(
                    "SELECT coalesce(sum(size), 0) FROM (
                         SELECT max(size) AS size FROM photo GROUP BY sha256 HAVING max(custody = 'waiting') = 0)",
                )?,
            })
        })
    }
}
