//! The reference system of a file's coordinates: stated by the file, stated by the operator, or asked.
//!
//! Coordinates of another datum than WGS-84 are 50 to 600 m off, which is another cell; so nothing is guessed where a
//! wrong guess would put a grid in force.

use std::fmt;
use std::str::FromStr;

use protocol::geo::Datum;
use serde_json::Value;

/// A reference system in which coordinates are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum SourceDatum {
    /// WGS-84 (EPSG:4326, CRS84).
    #[serde(rename = "wgs84")]
    Wgs84,
    /// 国家大地坐标系 (EPSG:4490). It differs from WGS-84 by decimetres, less than a handset's accuracy, and is kept
    /// as it is.
    #[serde(rename = "cgcs2000")]
    Cgcs2000,
    /// 国测局坐标.
    #[serde(rename = "gcj02")]
    Gcj02,
    /// 百度坐标.
    #[serde(rename = "bd09")]
    Bd09,
}

impl SourceDatum {
    /// The datum by which coordinates are converted.
    pub const fn datum(self) -> Datum {
        match self {
            Self::Wgs84 | Self::Cgcs2000 => Datum::Wgs84,
            Self::Gcj02 => Datum::Gcj02,
            Self::Bd09 => Datum::Bd09,
        }
    }

    /// The word of the command line and of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wgs84 => "wgs84",
            Self::Cgcs2000 => "cgcs2000",
            Self::Gcj02 => "gcj02",
            Self::Bd09 => "bd09",
        }
    }
}

impl fmt::Display for SourceDatum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SourceDatum {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Wgs84, Self::Cgcs2000, Self::Gcj02, Self::Bd09];
        all.into_iter()
            .find(|d| d.as_str() == text)
            .ok_or_else(|| "wgs84, cgcs2000, gcj02 or bd09".into())
    }
}

/// What a file says about the reference system of its coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// One that can be read.
    Known(SourceDatum),
    /// Another one, by the file's own name: a projected system, or one that is not known here.
    Other(String),
}

impl Reference {
    /// Reads a name such as `urn:ogc:def:crs:EPSG::4490`, `EPSG:4326`, `CGCS2000` or `GCJ-02`.
    pub fn of_name(name: &str) -> Self {
        let key: String = name
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
        let number = name
            .rsplit(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap_or_default();
        let known = match (key.contains("epsg"), number) {
            (true, "4326" | "4979") => Some(SourceDatum::Wgs84),
            (true, "4490" | "4480") => Some(SourceDatum::Cgcs2000),
            (true, _) => None,
            (false, _) if key.ends_with("crs84") => Some(SourceDatum::Wgs84),
            (false, _) => match key.as_str() {
                "wgs84" | "wgs1984" | "gcswgs1984" | "4326" => Some(SourceDatum::Wgs84),
                "cgcs2000"
                | "gcscgcs2000"
                | "chinageodeticcoordinatesystem2000"
                | "4490"
                | "gcschinageodeticcoordinatesystem2000"
                | "国家2000"
                | "2000国家大地坐标系" => Some(SourceDatum::Cgcs2000),
                "gcj02" | "gcj" | "火星坐标" | "火星坐标系" | "国测局坐标" => {
                    Some(SourceDatum::Gcj02)
                }
                "bd09" | "bd09ll" | "百度坐标" | "百度坐标系" => Some(SourceDatum::Bd09),
                _ => None,
            },
        };
        known.map_or_else(|| Self::Other(name.chars().take(80).collect()), Self::Known)
    }

    /// Reads a reference system as well-known text, such as a `.prj` file. Only geographic systems, in degrees, are known.
    pub fn of_wkt(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').trim();
        let (keyword, rest) = text.split_once(['[', '(']).unwrap_or((text, ""));
        let name = rest.split('"').nth(1).unwrap_or(text);
        match keyword.trim().to_uppercase().as_str() {
            "GEOGCS" | "GEOGCRS" | "GEODCRS" | "GEODETICCRS" | "GEOGRAPHICCRS" => Self::of_name(name),
            _ => Self::Other(name.chars().take(80).collect()),
        }
    }

    /// Reads the member `crs` of GeoJSON before RFC 7946: `{"type": "name", "properties": {"name": …}}`, or
    /// `{"type": "EPSG", "properties": {"code": 4490}}`. `None` for `null`.
    pub(crate) fn of_crs(crs: &Value) -> Option<Self> {
        if crs.is_null() {
            return None;
        }
        let properties = crs.get("properties");
        let member = |key| properties.and_then(|p| p.get(key));
        Some(match (member("name"), member("code"), crs) {
            (Some(Value::String(name)), _, _) | (None, None, Value::String(name)) => Self::of_name(name),
            (_, Some(Value::Number(code)), _) => Self::of_name(&format!("EPSG:{code}")),
            (_, Some(Value::String(code)), _) => Self::of_name(&format!("EPSG:{code}")),
            _ => Self::Other(crs.to_string().chars().take(80).collect()),
        })
    }

    /// Reads the member `datum` of the metadata that this program writes. Its `source_datum` is the history of the
    /// coordinates and says nothing about them.
    pub(crate) fn of_metadata(metadata: &Value) -> Option<Self> {
        let datum = metadata.get("datum")?.as_str()?;
        Some(Self::of_name(datum))
    }
}

/// The reference system is unknown, or two statements about it differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatumError {
    /// Neither the file nor the operator states one.
    #[error(
        "nothing states the datum of the coordinates: neither crs nor metadata.datum is in the file; give it: wgs84, \
         cgcs2000, gcj02 or bd09"
    )]
    Unstated,
    /// One that is not converted here.
    #[error(
        "the file states the reference system {0:?}; only WGS-84, CGCS2000 (EPSG:4490), GCJ-02 and BD-09 in degrees are \
         read; convert the file to EPSG:4490"
    )]
    Unknown(String),
    /// The file states a shifted datum: converting it has to be asked for.
    #[error("the file states {0}, which is neither WGS-84 nor CGCS2000; give the datum {0} to convert it")]
    Shifted(SourceDatum),
    /// The file and the operator differ.
    #[error("the file states {stated}, but {given} was given")]
    Contradiction {
        /// By the file.
        stated: SourceDatum,
        /// By the operator.
        given: SourceDatum,
    },
    /// The file states two.
    #[error("the file states both {0} and {1}")]
    TwoStatements(SourceDatum, SourceDatum),
}

impl DatumError {
    /// Returns the stable dotted code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unstated => "grid.datum.unstated",
            Self::Unknown(_) => "grid.datum.unknown",
            Self::Shifted(_) => "grid.datum.shifted",
            Self::Contradiction { .. } => "grid.datum.contradiction",
            Self::TwoStatements(..) => "grid.datum.two_statements",
        }
    }
}

/// Decides in which reference system the coordinates are. WGS-84 and CGCS2000 do not contradict each other.
///
/// # Errors
/// [`DatumError`]; nothing is guessed.
pub fn resolve(stated: &[Reference], given: Option<SourceDatum>) -> Result<SourceDatum, DatumError> {
    let mut by_file: Option<SourceDatum> = None;
    for reference in stated {
        let datum = match reference {
            Reference::Known(datum) => *datum,
            Reference::Other(name) => return Err(DatumError::Unknown(name.clone())),
        };
        match by_file {
            Some(other) if other.datum() != datum.datum() => {
                return Err(DatumError::TwoStatements(other, datum));
            }
            _ => by_file = by_file.or(Some(datum)),
        }
    }
    match (by_file, given) {
        (Some(stated), Some(given)) if stated.datum() != given.datum() => {
            Err(DatumError::Contradiction { stated, given })
        }
        (Some(stated), None) if stated.datum() != Datum::Wgs84 => Err(DatumError::Shifted(stated)),
        (Some(stated), _) => Ok(stated),
        (None, Some(given)) => Ok(given),
        (None, None) => Err(DatumError::Unstated),
    }
}
