//! Small photos as the photo pipeline produces them, all different: one tiny picture with comments of seeded
//! bytes.

use anyhow::Result;
use media::PreparedPhoto;
use protocol::photo::Sha256;
use simdisk::Rng;
use std::sync::OnceLock;

const SIDE: u16 = 16;
/// A photo whose number has none of these bits is large and is uploaded in parts.
pub const LARGE: u64 = 0x3F;
/// Bytes of the comment; makes a photo of about 2 kB.
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

/// The photo with this number.
pub fn photo(number: u64) -> Result<PreparedPhoto> {
    let base = base()?;
    let (comments, length) = if number & LARGE == 0 {
        (2, 45_000)
    } else {
        (1, COMMENT)
    };
    let mut rng = Rng(number);
    let mut comment = vec![0; length];
    let mut jpeg = Vec::with_capacity(base.len() + comments * (length + 4));
    let (start, rest) = base.split_at(2.min(base.len()));
    jpeg.extend_from_slice(start);
    for _ in 0..comments {
        rng.fill(&mut comment);
        jpeg.extend_from_slice(&[0xFF, 0xFE]);
        jpeg.extend_from_slice(&u16::try_from(length + 2)?.to_be_bytes());
        jpeg.extend_from_slice(&comment);
    }
    jpeg.extend_from_slice(rest);
    Ok(PreparedPhoto {
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
