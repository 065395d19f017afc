//! Pictures that look alike: a job computes the perceptual hash of each photo that the server holds and compares it with all
//! others of the city.
//!
//! A job on one replica at a time, so that of two similar photos that arrive together one finds the other, and an upload
//! does not wait for a search.

use super::{
    checks::limits,
    doubts::{self, of_pair},
    uses::of_picture,
};
use crate::{
    app::{changes::Change, ctx::Ctx, object_name::ObjectName, state::App},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx, value::Value},
};
use media::Fingerprint;
use protocol::{
    ids::{EntryId, StreamId},
    photo::Sha256,
    problem::ProblemCode,
};

/// Photos that are read from the database at once.
const AT_ONCE: i64 = 16;
/// Photos that one run compares at most; the next run goes on.
const IN_ONE_RUN: usize = 320;
/// Pictures of one part that are looked at: a bound for a part that too many share.
const CANDIDATES: i64 = 2000;
/// The columns of the four parts, from the lowest bits.
const BANDS: [&str; 4] = ["band_a", "band_b", "band_c", "band_d"];

/// Compares photos that wait for it, oldest first, and returns how many.
pub(crate) async fn sweep(app: &App) -> Result<usize, Failure> {
    let mut compared = 0;
    loop {
        let waiting: Vec<(StreamId, Sha256)> = app
            .read(|tx| {
                Ok(tx.all(
                    "SELECT stream, sha256 FROM photo WHERE compared IS NULL AND received IS NOT NULL
                     ORDER BY received, sha256 LIMIT ?1",
                    params![AT_ONCE],
                    |row| Ok((row.parse("stream")?, row.parse("sha256")?)),
                )?)
            })
            .await?;
        for (stream, sha256) in waiting.iter().copied() {
            compare(app, stream, sha256).await?;
        }
        compared += waiting.len();
        if waiting.is_empty() || compared >= IN_ONE_RUN {
            return Ok(compared);
        }
    }
}

async fn compare(app: &App, stream: StreamId, sha256: Sha256) -> Result<(), Failure> {
    let print = fingerprint(app, stream, sha256).await?;
    let most = app.settings.photo_near_bits;
    app.write(move |tx, ctx| {
        tx.run(
            "UPDATE photo SET compared = ?3 WHERE stream = ?1 AND sha256 = ?2",
            params![stream.to_string(), sha256.to_string(), ctx.now.0],
        )?;
        let Some(print) = print else {
            return Ok(());
        };
        insert(tx, sha256, print)?;
        find_uses(tx, ctx, sha256, print, most)
    })
    .await
}

/// The fingerprint of a stored photo; `None` if it has no content, cannot be decoded, or is not there.
async fn fingerprint(app: &App, stream: StreamId, sha256: Sha256) -> Result<Option<Fingerprint>, Failure> {
    let (limits, name) = (limits(app), ObjectName::Photo { stream, sha256 });
    let looked = app
        .blobs
        .look(&name, move |bytes| media::fingerprint(bytes, &limits));
    let computed = match looked.await {
        Ok(computed) => computed,
        Err(failure) if failure.code() == Some(ProblemCode::NotFound) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    Ok(computed.unwrap_or_else(|error| {
        tracing::warn!(%sha256, %error, "a photo has no fingerprint");
        None
    }))
}

/// The part of a fingerprint, from the lowest bits.
fn band(print: Fingerprint, part: usize) -> u16 {
    let [a, b, c, d, e, f, g, h] = print.0.to_le_bytes();
    let parts = [[a, b], [c, d], [e, f], [g, h]];
    parts.get(part).copied().map_or(0, u16::from_le_bytes)
}

/// Stores the fingerprint of a picture.
pub(super) fn insert(tx: &mut Tx<'_>, sha256: Sha256, print: Fingerprint) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO picture (sha256, print, band_a, band_b, band_c, band_d)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (sha256) DO NOTHING",
        params![
            sha256.to_string(),
            print.0.cast_signed(),
            band(print, 0),
            band(print, 1),
            band(print, 2),
            band(print, 3)
        ],
    )?;
    Ok(())
}

/// Returns the other pictures that differ in at most `most` bits, with the number of bits. Finds all up to 7: of the four
/// parts one then differs in one bit at most, so 17 values of each part are looked up, however many pictures there are.
fn alike(
    tx: &mut Tx<'_>,
    sha256: Sha256,
    print: Fingerprint,
    most: u32,
) -> Result<Vec<(Sha256, u32)>, StoreError> {
    let mut found: Vec<(Sha256, u32)> = Vec::new();
    for (part, column) in BANDS.into_iter().enumerate() {
        let own = band(print, part);
        let values = [own].into_iter().chain((0..16).map(|bit| own ^ (1 << bit)));
        let parameters: Vec<Value> = values.map(Value::from).collect();
        let names: Vec<String> = (1..=parameters.len()).map(|n| format!("?{n}")).collect();
        let sql = format!(
            "SELECT sha256, print FROM picture WHERE {column} IN ({}) LIMIT {CANDIDATES}",
            names.join(", ")
        );
        let candidates = tx.all(&sql, &parameters, |row| {
            let bits: i64 = row.get("print")?;
            let other = Fingerprint(bits.cast_unsigned());
            Ok((row.parse::<Sha256>("sha256")?, print.distance(other)))
        })?;
        found.extend(
            candidates
                .into_iter()
                .filter(|(other, bits)| *bits <= most && *other != sha256),
        );
    }
    found.sort_by_key(|(other, bits)| (*bits, *other));
    found.dedup();
    Ok(found)
}

/// Returns the other pictures that are similar to one whose fingerprint is stored, with the bits in which they differ.
pub(crate) fn similar(tx: &mut Tx<'_>, sha256: Sha256, most: u32) -> Result<Vec<(Sha256, u32)>, StoreError> {
    let print: Option<i64> = tx.opt(
        "SELECT print FROM picture WHERE sha256 = ?1",
        params![sha256.to_string()],
        |row| row.get("print"),
    )?;
    print.map_or(Ok(Vec::new()), |bits| {
        alike(tx, sha256, Fingerprint(bits.cast_unsigned()), most)
    })
}

/// Records a doubt for each pair of entries that should not share a picture.
fn find_uses(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    sha256: Sha256,
    print: Fingerprint,
    most: u32,
) -> Result<(), Failure> {
    let near = alike(tx, sha256, print, most)?;
    if near.is_empty() {
        return Ok(());
    }
    let own = of_picture(tx, sha256)?;
    let mut doubted: Vec<EntryId> = Vec::new();
    for (other, bits) in near {
        let others = of_picture(tx, other)?;
        for (one, two) in own
            .iter()
            .flat_map(|one| others.iter().map(move |two| (one, two)))
        {
            let Some((entry, doubt)) = of_pair(one, two, bits) else {
                continue;
            };
            if doubts::insert(tx, entry, &[doubt], ctx.now)? && !doubted.contains(&entry) {
                doubted.push(entry);
            }
        }
    }
    for entry in doubted {
        ctx.changed(Change::PhotoDoubted { entry });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_01_every_picture_within_seven_bits_shares_a_part_up_to_one_bit() {
        let print = Fingerprint(0x0123_4567_89ab_cdef);
        // Seven bits spread over the parts as evenly as they can be.
        for start in 0..64_u32 {
            let flipped = (0..7).fold(print.0, |bits, n| bits ^ 1 << ((start + 16 * n + n / 4) % 64));
            let other = Fingerprint(flipped);
            assert_eq!(print.distance(other), 7);
            assert!((0..4).any(|part| (band(print, part) ^ band(other, part)).count_ones() <= 1));
        }
    }
}
