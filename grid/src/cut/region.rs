//! A region of several districts, read and repaired once; any of its districts can then be cut.

use protocol::codes::{CountyCode, GridVersion};
use protocol::geo::Datum;

use super::error::CutError;
use super::numbering::Numbering;
use super::outline::{DistrictOutline, repair};
use super::plan::{Measures, cut_outline};
use super::source::{CountyUnits, Divisions, read_outlines};
use crate::geojson::{Absent, GridFeature, Metadata};
use crate::geom::{LocalFrame, Metres, Pt};

/// The parameters of one cut.
#[derive(Clone, Debug)]
pub struct CutOptions {
    /// The district.
    pub county: CountyCode,
    /// Version to give the grid.
    pub grid_version: GridVersion,
    /// Source of the outlines, used if their file does not state one.
    pub outline_source: String,
    /// Seed of the cut: another seed gives another, equally valid grid.
    pub seed: u64,
    /// The table of an earlier cut.
    pub numbering: Option<Numbering>,
    /// Position of the town (WGS-84), if known. Otherwise: the vertex where the urban districts meet.
    pub seat: Option<Pt>,
}

/// A cut district.
#[derive(Clone, Debug)]
pub struct CutDistrict {
    /// Description of the grid: version, source, datum.
    pub metadata: Metadata,
    /// County, streets, communities and cells.
    pub areas: Vec<GridFeature>,
    /// The numbering table, to be stored with the grid and passed to the next cut.
    pub numbering: Numbering,
}

/// Maximum edge length of a repaired outline, metres.
const OUTLINE_STEP_M: f64 = 25.0;
/// Maximum area of a detached part that may be dropped, square metres; a larger one stops the cut.
const OUTLINE_LOSS_M2: f64 = 200_000.0;

/// Outlines and list of units, read and repaired once; any of the districts can be cut from it.
#[derive(Clone, Debug)]
pub struct Region {
    outlines: Vec<DistrictOutline>,
    divisions: Divisions,
    source_datum: Datum,
    outline_source: Option<String>,
}

impl Region {
    /// Reads and repairs outlines and list.
    pub fn read(outlines: &str, divisions: &str, source_datum: Datum) -> Result<Self, CutError> {
        let divisions = Divisions::read(divisions)?;
        let (raw, outline_source) = read_outlines(outlines, source_datum)?;
        let outlines = repair(&raw, OUTLINE_STEP_M, OUTLINE_LOSS_M2)?;
        Ok(Self {
            outline_source,
            outlines,
            divisions,
            source_datum,
        })
    }

    /// Returns the counties that have both an outline and a list.
    pub fn counties(&self) -> impl Iterator<Item = CountyCode> + '_ {
        self.outlines
            .iter()
            .map(|o| o.code)
            .filter(|c| self.divisions.county(*c).is_some())
    }

    /// Cuts one district. Deterministic: the same input gives the same result.
    pub fn cut(&self, options: &CutOptions) -> Result<CutDistrict, CutError> {
        let unknown = || CutError::UnknownCounty(options.county);
        let outline = self
            .outlines
            .iter()
            .find(|o| o.code == options.county)
            .ok_or_else(unknown)?;
        let units = self.divisions.county(options.county).ok_or_else(unknown)?;
        let mut numbering = options
            .numbering
            .clone()
            .unwrap_or_else(|| Numbering::new(options.county));
        numbering.extend(units)?;
        let seat = options
            .seat
            .or_else(|| units.is_urban().then(|| self.hub()).flatten());
        let measures = Measures {
            seed: options.seed,
            ..Measures::default()
        };
        let areas = cut_outline(&outline.ring, units, &numbering, seat, &measures)?;
        let metadata = Metadata {
            format: "xunge-grid".into(),
            grid_version: options.grid_version.clone(),
            county: options.county,
            name: units.name.clone(),
            datum: "WGS-84".into(),
            source_datum: self.source_datum,
            source_datum_verified: false,
            outline_source: self.outline_source.clone().unwrap_or_else(|| options.outline_source.clone()),
            borders: "cut".into(),
            note: "街道、社区与单元网格的边界由本软件在区县轮廓内划分,未经测绘,仅名称属实;坐标系来源未核实。 Borders of streets, communities \
                   and cells were cut by this software inside the district's outline; they are not surveyed. Names are real, \
                   their places are not. Position and density of the town are assumed. The source's datum is unverified."
                .into(),
            seed: options.seed,
            absent: self.absent(),
            parts_given_up_m2: whole(outline.given_up_m2),
        };
        Ok(CutDistrict {
            metadata,
            areas,
            numbering,
        })
    }

    /// Returns the units of the list without an outline.
    fn absent(&self) -> Vec<Absent> {
        let has = |code: &str| self.outlines.iter().any(|o| o.code.as_str() == code);
        let absent = self.divisions.counties.iter().filter(|c| !has(&c.code));
        absent
            .map(|c| Absent {
                code: c.code.clone(),
                name: c.name.clone(),
            })
            .collect()
    }

    /// Returns the centre of the city: the outline vertex with the smallest sum of distances to all urban districts.
    fn hub(&self) -> Option<Pt> {
        let is_urban =
            |o: &&DistrictOutline| self.divisions.county(o.code).is_some_and(CountyUnits::is_urban);
        let urban: Vec<&DistrictOutline> = self.outlines.iter().filter(is_urban).collect();
        let frame = LocalFrame::new(*urban.first()?.ring.first()?);
        let rings: Vec<Vec<Metres>> = urban
            .iter()
            .map(|o| o.ring.iter().step_by(2).map(|&p| frame.metres(p)).collect())
            .collect();
        let mut best: Option<(f64, Pt)> = None;
        for &p in urban.iter().flat_map(|o| o.ring.iter().step_by(4)) {
            let at = frame.metres(p);
            let mut sum = 0.0;
            for ring in &rings {
                sum += ring
                    .iter()
                    .map(|m| m.minus(at))
                    .map(|d| d.dot(d))
                    .fold(f64::INFINITY, f64::min)
                    .sqrt();
                if best.is_some_and(|b| sum >= b.0) {
                    break;
                }
            }
            if best.is_none_or(|b| sum < b.0) {
                best = Some((sum, p));
            }
        }
        best.map(|b| b.1)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an area is not negative; it saturates"
)]
fn whole(m2: f64) -> u64 {
    m2.round() as u64
}
