//! `xunge-1`, the content coding of pushes and their answers: zlib (RFC 1950) with a preset dictionary that both ends
//! know in advance. A report consists of random values (ids, times) and recurring JSON keys; gzip must send those
//! keys, this coding refers to the dictionary.
//!
//! The zlib header names the dictionary by its Adler-32 (RFC 1950 2.2), so a wrong dictionary is detected and never
//! decodes to other bytes. Signatures and hashes always cover the plain bytes. The dictionary of a coding number
//! never changes: a changed dictionary is a new coding with the next number, and a peer that does not know that
//! coding answers 415.

use crate::{
    ids::{PersonId, PostId, StreamId},
    photo::Sha256,
};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Name of the coding in `Content-Encoding` and `Accept-Encoding`.
pub const CODING: &str = "xunge-1";
/// The text of the dictionary, with placeholders for the stream's ids. Texts near the end are the cheapest to reference.
const KNOWN: &str = include_str!("../data/words_1.txt");
/// Step by which the output buffer grows, in bytes.
const PIECE: usize = 16 * 1024;

/// The preset dictionary for one stream, or for an answer to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Words(Vec<u8>);

/// Packed bytes cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    #[error("packed with an unknown dictionary")]
    OtherWords,
    #[error("the packed bytes are damaged or incomplete")]
    Damaged,
    #[error("the unpacked bytes exceed the limit")]
    TooLarge,
}

impl Words {
    /// Returns the dictionary that a stream and the server share: the fixed text with the stream's ids inserted.
    pub fn of(stream: StreamId, author: PersonId, post: PostId) -> Self {
        let known = KNOWN
            .replace("{stream}", &stream.to_string())
            .replace("{author}", &author.to_string())
            .replace("{post}", &post.to_string());
        Self(known.into_bytes())
    }
    /// Returns the dictionary for the answer to a body: the stream's dictionary and the body's hash, which the sender
    /// knows and the answer repeats.
    #[must_use]
    pub fn answering(&self, body: Sha256) -> Self {
        let mut words = self.0.clone();
        words.extend_from_slice(body.to_string().as_bytes());
        Self(words)
    }

    /// Compresses `plain`. `None` only when the library fails; the caller then sends the plain bytes.
    pub fn pack(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut packer = Compress::new(Compression::best(), true);
        packer.set_dictionary(&self.0).ok()?;
        let mut packed = Vec::with_capacity(plain.len() / 2 + 64);
        loop {
            let taken = usize::try_from(packer.total_in()).ok()?;
            let status = packer.compress_vec(plain.get(taken..)?, &mut packed, FlushCompress::Finish);
            match status.ok()? {
                Status::StreamEnd => return Some(packed),
                Status::Ok | Status::BufError => packed.reserve(PIECE),
            }
        }
    }
    /// Decompresses bytes that were packed with this dictionary, at most `most` bytes of output; trailing bytes are
    /// an error.
    pub fn unpack(&self, packed: &[u8], most: usize) -> Result<Vec<u8>, CodingError> {
        let mut reader = Decompress::new(true);
        let mut plain = Vec::new();
        let mut known = false;
        loop {
            if plain.len() > most {
                return Err(CodingError::TooLarge);
            }
            plain.reserve(PIECE);
            let before = (reader.total_in(), plain.len());
            let rest = usize::try_from(before.0)
                .ok()
                .and_then(|taken| packed.get(taken..));
            let rest = rest.unwrap_or_default();
            match reader.decompress_vec(rest, &mut plain, FlushDecompress::None) {
                Ok(Status::StreamEnd) if plain.len() > most => return Err(CodingError::TooLarge),
                // A stream that does not name a dictionary in its header is not this coding.
                Ok(Status::StreamEnd) if known && usize::try_from(reader.total_in()) == Ok(packed.len()) => {
                    return Ok(plain);
                }
                Ok(Status::StreamEnd) => return Err(CodingError::Damaged),
                Ok(_) if before == (reader.total_in(), plain.len()) => return Err(CodingError::Damaged),
                Ok(_) => {}
                Err(error) if error.needs_dictionary().is_some() && !known => {
                    reader
                        .set_dictionary(&self.0)
                        .map_err(|_| CodingError::OtherWords)?;
                    known = true;
                }
                Err(_) => return Err(CodingError::Damaged),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(k: u8) -> Words {
        let of = |n: u8| [n; 10];
        Words::of(
            StreamId::from_parts(1, of(k)),
            PersonId::from_parts(2, of(2)),
            PostId::from_parts(3, of(3)),
        )
    }

    #[test]
    fn the_dictionary_of_a_coding_number_never_changes() {
        assert_eq!(
            Sha256::of(KNOWN.as_bytes()).to_string(),
            "efd0a829e2395cd5786804d230fed52ab3c361625a2c838833e6e52d79929bab",
            "handsets in the field pack by them: other words need another name"
        );
    }

    #[test]
    fn packed_bytes_decode_only_with_the_same_dictionary() {
        for plain in [b"".to_vec(), b"{}".to_vec(), KNOWN.as_bytes().repeat(300)] {
            let packed = words(1).pack(&plain).unwrap();
            assert_eq!(words(1).unpack(&packed, plain.len()), Ok(plain.clone()));
            assert_eq!(words(2).unpack(&packed, 1 << 20), Err(CodingError::OtherWords));
            for other in [
                words(1).answering(Sha256([1; 32])),
                words(1).answering(Sha256([2; 32])),
            ] {
                assert_eq!(other.unpack(&packed, 1 << 20), Err(CodingError::OtherWords));
            }
        }
    }

    #[test]
    fn a_decompression_bomb_stops_at_the_limit_and_damaged_bytes_are_refused() {
        let bomb = words(1).pack(&vec![b' '; 4 << 20]).unwrap();
        assert_eq!(words(1).unpack(&bomb, 1 << 20), Err(CodingError::TooLarge));
        assert_eq!(words(1).unpack(&bomb, 4 << 20).map(|b| b.len()), Ok(4 << 20));
        let packed = words(1).pack(br#"{"v":1,"stream":"other"}"#).unwrap();
        for end in 0..packed.len() {
            assert_eq!(
                words(1).unpack(&packed[..end], 1 << 20),
                Err(CodingError::Damaged),
                "{end}"
            );
        }
        let mut longer = packed;
        longer.push(0);
        assert_eq!(words(1).unpack(&longer, 1 << 20), Err(CodingError::Damaged));
        // Plain zlib without the preset dictionary.
        let mut plain = Compress::new(Compression::best(), true);
        let mut other = Vec::with_capacity(100);
        plain
            .compress_vec(b"{}", &mut other, FlushCompress::Finish)
            .unwrap();
        assert_eq!(words(1).unpack(&other, 1 << 20), Err(CodingError::Damaged));
    }
}
