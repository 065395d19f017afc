//! Checks that the object store belongs to the database: both hold the same random id. A replica that uses another folder
//! would store photos that no other replica finds, without any error.

use super::start_error::StartError;
use crate::{
    app::{meta, object_name::ObjectName, objects::Blobs},
    kernel::failure::Failure,
    store::{database::Store, error::StoreError},
};
use bytes::Bytes;
use protocol::problem::ProblemCode;

/// The row in `meta`.
const ROW: &str = "store_id";

/// Refuses an object store with the id of another database. If neither side has an id, `fresh` is stored, the object
/// first; replicas that start at the same time agree on one id.
///
/// If only the object is missing (objects restored from an older backup than the database), it is written again. An
/// object store that cannot be reached does not prevent the start, because entries do not need it.
pub(super) async fn settle(store: &Store, blobs: &Blobs, fresh: [u8; 16]) -> Result<(), StartError> {
    let row = row(store).await?;
    let (id, found) = match (row, object(blobs).await) {
        (_, Err(failure)) => return unsettled(&failure),
        (Some(id), Ok(Some(found))) => (id, found),
        (Some(id), Ok(None)) => {
            tracing::error!(
                "对象存储中没有 store-id：可能恢复了较早的备份，也可能不是这个数据库的对象存储，请核实；现已重新写入 / \
                 the object store has no store-id: an older copy was restored, or it is not this database's; it is \
                 written again"
            );
            match written(blobs, &id).await {
                Ok(found) => (id, found),
                Err(failure) => return unsettled(&failure),
            }
        }
        (None, Ok(found)) => {
            let found = match found {
                Some(found) => found,
                None => match written(blobs, &hex::encode(fresh)).await {
                    Ok(found) => found,
                    Err(failure) => return unsettled(&failure),
                },
            };
            (kept(store, found.clone()).await?, found)
        }
    };
    if id == found {
        return Ok(());
    }
    Err(StartError::OtherObjects {
        database: id,
        objects: found,
    })
}

fn unsettled(failure: &Failure) -> Result<(), StartError> {
    tracing::error!(%failure, "对象存储暂时无法核对 / whether the object store is this database's cannot be told now");
    Ok(())
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
