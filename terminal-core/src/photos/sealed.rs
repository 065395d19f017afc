//! The format of a sealed photo file.
//!
//! Promises: bytes that were not written with this handset's key are never returned: no changed byte, no
//! truncated file, no photo under another photo's name. Any `(offset, length)` is read by decrypting only the
//! chunks it touches, so an upload that continues at byte 900,000 does not decrypt the first 900,000.
//! Malformed files give a typed error, never a panic.
//!
//! The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the plaintext is cut into chunks,
//! each sealed with XChaCha20-Poly1305 under the nonce `prefix (19) ‖ counter (4, big-endian) ‖ last (1)`.
//! Header, photo hash and content kind are the associated data of every chunk.
//!
//! ```text
//! 0   8  magic "XUNGEPH\n"
//! 8   1  version, 1
//! 9   1  algorithm, 1 = XChaCha20-Poly1305 in STREAM
//! 10  1  chunk size as a power of two, 16
//! 11  1  0
//! 12  8  length of the plaintext, little-endian
//! 20 19  nonce prefix, random for each file
//! 39     chunks: ciphertext ‖ tag (16)
//! ```

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use protocol::photo::Sha256;
use std::io::{Read, Seek, SeekFrom};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"XUNGEPH\n";

const VERSION: u8 = 1;

const XCHACHA20_POLY1305_STREAM: u8 = 1;

const CHUNK_LOG2: u8 = 16;

const CHUNK: u64 = 1 << CHUNK_LOG2;

const TAG: u64 = 16;

const HEADER: usize = 39;

/// Size in bytes of the random nonce prefix of each sealed file.
pub const PREFIX: usize = 19;

/// A 256-bit key that is wiped from memory when dropped.
pub type FileKey = Zeroizing<[u8; 32]>;

/// The kind of content. It is authenticated, so a thumbnail cannot be passed off as a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedContent {
    /// The filed photo; its SHA-256 is the file name.
    Photo,
    /// The thumbnail, named by the photo it belongs to.
    Thumbnail,
}

impl SealedContent {
    const fn tag(self) -> u8 {
        match self {
            Self::Photo => 1,
            Self::Thumbnail => 2,
        }
    }
    /// The extension of the file name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Thumbnail => "thumb",
        }
    }
}

/// Why a sealed file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// The header is not one of a sealed photo, or was written by a newer version.
    #[error("this is no sealed photo of a version known here")]
    Unknown,
    /// The file length differs from the header: truncated or extended.
    #[error("the sealed photo has {got} bytes, {want} belong to it")]
    Length { want: u64, got: u64 },
    /// A chunk failed authentication: changed, or sealed for another place.
    #[error("chunk {chunk} of the sealed photo was changed or belongs elsewhere")]
    Tampered { chunk: u64 },
    /// The range is not within the photo.
    #[error("bytes {offset}+{len} lie outside the photo of {size} bytes")]
    Range { offset: u64, len: u64, size: u64 },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

struct Header {
    bytes: [u8; HEADER],
    len: u64,
}

impl Header {
    fn new(len: u64, prefix: &[u8; PREFIX]) -> Self {
        let start = [VERSION, XCHACHA20_POLY1305_STREAM, CHUNK_LOG2, 0];
        let source = MAGIC
            .iter()
            .chain(&start)
            .copied()
            .chain(len.to_le_bytes())
            .chain(*prefix);
        let mut bytes = [0; HEADER];
        bytes.iter_mut().zip(source).for_each(|(to, from)| *to = from);
        Self { bytes, len }
    }
    fn read(bytes: [u8; HEADER]) -> Result<Self, SealedError> {
        let mut len = [0; 8];
        len.iter_mut()
            .zip(bytes.iter().skip(12))
            .for_each(|(to, from)| *to = *from);
        let mut prefix = [0; PREFIX];
        prefix
            .iter_mut()
            .zip(bytes.iter().skip(20))
            .for_each(|(to, from)| *to = *from);
        let header = Self::new(u64::from_le_bytes(len), &prefix);
        // Rebuilding the header checks all fixed bytes at once. The length is bounded so that the arithmetic
        // below cannot overflow.
        if header.bytes == bytes && header.len <= u64::from(u32::MAX) {
            Ok(header)
        } else {
            Err(SealedError::Unknown)
        }
    }
    fn chunks(&self) -> u64 {
        self.len.div_ceil(CHUNK).max(1)
    }
    fn file_len(&self) -> u64 {
        HEADER as u64 + self.len + self.chunks() * TAG
    }
    fn plain_len_of(&self, chunk: u64) -> u64 {
        self.len.saturating_sub(chunk * CHUNK).min(CHUNK)
    }
    fn nonce(&self, chunk: u64) -> XNonce {
        let counter = u32::try_from(chunk).unwrap_or(u32::MAX).to_be_bytes();
        let last = u8::from(chunk + 1 == self.chunks());
        let source = self.bytes.iter().skip(20).copied().chain(counter).chain([last]);
        let mut nonce = XNonce::default();
        nonce.iter_mut().zip(source).for_each(|(to, from)| *to = from);
        nonce
    }
    /// Header, content kind and photo hash: the associated data of every chunk.
    fn associated(&self, content: SealedContent, name: Sha256) -> Vec<u8> {
        [self.bytes.as_slice(), &[content.tag()], &name.0].concat()
    }
}

/// Seals `plain`. `prefix` must be fresh randomness for each call.
///
/// # Errors
/// Only if the plaintext is larger than the cipher allows, which a photo never is.
pub fn seal(
    key: &FileKey,
    content: SealedContent,
    name: Sha256,
    plain: &[u8],
    prefix: &[u8; PREFIX],
) -> Result<Vec<u8>, SealedError> {
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let header = Header::new(plain.len() as u64, prefix);
    let aad = header.associated(content, name);
    let mut out = header.bytes.to_vec();
    for chunk in 0..header.chunks() {
        let at = usize::try_from(chunk * CHUNK).unwrap_or(usize::MAX);
        let len = usize::try_from(header.plain_len_of(chunk)).unwrap_or(0);
        let msg = plain
            .get(at..at.saturating_add(len))
            .ok_or(SealedError::Tampered { chunk })?;
        let sealed = cipher
            .encrypt(&header.nonce(chunk), Payload { msg, aad: &aad })
            .map_err(|_| SealedError::Tampered { chunk })?;
        out.extend_from_slice(&sealed);
    }
    Ok(out)
}

/// An opened sealed file: random access over authenticated chunks.
pub struct OpenedPhoto<R> {
    source: R,
    header: Header,
    aad: Vec<u8>,
    cipher: XChaCha20Poly1305,
}

impl<R: Read + Seek> OpenedPhoto<R> {
    /// Reads the header and compares the file's length with it.
    ///
    /// # Errors
    /// [`SealedError::Unknown`], [`SealedError::Length`] or [`SealedError::Io`].
    pub fn open(
        mut source: R,
        key: &FileKey,
        content: SealedContent,
        name: Sha256,
    ) -> Result<Self, SealedError> {
        let got = source.seek(SeekFrom::End(0))?;
        source.seek(SeekFrom::Start(0))?;
        let mut bytes = [0; HEADER];
        if got < HEADER as u64 {
            return Err(SealedError::Length {
                want: HEADER as u64,
                got,
            });
        }
        source.read_exact(&mut bytes)?;
        let header = Header::read(bytes)?;
        let want = header.file_len();
        if got != want {
            return Err(SealedError::Length { want, got });
        }
        Ok(Self {
            aad: header.associated(content, name),
            cipher: XChaCha20Poly1305::new((&**key).into()),
            header,
            source,
        })
    }
    /// Length of the plaintext in bytes.
    pub fn size(&self) -> u64 {
        self.header.len
    }
    /// Reads exactly `len` bytes from `offset`.
    ///
    /// # Errors
    /// [`SealedError::Range`] if the range is not within the photo; [`SealedError::Tampered`] if a chunk of
    /// it was changed.
    pub fn read_at(&mut self, offset: u64, len: u64) -> Result<Vec<u8>, SealedError> {
        let size = self.header.len;
        let outside = SealedError::Range { offset, len, size };
        let Some(end) = offset.checked_add(len).filter(|end| *end <= size) else {
            return Err(outside);
        };
        let mut out = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        // An empty range still decrypts the chunk it lies in, so that an empty file is authenticated too.
        let first = (offset / CHUNK).min(self.header.chunks() - 1);
        let last = end.saturating_sub(1).max(offset) / CHUNK;
        for chunk in first..=last.min(self.header.chunks() - 1) {
            let plain = self.chunk(chunk)?;
            let start = chunk * CHUNK;
            let from = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
            let to = usize::try_from(end.saturating_sub(start))
                .unwrap_or(usize::MAX)
                .min(plain.len());
            out.extend_from_slice(plain.get(from..to).unwrap_or_default());
        }
        Ok(out)
    }
    /// The whole plaintext.
    ///
    /// # Errors
    /// As [`OpenedPhoto::read_at`].
    pub fn read_all(&mut self) -> Result<Vec<u8>, SealedError> {
        self.read_at(0, self.header.len)
    }
    fn chunk(&mut self, chunk: u64) -> Result<Vec<u8>, SealedError> {
        self.source
            .seek(SeekFrom::Start(HEADER as u64 + chunk * (CHUNK + TAG)))?;
        let len = usize::try_from(self.header.plain_len_of(chunk) + TAG).unwrap_or(0);
        let mut sealed = vec![0; len];
        self.source.read_exact(&mut sealed)?;
        let payload = Payload {
            msg: &sealed,
            aad: &self.aad,
        };
        self.cipher
            .decrypt(&self.header.nonce(chunk), payload)
            .map_err(|_| SealedError::Tampered { chunk })
    }
}
