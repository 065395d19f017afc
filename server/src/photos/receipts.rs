//! Photos that entries and parcels name: which may be uploaded, which are missing, and the receipt of one that came in
//! a parcel. `tus` writes the rows of uploads and their receipts.

use crate::{
    app::{
        changes::Change,
        ctx::Ctx,
        tally::{self, CountedKind},
    },
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    field::PhotoReceipt,
    ids::{EntryId, StreamId},
    parcel::SealedPhoto,
    photo::Sha256,
    problem::ProblemCode,
    time::Millis,
};

/// Allows the upload of a photo that an entry of the stream names; `size` in bytes. The same hash named twice in a
/// stream is one photo; it is compared again, for the entry that names it now. Call before the entry's rows are written.
pub(crate) fn name(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    stream: StreamId,
    sha256: Sha256,
    size: u64,
) -> Result<(), StoreError> {
    let is_known = expect(tx, ctx, stream, sha256, size)?;
    if is_known && !is_named(tx, stream, sha256)? {
        // A parcel brought it before its entry came.
        let held: Option<i64> = tx.one(
            "SELECT received FROM photo WHERE stream = ?1 AND sha256 = ?2",
            params![stream.to_string(), sha256.to_string()],
            |row| row.get("received"),
        )?;
        ctx.tally.add(CountedKind::Unnamed, stream, tally::NAMED, -1);
        ctx.tally.add(
            CountedKind::Unnamed,
            stream,
            tally::HELD,
            -i64::from(held.is_some()),
        );
    }
    Ok(())
}

/// Returns true if an entry of the stream names the photo.
fn is_named(tx: &mut Tx<'_>, stream: StreamId, sha256: Sha256) -> Result<bool, StoreError> {
    let by = tx.opt(
        "SELECT entry FROM entry_photo WHERE stream = ?1 AND sha256 = ?2 LIMIT 1",
        params![stream.to_string(), sha256.to_string()],
        |row| row.get::<String>("entry"),
    )?;
    Ok(by.is_some())
}

/// Counts a photo that the server holds now (`n` = 1), or holds no longer (-1).
pub(super) fn count_held(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    stream: StreamId,
    sha256: Sha256,
    n: i64,
) -> Result<(), StoreError> {
    ctx.tally.add(CountedKind::Photo, stream, tally::HELD, n);
    if !is_named(tx, stream, sha256)? {
        ctx.tally.add(CountedKind::Unnamed, stream, tally::HELD, n);
    }
    Ok(())
}

/// Adds the row of a photo; returns true if there was one.
fn expect(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    stream: StreamId,
    sha256: Sha256,
    size: u64,
) -> Result<bool, StoreError> {
    let (owner, hash) = (stream.to_string(), sha256.to_string());
    let known = tx.execute(
        "UPDATE photo SET compared = NULL WHERE stream = ?1 AND sha256 = ?2",
        params![&owner, &hash],
    )?;
    if known == 0 {
        tx.run(
            "INSERT INTO photo (stream, sha256, size) VALUES (?1, ?2, ?3)",
            params![&owner, &hash, i64::try_from(size).unwrap_or(i64::MAX)],
        )?;
        ctx.tally.add(CountedKind::Photo, stream, tally::NAMED, 1);
    }
    Ok(known > 0)
}

/// Records why the terminal cannot deliver a photo. No effect if the server already holds the photo.
pub(crate) fn missing(
    tx: &mut Tx<'_>,
    stream: StreamId,
    sha256: Sha256,
    code: &str,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE photo SET fault = ?3 WHERE stream = ?1 AND sha256 = ?2 AND received IS NULL",
        params![stream.to_string(), sha256.to_string(), code],
    )?;
    Ok(())
}

/// Records that the bytes of a photo of a parcel are stored, and reports the change for each entry that names it. With
/// a `fault` the bytes are stored but are not a photo, so the row is not marked as received.
pub(crate) fn hold(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    stream: StreamId,
    photo: SealedPhoto,
    fault: Option<ProblemCode>,
) -> Result<PhotoReceipt, Failure> {
    let (owner, hash) = (stream.to_string(), photo.sha256.to_string());
    if !expect(tx, ctx, stream, photo.sha256, photo.size)? {
        ctx.tally.add(CountedKind::Unnamed, stream, tally::NAMED, 1);
    }
    let received = if fault.is_none() { Some(ctx.now.0) } else { None };
    let news = tx.execute(
        "UPDATE photo SET received = ?3, fault = ?4 WHERE stream = ?1 AND sha256 = ?2 AND received IS NULL",
        params![&owner, &hash, received, fault.map(ProblemCode::as_str)],
    )?;
    if news > 0 && fault.is_none() {
        count_held(tx, ctx, stream, photo.sha256, 1)?;
        let entries: Vec<EntryId> = tx.all(
            "SELECT DISTINCT entry FROM entry_photo WHERE stream = ?1 AND sha256 = ?2 ORDER BY entry",
            params![&owner, &hash],
            |row| row.parse("entry"),
        )?;
        for entry in entries {
            ctx.changed(Change::PhotoHeld { entry });
        }
    }
    let held: Option<i64> = tx.one(
        "SELECT received FROM photo WHERE stream = ?1 AND sha256 = ?2",
        params![&owner, &hash],
        |row| row.get("received"),
    )?;
    Ok(PhotoReceipt {
        sha256: photo.sha256,
        size: photo.size,
        received: Millis(held.unwrap_or(ctx.now.0)),
    })
}
