//! Photo references in entries, and the hash that names their bytes.

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
