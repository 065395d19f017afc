//! A decoder of baseline JPEGs that reads a stream and gives rows of samples, at full size or scaled to 1/2, 1/4 or 1/8.
//!
//! It promises:
//! - **It holds a row of blocks**, never the picture and never the file.
//! - **No missing block is invented.** A picture whose compressed data ends early is [`MediaError::CutOff`], whatever
//!   follows; a picture that is complete needs no end marker.
//! - **No `unsafe`, no panic.** `fuzz/` compares it with the decoder of the other files.
//!
//! It takes what cameras write: Huffman coding, 8 bits a sample, grey or YCbCr in one scan, chroma at full size or
//! reduced to a half or a quarter in either direction, restart intervals. [`OpenedJpeg::Whole`] names the rest, which
//! needs the decoder that holds the file.
//!
//! [`MediaError::CutOff`]: crate::MediaError::CutOff

mod bits;
mod decoder;
mod header;
mod huffman;
mod idct;
mod tables;

pub(crate) use decoder::decode;
pub(crate) use header::{Frame, FrameHead, OpenedJpeg, open};
pub(crate) use idct::Size;
