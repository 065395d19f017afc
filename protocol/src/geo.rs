//! Points and datums. No point is stored without a known datum (standards.md section 4).

use serde::{Deserialize, Serialize};

/// A point in units of 1e-7 degree (about 1 cm); WGS-84 unless the field's description names another datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PointE7 {
    /// Latitude, -900_000_000..=900_000_000.
    pub lat: i32,
    /// Longitude, -1_800_000_000..=1_800_000_000.
    pub lon: i32,
}

impl PointE7 {
    /// Converts decimal degrees, rounded to the nearest unit; `None` if not finite or outside the globe.
    pub fn from_degrees(lat: f64, lon: f64) -> Option<Self> {
        let unit = |degrees: f64, limit: f64| {
            // In range after the check, so the cast cannot truncate.
            #[allow(clippy::cast_possible_truncation)]
            (degrees.is_finite() && degrees.abs() <= limit).then(|| (degrees * 1e7).round() as i32)
        };
        Some(Self {
            lat: unit(lat, 90.0)?,
            lon: unit(lon, 180.0)?,
        })
    }
    /// `(lat, lon)` in decimal degrees.
    pub fn degrees(self) -> (f64, f64) {
        (f64::from(self.lat) / 1e7, f64::from(self.lon) / 1e7)
    }
    /// Returns whether the point is on the globe; points from the wire may not be.
    pub fn is_on_globe(self) -> bool {
        self.lat.unsigned_abs() <= 900_000_000 && self.lon.unsigned_abs() <= 1_800_000_000
    }
    /// Returns the distance in metres on a local plane; error below 0.5 % up to 100 km, which is enough for sorting.
    pub fn metres_to(self, other: Self) -> f64 {
        let dlat = (f64::from(other.lat) - f64::from(self.lat)) * 1e-7 * 111_132.0;
        let mid = (f64::from(other.lat) + f64::from(self.lat)) * 0.5e-7;
        let dlon = (f64::from(other.lon) - f64::from(self.lon)) * 1e-7 * 111_319.49 * mid.to_radians().cos();
        dlat.hypot(dlon)
    }
}

/// The datum of input coordinates. Positions are stored in WGS-84 only; the others are converted on input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    Wgs84,
    /// 国测局坐标
    Gcj02,
    /// 百度坐标
    Bd09,
}
