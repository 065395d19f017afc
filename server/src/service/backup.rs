//! A backup of a city while its server runs: first the database, then the objects that it names, each read back and compared
//! with its hash. A second backup into the same folder copies only the objects that are new.

use crate::{
    app::{object_name::ObjectName, objects::Blobs},
    grids::release,
    kernel::failure::Failure,
    params,
    store::{
        copy::{self, CopyError},
        database::Store,
        error::StoreError,
        tx::Tx,
    },
};
use protocol::{ids::StreamId, photo::Sha256, problem::ProblemCode};
use serde::Serialize;
use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The copy of the database.
    pub database: PathBuf,
    /// Objects in the folder, and how many of them this call copied.
    pub objects: u64,
    pub copied: u64,
    /// Objects that the database names and the object store does not hold, or holds damaged.
    pub missing: Vec<String>,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Failure(#[from] Failure),
    #[error("{path}: {error}")]
    Folder { path: String, error: std::io::Error },
}

/// Backs up what `options` name into `to`, which is created if it is missing. `store` and `blobs` are of the same city; its
/// server may run.
///
/// # Errors
/// [`BackupError`]. A missing object is no error: [`Backup::missing`] names it.
pub async fn make(url: &str, store: &Store, blobs: &Blobs, to: &Path) -> Result<Backup, BackupError> {
    private(to)?;
    let (url, folder) = (url.to_owned(), to.to_owned());
    let copied = tokio::task::spawn_blocking(move || copy::copy(&url, &folder));
    let database = copied.await.map_err(Failure::internal)??;
    private(&to.join("objects"))?;
    let copies = Blobs::folder(&to.join("objects"))?;
    let mut backup = Backup {
        database,
        objects: 0,
        copied: 0,
        missing: Vec::new(),
    };
    // Read after the copy: every object of the copy is among them, because objects are never renamed.
    for wanted in store.read(files).await? {
        carry(blobs, &copies, wanted, &mut backup).await?;
    }
    let mut after = None;
    loop {
        let page = store.read(move |tx| held_photos(tx, after)).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = Some(*last);
        for (stream, sha256) in page {
            let wanted = Wanted {
                name: ObjectName::Photo { stream, sha256 },
                sha256: Some(sha256),
                may_be_missing: false,
            };
            carry(blobs, &copies, wanted, &mut backup).await?;
        }
    }
    Ok(backup)
}

/// Whether opening the database at `url` would migrate it.
///
/// # Errors
/// [`BackupError`]: the database cannot be read.
pub async fn needs_migration(url: &str) -> Result<bool, BackupError> {
    let url = url.to_owned();
    let pending = tokio::task::spawn_blocking(move || copy::pending(&url));
    Ok(!pending.await.map_err(Failure::internal)??.is_empty())
}

/// Copies the database at `url` beside the data folder before a migration changes it, unless `without`. Returns the copy. It is
/// not inside, because a database of a version before the keys were sealed holds them in clear.
///
/// # Errors
/// [`CopyError`]: there is no room, or `pg_dump` is missing. Nothing was migrated.
pub async fn before_migration(url: &str, data: &Path, without: bool) -> Result<Option<PathBuf>, BackupError> {
    let url = url.to_owned();
    let pending = tokio::task::spawn_blocking({
        let url = url.clone();
        move || copy::pending(&url)
    });
    let pending = pending.await.map_err(Failure::internal)??;
    let Some(first) = pending.first() else {
        return Ok(None);
    };
    if without {
        tracing::warn!(
            migrations = pending.len(),
            "按 --no-backup 升级数据库，不留副本 / the database is migrated without a copy, as --no-backup says"
        );
        return Ok(None);
    }
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(format!(".before-{:04}", first.version));
    let folder = data.with_file_name(name);
    private(&folder)?;
    let copied = tokio::task::spawn_blocking(move || copy::copy(&url, &folder));
    let file = copied.await.map_err(Failure::internal)??;
    tracing::warn!(
        path = %file.display(),
        "升级前的数据库副本（较早版本的副本含明文密钥）；确认升级正常后请删除 / the database as it was before the migration (of an older \
         version: with its keys in clear); delete it once all is well"
    );
    Ok(Some(file))
}

/// Creates a folder for this user alone; what is above it is created too.
fn private(folder: &Path) -> Result<(), BackupError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| BackupError::Folder {
            path: folder.display().to_string(),
            error,
        })
}

/// An object for the backup.
struct Wanted {
    name: ObjectName,
    /// The hash of its bytes, where the name is not its own proof.
    sha256: Option<Sha256>,
    may_be_missing: bool,
}

/// Copies one object unless the backup has it already.
async fn carry(blobs: &Blobs, copies: &Blobs, wanted: Wanted, backup: &mut Backup) -> Result<(), Failure> {
    let name = wanted.name;
    if name != ObjectName::StoreId && copies.holds(&name).await? {
        backup.objects += 1;
        return Ok(());
    }
    match blobs.get(&name).await {
        Ok(bytes) if wanted.sha256.is_none_or(|sha256| Sha256::of(&bytes) == sha256) => {
            copies.put_durable(&name, bytes).await?;
            backup.objects += 1;
            backup.copied += 1;
        }
        Ok(_) => backup.missing.push(format!("{name} (damaged)")),
        Err(failure) if failure.code() == Some(ProblemCode::NotFound) => {
            if !wanted.may_be_missing {
                backup.missing.push(name.to_string());
            }
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}

/// Photos of one read.
const PAGE: i64 = 500;

/// The photos that the server holds, in the order of stream and hash, from after one of them.
pub fn held_photos(
    tx: &mut Tx<'_>,
    after: Option<(StreamId, Sha256)>,
) -> Result<Vec<(StreamId, Sha256)>, StoreError> {
    let (stream, sha256) = after.map_or_else(Default::default, |(s, h)| (s.to_string(), h.to_string()));
    tx.all(
        "SELECT stream, sha256 FROM photo
         WHERE received IS NOT NULL AND (stream > ?1 OR (stream = ?1 AND sha256 > ?2))
         ORDER BY stream, sha256 LIMIT ?3",
        params![stream, sha256, PAGE],
        |row| Ok((row.parse("stream")?, row.parse("sha256")?)),
    )
}

/// The hashes of the pictures that staff attached.
pub fn attachments(tx: &mut Tx<'_>) -> Result<Vec<Sha256>, StoreError> {
    tx.all(
        "SELECT DISTINCT sha256 FROM attachment ORDER BY sha256",
        params![],
        |row| row.parse("sha256"),
    )
}

/// The hashes of the pictures that are shown of them.
pub fn attachment_views(tx: &mut Tx<'_>) -> Result<Vec<Sha256>, StoreError> {
    tx.all(
        "SELECT DISTINCT shown_sha256 FROM attachment WHERE shown_sha256 IS NOT NULL ORDER BY shown_sha256",
        params![],
        |row| row.parse("shown_sha256"),
    )
}

/// Every object that the database names, but for the photos.
fn files(tx: &mut Tx<'_>) -> Result<Vec<Wanted>, Failure> {
    let hashed = |name, sha256| Wanted {
        name,
        sha256: Some(sha256),
        may_be_missing: false,
    };
    let mut names = vec![Wanted {
        name: ObjectName::StoreId,
        sha256: None,
        may_be_missing: false,
    }];
    for sha256 in attachments(tx)? {
        names.push(hashed(ObjectName::Attachment { sha256 }, sha256));
    }
    for sha256 in attachment_views(tx)? {
        names.push(hashed(ObjectName::AttachmentView { sha256 }, sha256));
        names.push(Wanted {
            name: ObjectName::AttachmentThumbnail { sha256 },
            sha256: None,
            may_be_missing: true,
        });
    }
    names.extend(tx.all(
        "SELECT sha256 FROM reference_file UNION SELECT sha256 FROM grid WHERE in_force IS NOT NULL
         UNION SELECT second_sha256 AS sha256 FROM grid WHERE in_force IS NOT NULL AND second_sha256 IS NOT NULL",
        params![],
        |row| {
            let sha256 = row.parse("sha256")?;
            Ok(hashed(ObjectName::Reference { sha256 }, sha256))
        },
    )?);
    if let Some(app) = release::current(tx)? {
        let sha256 = app.release.sha256;
        names.push(hashed(ObjectName::Reference { sha256 }, sha256));
    }
    // A fault may also be a photo that its terminal lost.
    names.extend(tx.all(
        "SELECT stream, sha256 FROM photo WHERE received IS NULL AND fault IS NOT NULL",
        params![],
        |row| {
            let (stream, sha256) = (row.parse("stream")?, row.parse("sha256")?);
            Ok(Wanted {
                name: ObjectName::ParcelFile { stream, sha256 },
                sha256: Some(sha256),
                may_be_missing: true,
            })
        },
    )?);
    Ok(names)
}
