//! Photo references in entries, and the hash that names their bytes.

use crate::{geo::PointE7, open::Open, time::Millis};
use jiff::civil;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// SHA-256 of a byte sequence; lower-case hexadecimal on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(bytes).into())
    }
}
impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}
impl FromStr for Sha256 {
    type Err = hex::FromHexError;
    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}
impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Sha256 {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[0-9a-fA-F]{64}$"))
            .into()
    }
}
#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Sha256 {
    fn name() -> std::borrow::Cow<'static, str> {
        "Sha256".into()
    }
}

/// A photo named by the entry it belongs to. The bytes follow by tus; the case is visible before they arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoRef {
    pub sha256: Sha256,
    /// Size in bytes, 1..=[`MAX_PHOTO_BYTES`].
    pub size: u64,
    pub role: PhotoRole,
    pub width: u32,
    pub height: u32,
    /// What the handset read of the original. Absent in entries of older apps, which are judged without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<PhotoEvidence>,
}

crate::text_enum! {
    /// Where the original of a photo came from.
    pub enum PhotoOrigin {
        /// A camera took it for this entry.
        Camera = "camera",
        /// The worker chose it among the phone's pictures (图库): it may be old, or of another place.
        Library = "library",
    }
}

/// What only the handset can know of a photo: its original stays there, and the filed picture has no metadata. Raw values:
/// anybody can write them into a file, so they raise doubts and prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoEvidence {
    pub origin: Open<PhotoOrigin>,
    /// Hash of the original's bytes: the same for every photo that is made of one file, whatever its stamp says.
    pub original: Sha256,
    /// EXIF `DateTimeOriginal` as the camera wrote it (`2026:11:22 08:15:03`), at most 64 characters. No zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PhotoPlace>,
}

/// The EXIF position of an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoPlace {
    /// In [`datum`](Self::datum), as the file states it; not converted.
    pub point: PointE7,
    /// EXIF `GPSMapDatum`, at most 64 characters. Absent: EXIF then implies WGS-84, but some handsets sold in China write
    /// GCJ-02.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datum: Option<String>,
}

impl PhotoEvidence {
    /// Returns [`taken_at`](Self::taken_at) as an instant, with the zone of Asia/Shanghai; `None` for no or an impossible
    /// date.
    pub fn taken(&self) -> Option<Millis> {
        let text = self.taken_at.as_deref()?;
        let parts: Vec<i16> = text
            .split([':', '-', '/', ' ', 'T'])
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        let &[year, month, day, hour, minute, second] = parts.as_slice() else {
            return None;
        };
        let small = |part: i16| i8::try_from(part).ok();
        let date = civil::Date::new(year, small(month)?, small(day)?).ok()?;
        // EXIF allows a leap second, a civil time has none.
        let time = civil::Time::new(small(hour)?, small(minute)?, small(second)?.min(59), 0).ok()?;
        Some(Millis::from_civil(date.to_datetime(time)))
    }
}

/// The subject of a photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PhotoRole {
    /// The scene of a report (现场).
    Scene,
    /// Before handling (处置前).
    Before,
    /// After handling (处置后).
    After,
    /// An activity (活动).
    Activity,
    #[serde(untagged)]
    Other(String),
}

/// Maximum size of a photo in bytes. A prepared photo is far smaller; a larger one was not prepared by the handset.
pub const MAX_PHOTO_BYTES: u64 = 16 * 1024 * 1024;
/// Maximum number of photos that one entry may name.
pub const MAX_PHOTOS_PER_ENTRY: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_01_exif_time_is_read_as_shanghai_time_and_no_date_is_invented() {
        let taken = |text: &str| {
            let evidence = PhotoEvidence {
                origin: PhotoOrigin::Library.into(),
                original: Sha256([1; 32]),
                taken_at: Some(text.into()),
                place: None,
            };
            evidence.taken().map(Millis::text)
        };
        assert_eq!(taken("2026:11:22 08:15:03"), Some("2026-11-22 08:15:03".into()));
        assert_eq!(taken("2026-11-22T08:15:60"), Some("2026-11-22 08:15:59".into()));
        for text in [
            "",
            "2026:02:30 08:15:03",
            "0000:00:00 00:00:00",
            "2026:11:22",
            "99999:1:1 1:1:1",
            "昨天",
        ] {
            assert_eq!(taken(text), None, "{text}");
        }
    }
}
