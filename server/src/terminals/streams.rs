//! The table `stream`: who uses which terminal for which post, and until when.

use crate::{
    params,
    store::{error::StoreError, hint::Hint, tx::Tx},
};
use protocol::{
    field::{Certificate, SignedCertificate},
    ids::{StreamId, TerminalId},
    sign::Signature,
    time::Millis,
};

/// Inserts a stream: at enrolment, and when a restored server readmits one.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    certificate: &Certificate,
    signed: &SignedCertificate,
    device: &str,
    now: Millis,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO stream (id, terminal, post, person, public_key, certificate, signature, device,
                             predecessor, created, revoked, last_contact)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL, ?11)",
        params![
            certificate.stream.to_string(),
            certificate.terminal.to_string(),
            certificate.post.to_string(),
            certificate.holder.to_string(),
            certificate.key.to_string(),
            &signed.certificate,
            signed.signature.to_string(),
            device,
            certificate.predecessor.map(|s| s.to_string()),
            certificate.issued.0,
            now.0
        ],
    )?;
    Ok(())
}

/// Notes that a terminal of the stream reached the server at `now`.
pub fn contact(tx: &mut Tx<'_>, stream: StreamId, now: Millis) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE stream SET last_contact = ?2 WHERE id = ?1",
        params![stream.to_string(), now.0],
    )?;
    Ok(())
}

/// Notes that a parcel of the stream arrived at `now`. `last` says that the terminal holds nothing more; the first
/// such time is kept.
pub fn handed_over(tx: &mut Tx<'_>, stream: StreamId, now: Millis, last: bool) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE stream SET last_contact = ?2,
             handed_over = CASE WHEN ?3 AND handed_over IS NULL THEN ?2 ELSE handed_over END WHERE id = ?1",
        params![stream.to_string(), now.0, last],
    )?;
    Ok(())
}

/// Orders the wipe of a terminal for all its streams and revokes those that are still active. Returns the streams that
/// were revoked by this call. A stream that was revoked before gets the order as well.
pub fn order_wipe(tx: &mut Tx<'_>, terminal: TerminalId, now: Millis) -> Result<Vec<StreamId>, StoreError> {
    tx.execute(
        "UPDATE stream SET wipe_ordered = ?2 WHERE terminal = ?1 AND wipe_ordered IS NULL",
        params![terminal.to_string(), now.0],
    )?;
    let streams = tx.all(
        "SELECT id FROM stream WHERE terminal = ?1 AND revoked IS NULL ORDER BY id",
        params![terminal.to_string()],
        |row| row.parse("id"),
    )?;
    for stream in &streams {
        revoke(tx, *stream, now)?;
    }
    Ok(streams)
}

/// Revokes a stream, deletes its tokens and ends its streams of events on all replicas (SP-06). Returns true if the stream was active.
pub fn revoke(tx: &mut Tx<'_>, stream: StreamId, now: Millis) -> Result<bool, StoreError> {
    let id = stream.to_string();
    let changed = tx.execute(
        "UPDATE stream SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL",
        params![&id, now.0],
    )?;
    tx.execute("DELETE FROM field_token WHERE stream = ?1", params![&id])?;
    tx.after_commit(Hint::Ended(id));
    Ok(changed > 0)
}

/// The signature of a stream's certificate; an error if there is no such stream.
pub fn signature_of(tx: &mut Tx<'_>, stream: StreamId) -> Result<Signature, StoreError> {
    tx.one(
        "SELECT signature FROM stream WHERE id = ?1",
        params![stream.to_string()],
        |row| row.parse("signature"),
    )
}

/// The terminal of a stream; an error if there is no such stream.
pub fn terminal_of(tx: &mut Tx<'_>, stream: StreamId) -> Result<TerminalId, StoreError> {
    tx.one(
        "SELECT terminal FROM stream WHERE id = ?1",
        params![stream.to_string()],
        |row| row.parse("terminal"),
    )
}
