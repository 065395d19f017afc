//! Codes of places and catalogues: fixed-width decimal text, validated on construction, never a bare `String`.
//!
//! A cell code has 12 digits = 6 county + 2 street + 2 community + 2 cell serial (SJ-05, CJ/T 213). The national
//! community code has 12 digits as well (6+3+3), so a bare 12-digit number is ambiguous; the type states which scheme
//! it uses.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// The text is not a code of the scheme. Problem code `code.malformed`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("{scheme} has {want} decimal digits, not {got:?}")]
    Malformed {
        scheme: &'static str,
        want: usize,
        got: String,
    },
    #[error("serial {0} is outside 1..=99")]
    Serial(u8),
}

macro_rules! digit_code {
    ($(#[$doc:meta])* $name:ident, $len:literal, $scheme:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Returns the digits as text.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }
        impl FromStr for $name {
            type Err = CodeError;
            fn from_str(text: &str) -> Result<Self, CodeError> {
                match <[u8; $len]>::try_from(text.as_bytes()) {
                    Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
                    _ => Err(CodeError::Malformed { scheme: $scheme, want: $len, got: text.chars().take(32).collect() }),
                }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(D::Error::custom)
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^[0-9]{", $len, "}$")))
                    .description(Some($scheme))
                    .into()
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

digit_code! {
    /// A county or urban district (县级区划), GB/T 2260, 6 digits.
    CountyCode, 6, "county code"
}
digit_code! {
    /// A street or township (街道/乡镇) by its serial inside the county, 8 digits. Not the statistics code.
    StreetCode, 8, "street code"
}
digit_code! {
    /// A community or village (社区/村) by its serial inside the street, 10 digits. Not the statistics code.
    CommunityCode, 10, "community code"
}
digit_code! {
    /// A grid cell (万米单元网格), 12 digits = 6 + 2 + 2 + 2 (SJ-05).
    CellCode, 12, "cell code"
}

/// Appends a two-digit serial to a code.
fn child<const N: usize, const M: usize>(parent: [u8; N], serial: u8) -> Result<[u8; M], CodeError> {
    if !(1..=99).contains(&serial) {
        return Err(CodeError::Serial(serial));
    }
    let mut digits = [b'0'; M];
    let tail = [b'0' + serial / 10, b'0' + serial % 10];
    for (slot, digit) in digits.iter_mut().zip(parent.into_iter().chain(tail)) {
        *slot = digit;
    }
    Ok(digits)
}

fn prefix<const N: usize, const M: usize>(code: [u8; N]) -> [u8; M] {
    let mut digits = [b'0'; M];
    for (slot, digit) in digits.iter_mut().zip(code) {
        *slot = digit;
    }
    digits
}

/// The numbers 00 to 99 as two ASCII digits.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n = 0;
    while n < 100 {
        // Evaluated at compile time; an index out of range fails the build.
        #[allow(clippy::indexing_slicing)]
        let pair = &mut pairs[n as usize];
        *pair = [b'0' + n / 10, b'0' + n % 10];
        n += 1;
    }
    pairs
};

impl CountyCode {
    /// Builds the code from ASCII digits; `None` if a byte is not a digit.
    #[inline]
    pub fn from_digits(digits: [u8; 6]) -> Option<Self> {
        let [a, b, c, d, e, f] = digits;
        // All bytes at once: a digit has 3 in its upper half, and still has it when 6 is added.
        let bytes = u64::from_le_bytes([a, b, c, d, e, f, b'0', b'0']);
        let upper = |bytes: u64| bytes & 0xf0f0_f0f0_f0f0_f0f0;
        let is_number = upper(bytes) == 0x3030_3030_3030_3030
            && upper(bytes.wrapping_add(0x0606_0606_0606_0606)) == 0x3030_3030_3030_3030;
        is_number.then_some(Self(digits))
    }
    /// Returns the cell whose last six digits are `low`, below 1,000,000. Avoids text formatting, for lookups of a
    /// million points per second.
    #[inline]
    pub fn cell_of(self, low: u32) -> Option<CellCode> {
        let pair = |n: u32| PAIRS.get(n as usize).map(|pair| u16::from_le_bytes(*pair));
        let (gh, ij, kl) = (pair(low / 10_000)?, pair(low / 100 % 100)?, pair(low % 100)?);
        let [a, b, c, d, e, f] = self.0;
        // Put together as numbers: written byte by byte, the code would wait in the processor's store buffer.
        let first = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) | u64::from(gh) << 48;
        let last = u32::from(ij) | u32::from(kl) << 16;
        let mut code = [0; 12];
        let (head, tail) = code.split_at_mut(8);
        head.copy_from_slice(&first.to_le_bytes());
        tail.copy_from_slice(&last.to_le_bytes());
        Some(CellCode(code))
    }
    /// Returns the street with this serial, 1..=99.
    pub fn street(self, serial: u8) -> Result<StreetCode, CodeError> {
        child(self.0, serial).map(StreetCode)
    }
}
impl StreetCode {
    pub fn county(self) -> CountyCode {
        CountyCode(prefix(self.0))
    }
    /// Returns the community with this serial, 1..=99.
    pub fn community(self, serial: u8) -> Result<CommunityCode, CodeError> {
        child(self.0, serial).map(CommunityCode)
    }
}
impl CommunityCode {
    pub fn street(self) -> StreetCode {
        StreetCode(prefix(self.0))
    }
    pub fn county(self) -> CountyCode {
        CountyCode(prefix(self.0))
    }
    /// Returns the cell with this serial, 1..=99: two digits allow 99 cells in a community (SJ-05).
    pub fn cell(self, serial: u8) -> Result<CellCode, CodeError> {
        child(self.0, serial).map(CellCode)
    }
}
impl CellCode {
    pub fn community(self) -> CommunityCode {
        CommunityCode(prefix(self.0))
    }
    pub fn street(self) -> StreetCode {
        StreetCode(prefix(self.0))
    }
    pub fn county(self) -> CountyCode {
        CountyCode(prefix(self.0))
    }
    /// Returns the serial inside the community, 0..=99 (0 occurs only in foreign data; the grid check reports it).
    pub fn serial(self) -> u8 {
        self.0.iter().skip(10).fold(0, |n, d| n * 10 + (d - b'0'))
    }
    /// Returns the code in groups for reading: `220104-05-03-17`.
    pub fn grouped(self) -> String {
        let s = self.as_str();
        let part = |r: std::ops::Range<usize>| s.get(r).unwrap_or_default();
        format!("{}-{}-{}-{}", part(0..6), part(6..8), part(8..10), part(10..12))
    }
}

/// Whether a matter is a component (部件) or an event (事件) of CJ/T 214.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MatterClass {
    /// 部件
    Component,
    /// 事件
    Event,
}

/// The type of a matter (事/部件 大类+小类): `E0102` = event 01 02, `C0101` = component 01 01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatterCode {
    pub class: MatterClass,
    /// 大类, 01..=99.
    pub large: u8,
    /// 小类, 01..=99.
    pub small: u8,
}

impl fmt::Display for MatterCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.class {
            MatterClass::Component => 'C',
            MatterClass::Event => 'E',
        };
        write!(f, "{letter}{:02}{:02}", self.large, self.small)
    }
}
impl fmt::Debug for MatterCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MatterCode({self})")
    }
}
impl FromStr for MatterCode {
    type Err = CodeError;
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let bad = || CodeError::Malformed {
            scheme: "matter code (C or E and 4 digits)",
            want: 4,
            got: text.chars().take(32).collect(),
        };
        let class = match text.as_bytes().first() {
            Some(b'C') => MatterClass::Component,
            Some(b'E') => MatterClass::Event,
            _ => return Err(bad()),
        };
        let digits = text
            .get(1..)
            .filter(|d| d.len() == 4 && d.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(bad)?;
        let pair = |r| {
            digits
                .get(r)
                .and_then(|d: &str| d.parse::<u8>().ok())
                .filter(|n| *n > 0)
                .ok_or_else(bad)
        };
        Ok(Self {
            class,
            large: pair(0..2)?,
            small: pair(2..4)?,
        })
    }
}
impl Serialize for MatterCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for MatterCode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for MatterCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[CE][0-9]{4}$"))
            .description(Some(
                "matter code: C (component) or E (event), then large class and small class",
            ))
            .into()
    }
}
#[cfg(feature = "openapi")]
impl utoipa::ToSchema for MatterCode {
    fn name() -> std::borrow::Cow<'static, str> {
        "MatterCode".into()
    }
}

/// Version of a grid as recorded in its pack, such as `220104.1`. Immutable once in force.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct GridVersion(pub String);

impl fmt::Display for GridVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
