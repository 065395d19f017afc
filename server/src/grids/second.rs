//! The pack of format 2 of a grid version, a third of the size, which newer handsets prefer
//! (`docs/adr/0026-second-format-of-the-pack.md`). It is written once for each version: at its import, or by the first
//! server that finds a version without it, which a program before format 2 imported.

use crate::{
    app::{object_name::ObjectName, objects::Blobs, state::App},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use bytes::Bytes;
use grid::pack::{Pack, PackStyle, WriteError, rewrite};
use protocol::{photo::Sha256, problem::ProblemCode, time::Millis};
use std::collections::BTreeSet;

/// A pack of format 2 in the object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SecondPack {
    sha256: Sha256,
    size: u64,
}

/// Writes the pack of format 2 of a whole pack and stores it; no row names it yet. `None` if these cells cannot be
/// written so: handsets then fetch format 1.
pub(super) async fn keep(blobs: &Blobs, pack: Bytes) -> Result<Option<SecondPack>, Failure> {
    let written = tokio::task::spawn_blocking(move || {
        let pack = Pack::open(&pack).map_err(WriteError::from)?;
        rewrite(pack, PackStyle::Handset)
    });
    let bytes = match written.await.map_err(Failure::internal)? {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) => {
            tracing::warn!(%error, "this grid has no pack of format 2; handsets fetch format 1");
            return Ok(None);
        }
    };
    let second = SecondPack {
        sha256: Sha256::of(&bytes),
        size: bytes.len() as u64,
    };
    let name = ObjectName::Reference {
        sha256: second.sha256,
    };
    blobs.put_durable(&name, bytes).await?;
    Ok(Some(second))
}

/// Names the pack of format 2 of an imported version. Changes nothing if it has one.
pub(super) fn put(tx: &mut Tx<'_>, grid: Sha256, second: &SecondPack, now: Millis) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE grid SET second_sha256 = ?2, second_size = ?3, second_written = ?4
         WHERE sha256 = ?1 AND second_sha256 IS NULL",
        params![
            grid.to_string(),
            second.sha256.to_string(),
            i64::try_from(second.size).unwrap_or(i64::MAX),
            now.0
        ],
    )?;
    Ok(())
}

/// Versions whose pack of format 2 this process could not write: a second attempt would end alike.
#[derive(Debug, Default)]
pub struct Unwritten(BTreeSet<Sha256>);

/// Writes the packs of format 2 that are missing of the grids that handsets fetch. Returns how many were written.
///
/// # Errors
/// Errors of the store and of the object store; call it again.
pub async fn complete(app: &App, unwritten: &mut Unwritten) -> Result<u64, Failure> {
    let missing: Vec<Sha256> = app
        .read(|tx| {
            Ok(tx.all(
                "SELECT g.sha256 FROM reference_file f JOIN grid g ON g.version = f.version AND g.sha256 = f.sha256
                 WHERE f.name = 'grid' AND g.second_sha256 IS NULL ORDER BY g.county",
                params![],
                |row| row.parse("sha256"),
            )?)
        })
        .await?;
    let mut written = 0;
    for grid in missing {
        if unwritten.0.contains(&grid) {
            continue;
        }
        let second = match app.blobs.get(&ObjectName::Reference { sha256: grid }).await {
            Ok(pack) => keep(&app.blobs, pack).await?,
            // A new import of the version brings it back, and the pack of format 2 with it.
            Err(error) if error.code() == Some(ProblemCode::NotFound) => None,
            Err(error) => return Err(error),
        };
        let Some(second) = second else {
            unwritten.0.insert(grid);
            continue;
        };
        app.write(move |tx, ctx| Ok(put(tx, grid, &second, ctx.now)?))
            .await?;
        written += 1;
    }
    Ok(written)
}
