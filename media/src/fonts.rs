//! The fonts of the stamp: the embedded ones, and one of the system for what they lack.

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

/// Noto Sans CJK SC reduced to the 276 characters of the 通用规范汉字表 that the first font lacks; see `font/README.md`.
const RARE: &[u8] = include_bytes!("../font/rare.otf.gz");

/// The font, unpacked once for the process; 1.4 MB.
fn font() -> Result<FontRef<'static>, MediaError> {
    static UNPACKED: OnceLock<Vec<u8>> = OnceLock::new();
    unpacked(&UNPACKED, FONT)
}

/// The font of rare characters, unpacked once for the process when one is printed; 74 kB.
fn rare() -> Result<FontRef<'static>, MediaError> {
    static UNPACKED: OnceLock<Vec<u8>> = OnceLock::new();
    unpacked(&UNPACKED, RARE)
}

fn unpacked(kept: &'static OnceLock<Vec<u8>>, packed: &'static [u8]) -> Result<FontRef<'static>, MediaError> {
    let bytes = kept.get_or_init(|| {
        let mut bytes = Vec::new();
        // A file that does not unpack is no font either: the next line says so.
        let _ = GzDecoder::new(packed).read_to_end(&mut bytes);
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
    /// Those that are tried in this order for what the first one lacks.
    others: Vec<FontArc>,
}

impl StampFonts {
    /// The embedded font of rare characters is unpacked only if the first one lacks a character of the lines, and the
    /// spare font is read only if both do.
    pub(crate) fn of(lines: &[&str], spare: Option<&SpareFont>) -> Result<Self, MediaError> {
        let mut fonts = Self {
            own: FontArc::new(font()?),
            others: Vec::new(),
        };
        let lack = |fonts: &Self| {
            let mut all = lines.iter().flat_map(|line| line.chars());
            all.any(|c| !c.is_control() && fonts.glyph(c).1.0 == 0)
        };
        if lack(&fonts) {
            fonts.others.push(FontArc::new(rare()?));
        }
        if spare.is_some() && lack(&fonts) {
            fonts.others.extend(spare.and_then(SpareFont::read));
        }
        Ok(fonts)
    }
    /// The font that has the character, and its glyph there; glyph 0 if none has it.
    pub(crate) fn glyph(&self, c: char) -> (&FontArc, GlyphId) {
        let all = std::iter::once(&self.own).chain(&self.others);
        all.map(|font| (font, font.glyph_id(c)))
            .find(|(_, glyph)| glyph.0 != 0)
            .unwrap_or((&self.own, GlyphId(0)))
    }
}

/// The characters of a text that the embedded fonts cannot print, each once, in order. On a photo each is a box, unless the
/// phone has a font with it.
pub fn unprintable(text: &str) -> Result<Vec<char>, MediaError> {
    let fonts = StampFonts::of(&[text], None)?;
    let mut missing: Vec<char> = Vec::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if fonts.glyph(c).1.0 == 0 && !missing.contains(&c) {
            missing.push(c);
        }
    }
    Ok(missing)
}
