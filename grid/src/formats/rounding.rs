//! Floats to 1e-7 degree, rounded once.

use protocol::geo::PointE7;

use crate::geom::Pt;

/// Rounds positions and counts those that had more than seven decimals.
#[derive(Default)]
pub(super) struct Rounding {
    pub rounded: usize,
}

impl Rounding {
    /// `None` if it is not on the globe.
    pub fn point(&mut self, lon: f64, lat: f64) -> Option<Pt> {
        let point = PointE7::from_degrees(lat, lon)?;
        // A float of seven decimals is off by far less than this.
        let is_off = |v: f64| (v * 1e7 - (v * 1e7).round()).abs() > 0.001;
        self.rounded += usize::from(is_off(lon) || is_off(lat));
        Some(point.into())
    }

    /// Rounds a ring; `None` if a position is not on the globe.
    pub fn ring(&mut self, positions: impl IntoIterator<Item = (f64, f64)>) -> Option<Vec<Pt>> {
        positions
            .into_iter()
            .map(|(lon, lat)| self.point(lon, lat))
            .collect()
    }
}
