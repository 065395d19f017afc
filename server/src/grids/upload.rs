//! Receives the body of an import: piece by piece to a file without a name in the data folder, one at a time.

use crate::{
    app::{scratch::Scratch, state::App},
    http::limits::BodyFault,
    kernel::{clock::timer, failure::Failure},
    store::error::StoreError,
};
use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, future::Either, future::select};
use protocol::problem::ProblemCode;
use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    time::Duration,
};
use tokio::io::AsyncWriteExt as _;

/// Maximum size of an imported grid in bytes (16 MiB); a district as GeoJSON has some megabytes, and the check takes ten
/// times the file's size. `xunge-server grid import`
/// has no limit.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Longest time of one upload, so that a slow line does not keep everybody else from importing.
const LONGEST: Duration = Duration::from_secs(600);
/// Seconds after which a second upload may try again.
const RETRY_S: u32 = 30;

/// Receives a body and returns its file. The caller's right was checked before.
///
/// # Errors
/// `server.busy` while another grid arrives, `request.too_large`, `request.timeout`, `server.full`.
pub(super) async fn receive(app: &App, body: Body) -> Result<File, Failure> {
    let receiving = app.scratch.receiving.try_acquire();
    let _receiving = receiving.map_err(|_| Failure::later(ProblemCode::Busy, RETRY_S))?;
    match select(Box::pin(store(&app.scratch, body)), timer(LONGEST)).await {
        Either::Left((stored, _)) => stored,
        Either::Right(_) => Err(Failure::of(ProblemCode::Slow)),
    }
}

async fn store(scratch: &Scratch, body: Body) -> Result<File, Failure> {
    let mut file = tokio::fs::File::from_std(scratch.file().map_err(|e| disk(&e))?);
    let mut pieces = body.into_data_stream();
    let mut size = 0u64;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            let fault = BodyFault::among(&error).map(Failure::from);
            fault.unwrap_or_else(|| Failure::of(ProblemCode::TooLarge))
        })?;
        size += piece.len() as u64;
        if size > MOST_BYTES {
            return Err(Failure::of(ProblemCode::TooLarge));
        }
        file.write_all(&piece).await.map_err(|e| disk(&e))?;
    }
    file.flush().await.map_err(|e| disk(&e))?;
    Ok(file.into_std().await)
}

/// Reads the file. Called when it is this grid's turn to be checked, so that one grid is in memory.
pub(super) fn read(mut file: File) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(|e| disk(&e))?;
    file.read_to_end(&mut bytes).map_err(|e| disk(&e))?;
    Ok(bytes.into())
}

fn disk(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full.into(),
        _ => Failure::internal(format!("temporary file of an import: {error}")),
    }
}
