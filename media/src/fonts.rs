//! The fonts of the stamp: the embedded one, and one of the system for what it lacks.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use ab_glyph::{Font, FontArc, FontRef, FontVec, GlyphId};
use flate2::read::GzDecoder;

use crate::error::MediaError;

/// WenQuanYi Micro Hei reduced to ASCII, GB 2312 and the 通用规范汉字表; see `font/README.md` for source and
/// licence.
/// Packed with gzip: a phone carries half of it.
const FONT: &[u8] = include_bytes!("../font/stamp.ttf.gz");

/// The font, unpacked once for the process; 1.4 MB.
fn font() -> Result<FontRef<'static>, MediaError> {
    static UNPACKED: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = UNPACKED.get_or_init(|| {
        let mut bytes = Vec::new();
        // A file that does not unpack is no font either: the next line says so.
        let _ = GzDecoder::new(FONT).read_to_end(&mut bytes);
        bytes
    });
    FontRef::try_from_slice(bytes).map_err(|error| MediaError::internal(error.to_string()))
}

/// A font of the system, for characters that the embedded one lacks: rare names. The embedded one is used first, so that the
/// same photo has the same stamp on all handsets as far as it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpareFont {
    /// A TrueType or OpenType font, or a collection; at most 64 MB. One that cannot be read is as good as none.
    pub path: PathBuf,
    /// The number of the font in a collection; 0 in any other file.
    pub face: u32,
}

/// Maximum size of a spare font in bytes. Noto Sans CJK, which phones carry, has 20 MB.
const LARGEST_FONT: u64 = 64 << 20;

impl SpareFont {
    /// Reads the file, which is held only while a stamp with such a character is drawn.
    fn read(&self) -> Option<FontArc> {
        let file = File::open(&self.path).ok()?;
        let mut bytes = Vec::new();
        let read = file.take(LARGEST_FONT + 1).read_to_end(&mut bytes).ok()?;
        if u64::try_from(read).ok()? > LARGEST_FONT {
            return None;
        }
        FontVec::try_from_vec_and_index(bytes, self.face)
            .ok()
            .map(FontArc::new)
    }
}

/// The fonts of one stamp.
pub(crate) struct StampFonts {
    own: FontArc,
    spare: Option<FontArc>,
}

impl StampFonts {
    /// The spare font is read only if the embedded one lacks a character of the lines.
    pub(crate) fn of(lines: &[&str], spare: Option<&SpareFont>) -> Result<Self, MediaError> {
        let own = FontArc::new(font()?);
        let lacks = |line: &&str| line.chars().any(|c| own.glyph_id(c).0 == 0);
        let spare = spare
            .filter(|_| lines.iter().any(lacks))
            .and_then(SpareFont::read);
        Ok(Self { own, spare })
    }
    /// The font that has the character, and its glyph there; glyph 0 if none has it.
    pub(crate) fn glyph(&self, c: char) -> (&FontArc, GlyphId) {
        let own = self.own.glyph_id(c);
        if own.0 != 0 {
            return (&self.own, own);
        }
        match self.spare.as_ref().map(|spare| (spare, spare.glyph_id(c))) {
            Some((spare, glyph)) if glyph.0 != 0 => (spare, glyph),
            _ => (&self.own, own),
        }
    }
}

/// The characters of a text that the stamp's font cannot print, each once, in order. On a photo each is a box.
pub fn unprintable(text: &str) -> Result<Vec<char>, MediaError> {
    let font = font()?;
    let mut missing: Vec<char> = Vec::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if font.glyph_id(c).0 == 0 && !missing.contains(&c) {
            missing.push(c);
        }
    }
    Ok(missing)
}
