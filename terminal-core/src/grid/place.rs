//! Place lookup: typed coordinates, converted to WGS-84 on input, and the grid's answer in words: cell,
//! street, community, ranked candidates under the accuracy circle, or the nearest cell.
//!
//! A newly enrolled handset has no grid: the answer says so, and nothing is refused.

use crate::{Error, Result};
use grid::{
    Pack, PackBuf,
    borders::{BorderLine, borders},
    datum, decimal,
};
use protocol::{
    codes::{CellCode, GridVersion},
    evidence::Position,
    geo::{Datum, PointE7},
    problem::{ErrorCode, HandsetCode},
    time::Millis,
};
use std::sync::OnceLock;

/// Coordinates in the form `LAT,LON[,ACCURACY][,wgs84|gcj02|bd09]`, converted to WGS-84. Accuracy in metres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypedPlace {
    /// WGS-84.
    pub point: PointE7,
    /// Radius of the accuracy circle in centimetres, if it was given.
    pub accuracy_cm: Option<u32>,
    /// The datum in which they were typed.
    pub typed_in: Datum,
}

/// Largest accepted accuracy radius in metres (100 km); a larger number is a typing error.
const MAX_ACCURACY_M: f64 = 100_000.0;

impl TypedPlace {
    /// Parses coordinates; `datum` applies if the text names none.
    ///
    /// # Errors
    /// `place.malformed`, `place.off_globe` (with a hint if latitude and longitude look swapped),
    /// `place.accuracy`, `place.datum`.
    pub fn parse(text: &str, datum: Datum) -> Result<Self> {
        let parts: Vec<&str> = text.split([',', '，']).map(str::trim).collect();
        let (numbers, named) = match parts.split_last() {
            Some((last, rest)) if rest.len() >= 2 && last.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                (rest, Some(*last))
            }
            _ => (parts.as_slice(), None),
        };
        let typed_in = named.map_or(Ok(datum), parse_datum)?;
        let (lat, lon, accuracy) = match numbers {
            [lat, lon] => (lat, lon, None),
            [lat, lon, accuracy] => (lat, lon, Some(*accuracy)),
            _ => return Err(malformed(text)),
        };
        let degrees = |part: &str| part.parse::<f64>().ok().filter(|d| d.is_finite());
        let (Some(lat_degrees), Some(lon_degrees)) = (degrees(lat), degrees(lon)) else {
            return Err(malformed(text));
        };
        if lat_degrees.abs() > 90.0 || lon_degrees.abs() > 180.0 {
            return Err(off_globe(lat_degrees, lon_degrees));
        }
        let unit = |part: &str| decimal::parse_e7(part).map(|fixed| fixed.value);
        let (Some(lat), Some(lon)) = (unit(lat), unit(lon)) else {
            return Err(malformed(text));
        };
        Ok(Self {
            point: datum::to_wgs84(PointE7 { lat, lon }, typed_in),
            accuracy_cm: accuracy.map(parse_accuracy).transpose()?,
            typed_in,
        })
    }
    /// The position as evidence contains it: provider `manual`, fix time `now`.
    ///
    /// # Errors
    /// `place.accuracy` if none was typed: no accuracy is invented.
    pub fn position(self, now: Millis) -> Result<Position> {
        let accuracy_cm = self.accuracy_cm.ok_or_else(|| {
            Error::input(
                HandsetCode::PlaceAccuracy,
                "请在坐标后给出精度（米），例如 43.8571,125.3012,8",
                "give the accuracy in metres after the coordinates, such as 43.8571,125.3012,8",
            )
        })?;
        Ok(Position {
            point: self.point,
            accuracy_cm,
            provider: "manual".into(),
            mock: false,
            fix_time: now,
            monotonic_ms: None,
        })
    }
}

/// Parses `wgs84`, `gcj02` or `bd09`, in any case.
///
/// # Errors
/// `place.datum`.
pub fn parse_datum(text: &str) -> Result<Datum> {
    match text.to_ascii_lowercase().replace('-', "").as_str() {
        "wgs84" => Ok(Datum::Wgs84),
        "gcj02" => Ok(Datum::Gcj02),
        "bd09" => Ok(Datum::Bd09),
        _ => Err(Error::input(
            HandsetCode::PlaceDatum,
            format!("不认识坐标系 {text}，请用 wgs84、gcj02 或 bd09"),
            format!("{text} is no datum known here, use wgs84, gcj02 or bd09"),
        )),
    }
}

fn malformed(text: &str) -> Error {
    let shown: String = text.chars().take(48).collect();
    Error::input(
        HandsetCode::PlaceMalformed,
        format!("看不懂坐标 {shown}，请写成 纬度,经度[,精度米]，例如 43.8571,125.3012,8"),
        format!("cannot read {shown}, write LAT,LON[,ACCURACY] such as 43.8571,125.3012,8"),
    )
}

fn off_globe(lat: f64, lon: f64) -> Error {
    if lon.abs() <= 90.0 && lat.abs() <= 180.0 {
        return Error::input(
            HandsetCode::PlaceOffGlobe,
            format!("纬度 {lat} 超出范围，纬度和经度可能写反了，请先写纬度"),
            format!("latitude {lat} is out of range; latitude comes first, they may be exchanged"),
        );
    }
    Error::input(
        HandsetCode::PlaceOffGlobe,
        format!("坐标 {lat},{lon} 超出范围，请检查"),
        format!("{lat},{lon} is not on the globe"),
    )
}

fn parse_accuracy(text: &str) -> Result<u32> {
    let metres = text
        .trim_end_matches(['m', '米'])
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|m| (0.0..=MAX_ACCURACY_M).contains(m));
    // The range check bounds the value to ten million centimetres.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    metres.map(|m| (m * 100.0).round() as u32).ok_or_else(|| {
        Error::input(
            HandsetCode::PlaceAccuracy,
            format!("精度 {text} 不对，请给出 0 到 100000 之间的米数"),
            format!("accuracy {text} is no number of metres from 0 to 100000"),
        )
    })
}

/// A cell with its names in the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellName {
    pub code: CellCode,
    /// 街道/乡镇
    pub street: Option<String>,
    /// 社区/村
    pub community: Option<String>,
}

impl CellName {
    /// 「220104-05-03-17 桂林路街道 桂林社区」
    pub fn words(&self) -> String {
        let names = [self.street.as_deref(), self.community.as_deref()];
        let mut line = self.code.grouped();
        for name in names.into_iter().flatten() {
            line.push(' ');
            line.push_str(name);
        }
        line
    }
}

/// A cell under the accuracy circle.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateCell {
    pub cell: CellName,
    /// Share of the circle that lies in this cell, in (0, 1].
    pub share: f64,
}

/// The result of a lookup.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedPlace {
    /// WGS-84.
    pub point: PointE7,
    pub accuracy_cm: Option<u32>,
    pub answer: PlaceAnswer,
}

/// What the grid says about a point.
#[derive(Debug, Clone, PartialEq)]
pub enum PlaceAnswer {
    /// The handset has no grid yet; the next sync fetches it.
    NoGrid,
    /// The point lies in a cell.
    In {
        grid: GridVersion,
        cell: CellName,
        /// All cells under the accuracy circle, largest share first; only the cell itself if the circle lies
        /// within it.
        candidates: Vec<CandidateCell>,
        /// Share of the circle that lies in no cell, in [0, 1).
        outside: f64,
    },
    /// The point lies in no cell.
    Outside {
        grid: GridVersion,
        /// The nearest cell and the distance to its border in metres.
        nearest: Option<(CellName, f64)>,
        /// Cells that the accuracy circle reaches.
        candidates: Vec<CandidateCell>,
    },
}

impl LocatedPlace {
    /// The cell that the point lies in.
    pub fn cell(&self) -> Option<&CellName> {
        match &self.answer {
            PlaceAnswer::In { cell, .. } => Some(cell),
            PlaceAnswer::NoGrid | PlaceAnswer::Outside { .. } => None,
        }
    }
    /// The grid version of the lookup.
    pub fn grid(&self) -> Option<&GridVersion> {
        match &self.answer {
            PlaceAnswer::In { grid, .. } | PlaceAnswer::Outside { grid, .. } => Some(grid),
            PlaceAnswer::NoGrid => None,
        }
    }
}

/// The grid of the holder's county, as fetched by the last sync.
pub struct HandsetGrid {
    pack: PackBuf<Vec<u8>>,
    /// Computed when a map is first drawn.
    borders: OnceLock<Vec<BorderLine>>,
}

impl HandsetGrid {
    /// Opens a pack and checks it.
    ///
    /// # Errors
    /// `grid.pack.*`
    pub fn open(bytes: Vec<u8>) -> Result<Self> {
        match PackBuf::open(bytes) {
            Ok(pack) => Ok(Self {
                pack,
                borders: OnceLock::new(),
            }),
            Err(error) => Err(Error::input(
                ErrorCode::parse(error.code()),
                "本机的网格文件无法使用，请同步后重试",
                format!("the grid on this handset cannot be used, sync again: {error}"),
            )),
        }
    }
    pub(super) fn view(&self) -> Pack<'_> {
        self.pack.view()
    }
    /// The borders of the whole grid.
    pub(super) fn borders(&self) -> &[BorderLine] {
        self.borders.get_or_init(|| borders(self.view()))
    }
    /// Returns true if the borders were generated and not surveyed.
    pub(super) fn is_generated(&self) -> bool {
        self.pack.meta().borders == "cut"
    }
    /// The version of the grid.
    pub fn version(&self) -> &GridVersion {
        &self.pack.meta().grid_version
    }
    /// Looks up a WGS-84 point with the radius of its accuracy circle in centimetres.
    pub fn locate(&self, point: PointE7, accuracy_cm: Option<u32>) -> LocatedPlace {
        let pack = self.pack.view();
        let radius_m = f64::from(accuracy_cm.unwrap_or(0)) / 100.0;
        let under = pack.candidates(point, radius_m);
        let candidates: Vec<CandidateCell> = under
            .cells
            .iter()
            .map(|candidate| CandidateCell {
                cell: named(pack, candidate.cell),
                share: candidate.share,
            })
            .collect();
        let grid = self.version().clone();
        let answer = match pack.cell_at(point) {
            Some(cell) => PlaceAnswer::In {
                grid,
                cell: named(pack, cell),
                candidates,
                outside: under.outside,
            },
            None => PlaceAnswer::Outside {
                grid,
                nearest: pack
                    .nearest(point)
                    .map(|(cell, metres)| (named(pack, cell), metres)),
                candidates,
            },
        };
        LocatedPlace {
            point,
            accuracy_cm,
            answer,
        }
    }
    /// The names of a cell.
    pub fn name(&self, cell: CellCode) -> CellName {
        named(self.pack.view(), cell)
    }
}

fn named(pack: Pack<'_>, code: CellCode) -> CellName {
    CellName {
        code,
        street: pack.street(code.street()).map(|unit| unit.name.to_owned()),
        community: pack.community(code.community()).map(|unit| unit.name.to_owned()),
    }
}

/// Bearing from one WGS-84 point to another in degrees clockwise from north, computed on a local plane.
pub fn bearing(from: PointE7, to: PointE7) -> f64 {
    let (lat_from, lon_from) = from.degrees();
    let (lat_to, lon_to) = to.degrees();
    let east = (lon_to - lon_from) * ((lat_from + lat_to) / 2.0).to_radians().cos();
    east.atan2(lat_to - lat_from).to_degrees().rem_euclid(360.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<TypedPlace>) -> String {
        result.map_or_else(|error| error.code().to_string(), |place| format!("{place:?}"))
    }

    #[test]
    fn coordinates_are_parsed_exactly() {
        let place = TypedPlace::parse(" 43.8571234, 125.3012345 ,8", Datum::Wgs84).unwrap();
        assert_eq!(
            place.point,
            PointE7 {
                lat: 438_571_234,
                lon: 1_253_012_345
            }
        );
        assert_eq!(place.accuracy_cm, Some(800));
        let position = place.position(Millis(5)).unwrap();
        assert_eq!(
            (position.provider.as_str(), position.mock, position.fix_time),
            ("manual", false, Millis(5))
        );
    }

    #[test]
    fn other_datums_are_converted_to_wgs84() {
        let wgs = TypedPlace::parse("43.857,125.301", Datum::Wgs84).unwrap().point;
        for text in ["43.857,125.301,8,gcj02", "43.857,125.301,BD-09"] {
            let moved = TypedPlace::parse(text, Datum::Wgs84).unwrap();
            let metres = moved.point.metres_to(wgs);
            assert!((100.0..2000.0).contains(&metres), "{text}: {metres} m");
        }
        assert_eq!(
            TypedPlace::parse("43.857,125.301", Datum::Gcj02)
                .unwrap()
                .typed_in,
            Datum::Gcj02
        );
    }

    #[test]
    fn malformed_coordinates_have_their_own_codes() {
        let parse = |text| code(TypedPlace::parse(text, Datum::Wgs84));
        for text in ["", "43.8", "a,b", "43,125,8,9", "NaN,1", "43.8;125.3"] {
            assert_eq!(parse(text), "place.malformed", "{text}");
        }
        assert_eq!(parse("125.3012,43.8571"), "place.off_globe");
        assert_eq!(parse("43.8,125.3,-1"), "place.accuracy");
        assert_eq!(parse("43.8,125.3,1e9"), "place.accuracy");
        assert_eq!(parse("43.8,125.3,8,krassowski"), "place.datum");
        let error = TypedPlace::parse("125.3012,43.8571", Datum::Wgs84).unwrap_err();
        assert!(error.reason().zh.contains("写反"), "{}", error.reason().zh);
        let without = TypedPlace::parse("43.8,125.3", Datum::Wgs84).unwrap();
        assert_eq!(without.position(Millis(0)).unwrap_err().code(), "place.accuracy");
    }

    #[test]
    fn bearings_follow_the_compass() {
        let here = PointE7 {
            lat: 438_000_000,
            lon: 1_253_000_000,
        };
        for (lat, lon, wanted) in [(1, 0, 0.0), (0, 1, 90.0), (-1, 0, 180.0), (0, -1, 270.0)] {
            let there = PointE7 {
                lat: here.lat + lat * 10_000,
                lon: here.lon + lon * 10_000,
            };
            assert!((bearing(here, there) - wanted).abs() < 0.1);
        }
    }
}
