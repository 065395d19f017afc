//! Photos as they come out of the pipeline, small and each another: one tiny picture with a comment of seeded bytes.

use anyhow::Result;
use media::Prepared;
use protocol::photo::Sha256;
use simdisk::Rng;
use std::sync::OnceLock;

const SIDE: u16 = 16;
/// Bytes of the comment: it makes a photo of about 2 kB.
const COMMENT: usize = 1_400;

fn base() -> Result<&'static [u8]> {
    static BASE: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(base) = BASE.get() {
        return Ok(base);
    }
    let mut bytes = Vec::new();
    let pixels = vec![90u8; usize::from(SIDE) * usize::from(SIDE) * 3];
    jpeg_encoder::Encoder::new(&mut bytes, 60).encode(&pixels, SIDE, SIDE, jpeg_encoder::ColorType::Rgb)?;
    Ok(BASE.get_or_init(|| bytes))
}

/// The photo of a number.
pub fn photo(number: u64) -> Result<Prepared> {
    let base = base()?;
    let mut comment = vec![0; COMMENT];
    Rng(number).fill(&mut comment);
    let mut jpeg = Vec::with_capacity(base.len() + COMMENT + 4);
    let (start, rest) = base.split_at(2.min(base.len()));
    jpeg.extend_from_slice(start);
    jpeg.extend_from_slice(&[0xFF, 0xFE]);
    jpeg.extend_from_slice(&u16::try_from(COMMENT + 2)?.to_be_bytes());
    jpeg.extend_from_slice(&comment);
    jpeg.extend_from_slice(rest);
    Ok(Prepared {
        sha256: Sha256::of(&jpeg).0,
        width: SIDE.into(),
        height: SIDE.into(),
        thumbnail: base.to_vec(),
        original_sha256: Sha256::of(&number.to_le_bytes()).0,
        taken_at: None,
        gps: None,
        jpeg,
    })
}
