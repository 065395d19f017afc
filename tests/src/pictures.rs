//! Real photographs under free licences (`photos/SOURCES.md`), cropped differently each time, so that no two
//! files are equal and every hash means something.

use crate::chance::Chance;
use anyhow::{Context, Result, anyhow};
use std::path::{Path, PathBuf};
use zune_jpeg::{JpegDecoder, zune_core::bytestream::ZCursor};

/// One decoded photograph.
struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// The photographs, decoded once.
pub struct Album(Vec<Picture>);

impl Album {
    /// The folder with the photographs.
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("photos")
    }
    pub fn load() -> Result<Self> {
        let folder = Self::folder();
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .with_context(|| format!("photographs in {}", folder.display()))?
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
            "at least 12 photographs belong in {}",
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
    /// A crop of one of the photographs, as a JPEG file; two calls practically never give the same bytes.
    pub fn crop(&self, chance: &mut Chance) -> Result<Vec<u8>> {
        let picture = self.0.get(chance.below(self.0.len())).context("an empty album")?;
        let share =
            |chance: &mut Chance, side: usize| (side * (40 + chance.below(30)) / 100).max(280).min(side);
        let (w, h) = (share(chance, picture.width), share(chance, picture.height));
        let (x, y) = (
            chance.below(picture.width - w + 1),
            chance.below(picture.height - h + 1),
        );
        let mut rgb: Vec<u8> = Vec::with_capacity(w * h * 3);
        for row in y..y + h {
            let from = (row * picture.width + x) * 3;
            rgb.extend_from_slice(
                picture
                    .rgb
                    .get(from..from + w * 3)
                    .context("a crop inside the picture")?,
            );
        }
        // A few altered pixels, for the case that chance cuts the same piece twice.
        for _ in 0..3 {
            let at = chance.below(rgb.len());
            if let Some(byte) = rgb.get_mut(at) {
                *byte ^= 1 + u8::try_from(chance.below(7)).unwrap_or(0);
            }
        }
        let mut jpeg = Vec::new();
        let quality = 84 + u8::try_from(chance.below(10)).unwrap_or(0);
        jpeg_encoder::Encoder::new(&mut jpeg, quality).encode(
            &rgb,
            u16::try_from(w)?,
            u16::try_from(h)?,
            jpeg_encoder::ColorType::Rgb,
        )?;
        Ok(jpeg)
    }
    /// [`Self::crop`] into a file.
    pub fn crop_to(&self, chance: &mut Chance, path: &Path) -> Result<()> {
        std::fs::write(path, self.crop(chance)?).with_context(|| path.display().to_string())
    }
}

fn decode(jpeg: &[u8]) -> Result<Picture> {
    let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
    let rgb = decoder.decode().map_err(|e| anyhow!("{e:?}"))?;
    let (width, height) = decoder.dimensions().context("a picture has a size")?;
    // Grey pictures come with one value a pixel.
    let rgb = if rgb.len() == width * height {
        rgb.iter().flat_map(|v| [*v; 3]).collect()
    } else {
        rgb
    };
    anyhow::ensure!(rgb.len() == width * height * 3, "three colours a pixel");
    Ok(Picture { width, height, rgb })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_crops_are_equal_and_each_is_a_photo() {
        let album = Album::load().unwrap();
        let mut chance = Chance::new(7);
        let mut seen = BTreeSet::new();
        for _ in 0..40 {
            let jpeg = album.crop(&mut chance).unwrap();
            assert!(media::inspect(&jpeg, &media::PhotoLimits::default()).is_ok());
            assert!(seen.insert(jpeg));
        }
    }
}
