//! Real photographs under free licences (`photos/SOURCES.md`). Each use gets another crop, so that no two
//! files are equal and every hash identifies one photo.

use crate::random::ScenarioRandom;
use anyhow::{Context, Result, anyhow};
use std::path::{Path, PathBuf};
use zune_jpeg::{JpegDecoder, zune_core::bytestream::ZCursor};

/// One decoded photograph.
struct DecodedPhoto {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// All photographs, decoded once.
pub struct PhotoAlbum(Vec<DecodedPhoto>);

impl PhotoAlbum {
    /// The folder with the photographs.
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("photos")
    }
    pub fn load() -> Result<Self> {
        let folder = Self::folder();
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read the photographs in {}", folder.display()))?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        files.retain(|path| path.extension().is_some_and(|e| e == "jpg"));
        files.sort();
        let pictures = files
            .iter()
            .map(|path| decode(&std::fs::read(path)?))
            .collect::<Result<Vec<_>>>()?;
        anyhow::ensure!(
            pictures.len() >= 12,
            "{} holds fewer than 12 photographs",
            folder.display()
        );
        Ok(Self(pictures))
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Cuts a random piece out of one photograph and encodes it as JPEG. Two calls practically never give
    /// equal bytes.
    pub fn crop(&self, random: &mut ScenarioRandom) -> Result<Vec<u8>> {
        let picture = self
            .0
            .get(random.below(self.0.len()))
            .context("the photo album is empty")?;
        let share = |random: &mut ScenarioRandom, side: usize| {
            (side * (40 + random.below(30)) / 100).max(280).min(side)
        };
        let (w, h) = (share(random, picture.width), share(random, picture.height));
        let (x, y) = (
            random.below(picture.width - w + 1),
            random.below(picture.height - h + 1),
        );
        let mut rgb: Vec<u8> = Vec::with_capacity(w * h * 3);
        for row in y..y + h {
            let from = (row * picture.width + x) * 3;
            rgb.extend_from_slice(
                picture
                    .rgb
                    .get(from..from + w * 3)
                    .context("the crop is outside the picture")?,
            );
        }
        // Changes a few pixels, in case the same piece is cut twice.
        for _ in 0..3 {
            let at = random.below(rgb.len());
            if let Some(byte) = rgb.get_mut(at) {
                *byte ^= 1 + u8::try_from(random.below(7)).unwrap_or(0);
            }
        }
        let mut jpeg = Vec::new();
        let quality = 84 + u8::try_from(random.below(10)).unwrap_or(0);
        jpeg_encoder::Encoder::new(&mut jpeg, quality).encode(
            &rgb,
            u16::try_from(w)?,
            u16::try_from(h)?,
            jpeg_encoder::ColorType::Rgb,
        )?;
        Ok(jpeg)
    }
    /// Writes [`Self::crop`] to a file.
    pub fn crop_to(&self, random: &mut ScenarioRandom, path: &Path) -> Result<()> {
        std::fs::write(path, self.crop(random)?).with_context(|| path.display().to_string())
    }
}

fn decode(jpeg: &[u8]) -> Result<DecodedPhoto> {
    let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
    let rgb = decoder.decode().map_err(|e| anyhow!("{e:?}"))?;
    let (width, height) = decoder.dimensions().context("the decoder reports no size")?;
    // Grey pictures have one byte per pixel; make it three.
    let rgb = if rgb.len() == width * height {
        rgb.iter().flat_map(|v| [*v; 3]).collect()
    } else {
        rgb
    };
    anyhow::ensure!(rgb.len() == width * height * 3, "expected three bytes per pixel");
    Ok(DecodedPhoto { width, height, rgb })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn crops_differ_and_each_is_an_accepted_photo() {
        let album = PhotoAlbum::load().unwrap();
        let mut random = ScenarioRandom::new(7);
        let mut seen = BTreeSet::new();
        for _ in 0..40 {
            let jpeg = album.crop(&mut random).unwrap();
            assert!(media::inspect(&jpeg, &media::PhotoLimits::default()).is_ok());
            assert!(seen.insert(jpeg));
        }
    }
}
