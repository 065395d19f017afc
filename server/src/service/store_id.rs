//! Checks that the object store belongs to the database: both hold the same random id. A replica that uses another folder
//! would store photos that no other replica finds, without any error.

use super::start_error::StartError;
use crate::{
    app::{meta, object_name::ObjectName, objects::Blobs},
    kernel::failure::Failure,
    params,
    store::{database::Store, error::StoreError, tx::Tx},
};
use bytes::Bytes;
use protocol::problem::ProblemCode;

/// The row in `meta`.
const ROW: &str = "store_id";

/// Refuses an object store with the id of another database, and one without an id beside a database that names photos or
/// files in it, unless `accept_missing`. Returns true if that was accepted. If neither side has an id, the first half of
/// `fresh` is stored, the object first; replicas that start at the same time agree on one id.
///
/// An object store that cannot be reached does not prevent the start, because entries do not need it.
pub(super) async fn settle(
    store: &Store,
    blobs: &Blobs,
    fresh: [u8; 32],
    accept_missing: bool,
) -> Result<bool, StartError> {
    let mut has_lost = false;
    let row = row(store).await?;
    let (id, found) = match (row, object(blobs).await) {
        (_, Err(failure)) => return unsettled(&failure),
        (Some(id), Ok(Some(found))) => (id, found),
        (Some(id), Ok(None)) => {
            has_lost = lacks_photos(store, blobs, accept_missing, true).await?;
            match written(blobs, &id).await {
                Ok(found) => (id, found),
                Err(failure) => return unsettled(&failure),
            }
        }
        (None, Ok(found)) => {
            let found = match found {
                Some(found) => found,
                None => {
                    has_lost = lacks_photos(store, blobs, accept_missing, false).await?;
                    let id = hex::encode(fresh.first_chunk::<16>().unwrap_or(&[0; 16]));
                    match written(blobs, &id).await {
                        Ok(found) => found,
                        Err(failure) => return unsettled(&failure),
                    }
                }
            };
            (kept(store, found.clone()).await?, found)
        }
    };
    if id == found {
        return Ok(has_lost);
    }
    Err(StartError::OtherObjects {
        database: id,
        objects: found,
    })
}

/// Whether the database names photos or files of which an object store without an id holds none. A store that holds some is
/// an older copy, which handsets complete, if the database had an id (`had_id`); else both are of a version without ids.
///
/// # Errors
/// [`StartError::ObjectsMissing`] if it is so and the operator did not accept that.
async fn lacks_photos(
    store: &Store,
    blobs: &Blobs,
    accept_missing: bool,
    had_id: bool,
) -> Result<bool, StartError> {
    let (held, some) = store.read(named_objects).await?;
    for name in &some {
        if blobs.holds(name).await? {
            if had_id {
                tracing::error!(
                    "对象存储中没有 store-id：可能恢复了较早的备份，请核实；现已重新写入 / the object store has no store-id: an \
                     older copy was restored; it is written again"
                );
            }
            return Ok(false);
        }
    }
    match (some.is_empty(), accept_missing) {
        (true, _) => Ok(false),
        (false, false) => Err(StartError::ObjectsMissing { held }),
        (false, true) => {
            tracing::error!(
                held,
                "对象存储里没有数据库记录的照片和文件，按 --accept-missing-photos 继续：各终端会补传仍保存的照片，xunge-server audit \
                 photos 列出仍缺的 / the object store lacks the photos and files that the database names; handsets are asked \
                 for those that they still keep, and xunge-server audit photos lists what is missing"
            );
            Ok(true)
        }
    }
}

/// How many photos and files the database names, and some of them.
fn named_objects(tx: &mut Tx<'_>) -> Result<(u64, Vec<ObjectName>), StoreError> {
    let held = tx.one(
        "SELECT (SELECT COUNT(*) FROM photo WHERE received IS NOT NULL) + (SELECT COUNT(*) FROM attachment)
              + (SELECT COUNT(*) FROM grid WHERE in_force IS NOT NULL) AS n",
        params![],
        |row| row.get("n"),
    )?;
    let mut some = tx.all(
        "SELECT stream, sha256 FROM photo WHERE received IS NOT NULL ORDER BY received DESC LIMIT 4",
        params![],
        |row| {
            Ok(ObjectName::Photo {
                stream: row.parse("stream")?,
                sha256: row.parse("sha256")?,
            })
        },
    )?;
    some.extend(tx.all("SELECT sha256 FROM attachment LIMIT 2", params![], |row| {
        let sha256 = row.parse("sha256")?;
        Ok(ObjectName::Attachment { sha256 })
    })?);
    some.extend(tx.all(
        "SELECT sha256 FROM grid WHERE in_force IS NOT NULL LIMIT 2",
        params![],
        |row| {
            let sha256 = row.parse("sha256")?;
            Ok(ObjectName::Reference { sha256 })
        },
    )?);
    Ok((held, some))
}

fn unsettled(failure: &Failure) -> Result<bool, StartError> {
    tracing::error!(%failure, "对象存储暂时无法核对 / whether the object store is this database's cannot be told now");
    Ok(false)
}

async fn row(store: &Store) -> Result<Option<String>, StoreError> {
    store.read(|tx| meta::read(tx, ROW)).await
}

/// Stores `id` if the database has none, and returns the stored id.
async fn kept(store: &Store, id: String) -> Result<String, StoreError> {
    store.write(move |tx| meta::keep(tx, ROW, &id)).await
}

async fn object(blobs: &Blobs) -> Result<Option<String>, Failure> {
    match blobs.get(&ObjectName::StoreId).await {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned())),
        Err(failure) if failure.code() == Some(ProblemCode::NotFound) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Writes the object if it does not exist, and returns its content.
async fn written(blobs: &Blobs, id: &str) -> Result<String, Failure> {
    blobs
        .put_new(&ObjectName::StoreId, Bytes::from(id.to_owned()))
        .await?;
    let found = object(blobs).await?;
    found.ok_or_else(|| Failure::internal("the object is missing directly after it was written"))
}
