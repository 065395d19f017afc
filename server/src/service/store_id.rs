//! Whether the object store is the database's own: both keep the same random id. A replica with a folder of its own
//! would take photos that no other one finds, and nobody would be told.

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

/// Refuses an object store that says it is another database's. Where neither side has an id yet, `fresh` becomes it: the
/// object first, and of replicas that start at once all take the same one.
///
/// Objects that were restored from an older copy than the database may lack theirs; it is written again. A store that
/// cannot be asked or written now stops no server: entries need none.
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

/// Keeps `id` where there is none; answers the one that is kept.
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

/// Writes the object where there is none; answers what stands there.
async fn written(blobs: &Blobs, id: &str) -> Result<String, Failure> {
    blobs
        .put_new(&ObjectName::StoreId, Bytes::from(id.to_owned()))
        .await?;
    let found = object(blobs).await?;
    found.ok_or_else(|| Failure::internal("an object that was just written is not there"))
}
