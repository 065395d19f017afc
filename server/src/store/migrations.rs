//! The migrations of the schema: numbered SQL files for both engines, each in one transaction.
//!
//! To add one, write `server/migrations/NNNN_name.sql` by the rules of portable SQL in the
//! [store's documentation](super) and add its line to [`MIGRATIONS`]. Never edit an
//! applied file: every database holds its hash, and a binary with another text refuses to start.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    error::{Internal, StoreError},
    tx::Tx,
};
use crate::params;

/// One migration.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Numbered from 1 without gaps.
    pub version: i64,
    pub name: &'static str,
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal => $file:literal),* $(,)?) => {
        &[$(Migration { version: $version, name: $name, sql: include_str!(concat!("../../migrations/", $file)) }),*]
    };
}

/// All migrations, in order.
pub const MIGRATIONS: &[Migration] = migrations![
    1 "meta" => "0001_meta.sql",
    2 "people" => "0002_people.sql",
    3 "intake" => "0003_intake.sql",
    4 "work" => "0004_work.sql",
    5 "divisions" => "0005_divisions.sql",
    6 "accounts" => "0006_accounts.sql",
    7 "job" => "0007_job.sql",
    8 "attachment_upload" => "0008_attachment_upload.sql",
    9 "parcel" => "0009_parcel.sql",
    10 "history" => "0010_history.sql",
    11 "privacy" => "0011_privacy.sql",
    12 "sign_in" => "0012_sign_in.sql",
    13 "calendar" => "0013_calendar.sql",
    14 "entry_time" => "0014_entry_time.sql",
    15 "photo_evidence" => "0015_photo_evidence.sql",
    16 "refused_entry" => "0016_refused_entry.sql",
    17 "fewer_pages" => "0017_fewer_pages.sql",
    18 "growth" => "0018_growth.sql",
    19 "grid_second" => "0019_grid_second.sql",
    20 "fewer_scans" => "0020_fewer_scans.sql",
];

/// The closure of one migration transaction.
pub(super) type MigrationClosure<'c> = dyn FnMut(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'c;

/// Attempts of a migration: replicas that start at the same time race for it, and the losers retry.
const ATTEMPTS: u32 = 8;

/// Applies all new `migrations`. `write` runs one transaction.
///
/// # Errors
/// [`StoreError::MigrationNewer`] and [`StoreError::MigrationChanged`] leave the database as it was.
pub(super) fn run(
    migrations: &[Migration],
    now: fn() -> Timestamp,
    write: &mut dyn FnMut(&mut MigrationClosure<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    retry(|| {
        write(&mut |tx| {
            tx.batch(
                "CREATE TABLE IF NOT EXISTS schema_migration (
                    version BIGINT PRIMARY KEY,
                    name TEXT NOT NULL,
                    sha256 TEXT NOT NULL,
                    applied_at TEXT NOT NULL
                )",
            )
        })
    })?;
    refuse_newer(migrations, write)?;
    for migration in migrations {
        let result = retry(|| write(&mut |tx| step(tx, migration, now)));
        result.map_err(|error| match error {
            StoreError::Statement { .. }
            | StoreError::Conflict { .. }
            | StoreError::ForeignKey
            | StoreError::Check { .. } => StoreError::MigrationFailed {
                version: migration.version,
                name: migration.name.to_owned(),
                detail: Internal::new(error.detail().unwrap_or(error.code())),
            },
            other => other,
        })?;
    }
    Ok(())
}

/// Applies one migration, unless it is applied already with the same text.
fn step(tx: &mut Tx<'_>, migration: &Migration, now: fn() -> Timestamp) -> Result<(), StoreError> {
    let hash = hash(migration.sql);
    let applied: Option<(String, String)> = tx.opt(
        "SELECT name, sha256 FROM schema_migration WHERE version = ?1",
        params![migration.version],
        |row| Ok((row.get("name")?, row.get("sha256")?)),
    )?;
    match applied {
        Some((name, applied)) if name == migration.name && applied == hash => Ok(()),
        Some((name, _)) => Err(StoreError::MigrationChanged {
            version: migration.version,
            name,
        }),
        None => {
            // Insert the row first: of two replicas, the second one waits or fails here, before it changes the schema.
            tx.execute(
                "INSERT INTO schema_migration (version, name, sha256, applied_at) VALUES (?1, ?2, ?3, ?4)",
                params![migration.version, migration.name, hash, now().to_string()],
            )?;
            tx.batch(migration.sql)
        }
    }
}

fn refuse_newer(
    migrations: &[Migration],
    write: &mut dyn FnMut(&mut MigrationClosure<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let known = migrations.iter().map(|m| m.version).max().unwrap_or(0);
    write(&mut |tx| {
        let found: i64 = tx.one(
            "SELECT COALESCE(MAX(version), 0) AS version FROM schema_migration",
            params![],
            |row| row.get("version"),
        )?;
        if found > known {
            return Err(StoreError::MigrationNewer { found, known });
        }
        Ok(())
    })
}

/// Retries after an error that the simultaneous start of another replica may cause.
fn retry(mut attempt: impl FnMut() -> Result<(), StoreError>) -> Result<(), StoreError> {
    let mut left = ATTEMPTS;
    loop {
        match attempt() {
            Err(StoreError::Conflict { .. } | StoreError::Busy | StoreError::Statement { .. })
                if left > 0 =>
            {
                left -= 1
            }
            result => return result,
        }
        super::backoff::sleep_up_to(std::time::Duration::from_millis(20));
    }
}

/// The hash ignores line endings, so that a checkout with CRLF is the same migration.
fn hash(sql: &str) -> String {
    hex::encode(Sha256::digest(sql.replace("\r\n", "\n").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn migrations_are_numbered_without_gaps() {
        let versions: Vec<i64> = MIGRATIONS.iter().map(|m| m.version).collect();
        assert_eq!(versions, (1..).take(versions.len()).collect::<Vec<_>>());
    }

    #[test]
    fn migrations_use_only_what_both_engines_understand_alike() {
        let forbidden = [
            "int",
            "integer",
            "smallint",
            "real",
            "float",
            "numeric",
            "decimal",
            "varchar",
            "char",
            "blob",
            "json",
            "jsonb",
            "uuid",
            "date",
            "time",
            "timestamp",
            "timestamptz",
            "serial",
            "bigserial",
            "identity",
            "autoincrement",
            "strict",
            "rowid",
            "domain",
            "enum",
            "deferrable",
            "deferred",
            "collate",
            "now",
            "random",
            "replace",
        ];
        for migration in MIGRATIONS {
            let code: String = migration
                .sql
                .lines()
                .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
                .flat_map(|line| [line, "\n"])
                .collect();
            // Text in quotes is data.
            let code: String = code.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
            for (n, line) in code.lines().enumerate() {
                for word in line.split(|c: char| !c.is_alphanumeric() && c != '_') {
                    assert!(
                        !forbidden.contains(&word.to_lowercase().as_str()),
                        "{:04}_{}.sql:{}: {word} is not portable",
                        migration.version,
                        migration.name,
                        n + 1
                    );
                }
            }
        }
    }
}
