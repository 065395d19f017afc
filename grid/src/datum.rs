//! WGS-84, GCJ-02 (the datum of Chinese map services) and BD-09 (Baidu): conversion on input and output.
//!
//! All stored and computed positions are WGS-84. A position in another datum is converted once, on input, and keeps
//! the name of its source datum; taking GCJ-02 for WGS-84 causes an error of about 500 m, which is almost always
//! another cell. GCJ-02 has no published inverse: it is computed by iteration with an error below 6 mm. Outside China
//! (the bounding box that the services themselves use) GCJ-02 equals WGS-84.

use std::f64::consts::PI;

use protocol::geo::{Datum, PointE7};

/// A position in decimal degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Degrees {
    /// Latitude.
    pub lat: f64,
    /// Longitude.
    pub lon: f64,
}

const KRASOVSKY_A: f64 = 6_378_245.0;
const KRASOVSKY_EE: f64 = 0.006_693_421_622_965_943;

/// Returns true inside the bounding box in which the map services shift coordinates.
fn is_in_china(p: Degrees) -> bool {
    (72.004..=137.8347).contains(&p.lon) && (0.8293..=55.8271).contains(&p.lat)
}

/// Sine by its series, error below 1e-14. It does not use libm, so an outline is converted to the same bits on every
/// machine.
fn sine(x: f64) -> f64 {
    let r = x - 2.0 * PI * (x / (2.0 * PI)).round();
    let q = r * r;
    let terms = (1..=14).rev().map(|k| f64::from(2 * k * (2 * k + 1)));
    r * terms.fold(1.0, |s, k| 1.0 - q / k * s)
}

/// The offset that GCJ-02 adds to a WGS-84 position.
fn shift(p: Degrees) -> Degrees {
    let (x, y) = (p.lon - 105.0, p.lat - 35.0);
    let wave = |v: f64| (20.0 * sine(6.0 * v * PI) + 20.0 * sine(2.0 * v * PI)) * 2.0 / 3.0;
    let slow = |v: f64, a: f64, b: f64| {
        (20.0 * sine(v * PI) + 40.0 * sine(v / 3.0 * PI)) * 2.0 / 3.0
            + (a * sine(v / 12.0 * PI) + b * sine(v / 30.0 * PI)) * 2.0 / 3.0
    };
    let root = x.abs().sqrt();
    let north =
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave(x) + slow(y, 160.0, 320.0);
    let east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave(x) + slow(x, 150.0, 300.0);
    let (sin, cos) = (sine(p.lat / 180.0 * PI), sine((p.lat + 90.0) / 180.0 * PI));
    let magic = 1.0 - KRASOVSKY_EE * sin * sin;
    let meridian = KRASOVSKY_A * (1.0 - KRASOVSKY_EE) / (magic * magic.sqrt());
    Degrees {
        lat: north * 180.0 / (meridian * PI),
        lon: east * 180.0 / (KRASOVSKY_A / magic.sqrt() * cos * PI),
    }
}

/// Converts WGS-84 to GCJ-02.
pub fn wgs84_to_gcj02(p: Degrees) -> Degrees {
    if !is_in_china(p) {
        return p;
    }
    let d = shift(p);
    Degrees {
        lat: p.lat + d.lat,
        lon: p.lon + d.lon,
    }
}

/// Converts GCJ-02 to WGS-84 by iteration; the round trip is exact to a fraction of a millimetre.
pub fn gcj02_to_wgs84(p: Degrees) -> Degrees {
    if !is_in_china(p) {
        return p;
    }
    let mut guess = p;
    for _ in 0..8 {
        let image = wgs84_to_gcj02(guess);
        guess = Degrees {
            lat: guess.lat + p.lat - image.lat,
            lon: guess.lon + p.lon - image.lon,
        };
    }
    guess
}

const BAIDU: f64 = PI * 3000.0 / 180.0;

/// Converts GCJ-02 to BD-09.
pub fn gcj02_to_bd09(p: Degrees) -> Degrees {
    let z = (p.lon * p.lon + p.lat * p.lat).sqrt() + 0.000_02 * (p.lat * BAIDU).sin();
    let (sin, cos) = (p.lat.atan2(p.lon) + 0.000_003 * (p.lon * BAIDU).cos()).sin_cos();
    Degrees {
        lat: z * sin + 0.006,
        lon: z * cos + 0.0065,
    }
}

/// Converts BD-09 to GCJ-02 by iteration.
pub fn bd09_to_gcj02(p: Degrees) -> Degrees {
    let mut guess = Degrees {
        lat: p.lat - 0.006,
        lon: p.lon - 0.0065,
    };
    for _ in 0..8 {
        let image = gcj02_to_bd09(guess);
        guess = Degrees {
            lat: guess.lat + p.lat - image.lat,
            lon: guess.lon + p.lon - image.lon,
        };
    }
    guess
}

/// Converts a position of the named datum to WGS-84, rounded to 1e-7 degree once. WGS-84 is returned unchanged.
pub fn to_wgs84(p: PointE7, from: Datum) -> PointE7 {
    match from {
        Datum::Wgs84 => p,
        Datum::Gcj02 => rounded(gcj02_to_wgs84(degrees(p))),
        Datum::Bd09 => rounded(gcj02_to_wgs84(bd09_to_gcj02(degrees(p)))),
    }
}

/// Converts a WGS-84 position to the named datum, for display on commercial tiles. WGS-84 is returned unchanged.
pub fn from_wgs84(p: PointE7, to: Datum) -> PointE7 {
    match to {
        Datum::Wgs84 => p,
        Datum::Gcj02 => rounded(wgs84_to_gcj02(degrees(p))),
        Datum::Bd09 => rounded(gcj02_to_bd09(wgs84_to_gcj02(degrees(p)))),
    }
}

fn degrees(p: PointE7) -> Degrees {
    Degrees {
        lat: f64::from(p.lat) / 1e7,
        lon: f64::from(p.lon) / 1e7,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float to i32 cast saturates; the input is on the globe"
)]
fn rounded(p: Degrees) -> PointE7 {
    PointE7 {
        lat: (p.lat * 1e7).round() as i32,
        lon: (p.lon * 1e7).round() as i32,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    fn metres(a: Degrees, b: Degrees) -> f64 {
        let x = (a.lon - b.lon) * 111_319.5 * (a.lat / 180.0 * PI).cos();
        let y = (a.lat - b.lat) * 111_132.0;
        (x * x + y * y).sqrt()
    }

    #[test]
    fn conversions_match_the_published_vectors_to_a_tenth_of_a_millimetre() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../data/gcj02_vectors.json")).unwrap();
        let rows = file["vectors"].as_array().unwrap();
        assert_eq!(rows.len(), 3);
        for row in rows {
            let n = |k: usize| row[k].as_f64().unwrap();
            let (wgs, gcj) = (Degrees { lat: n(0), lon: n(1) }, Degrees { lat: n(2), lon: n(3) });
            assert!(metres(wgs84_to_gcj02(wgs), gcj) < 1e-4, "{row}");
            assert!(metres(gcj02_to_wgs84(gcj), wgs) < 6e-3, "{row}");
        }
        for row in file["computed_here"]["rows"].as_array().unwrap() {
            let at = |k: usize| Degrees {
                lat: row[k][1].as_f64().unwrap(),
                lon: row[k][0].as_f64().unwrap(),
            };
            let gcj = wgs84_to_gcj02(at(1));
            assert!(metres(gcj, at(2)) < 1e-3, "{row}");
            assert!(metres(gcj02_to_bd09(gcj), at(3)) < 1e-3, "{row}");
        }
    }

    #[test]
    fn the_series_for_sine_matches_the_standard_library() {
        for k in -4_000..4_000 {
            let x = f64::from(k) * 0.173;
            assert!((sine(x) - x.sin()).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn outside_china_gcj02_equals_wgs84() {
        for (lat, lon) in [(48.85, 2.35), (-33.86, 151.2), (0.0, 0.0), (60.0, 100.0)] {
            let p = Degrees { lat, lon };
            assert_eq!((wgs84_to_gcj02(p), gcj02_to_wgs84(p)), (p, p));
        }
    }

    #[test]
    fn confusing_the_datums_in_changchun_shifts_a_point_by_more_than_a_cell() {
        let p = Degrees {
            lat: 43.88,
            lon: 125.32,
        };
        let off = metres(wgs84_to_gcj02(p), p);
        assert!((580.0..600.0).contains(&off), "{off}");
    }

    proptest! {
        #[test]
        fn a_round_trip_through_gcj02_errs_by_less_than_six_millimetres(lat in 18.0..53.0f64, lon in 73.5..135.0f64) {
            let p = Degrees { lat, lon };
            prop_assert!(metres(gcj02_to_wgs84(wgs84_to_gcj02(p)), p) < 6e-3);
            prop_assert!(metres(bd09_to_gcj02(gcj02_to_bd09(p)), p) < 6e-3);
            let e7 = rounded(p);
            for datum in [Datum::Wgs84, Datum::Gcj02, Datum::Bd09] {
                let back = to_wgs84(from_wgs84(e7, datum), datum);
                prop_assert!((back.lat - e7.lat).abs() <= 1 && (back.lon - e7.lon).abs() <= 1);
            }
        }
    }
}
