//! A grid beside the outline of its county, from another file: land that no cell covers, and cells outside. Figures for
//! people, on the ellipsoid; the operator decides. An outline in the same file as the cells is exact, and checked so.

use std::collections::BTreeMap;

use protocol::codes::CountyCode;

use crate::check::figures::{self, MeasuredRegion};
use crate::compare::{rim, slices};
use crate::geom::{Pt, area2};
use crate::import::Source;
use crate::level::Level;
use crate::pack::Pack;
use crate::source::{DatumError, SourceDatum, resolve};

/// The outlines of counties, in WGS-84: a city publishes them in one file.
#[derive(Clone, Debug)]
pub struct CountyOutlines {
    /// The outer rings of each code, counter-clockwise.
    rings: BTreeMap<String, Vec<Vec<Pt>>>,
}

/// Why a file gives no outlines.
#[derive(Debug, thiserror::Error)]
pub enum OutlineError {
    /// The datum is unknown or contradicted.
    #[error(transparent)]
    Datum(#[from] DatumError),
    /// A feature that cannot be read.
    #[error("{0}: {1}")]
    Faulty(String, String),
    /// An outline with a hole is not compared.
    #[error("{0}: the outline has a hole")]
    Hole(String),
    /// No feature with the code of a county.
    #[error("no feature has a `code` of six digits, as the outline of a county has")]
    Missing,
}

impl OutlineError {
    /// Returns the stable dotted code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Datum(_) => "grid.outline.datum",
            Self::Faulty(..) => "grid.outline.faulty",
            Self::Hole(_) => "grid.outline.hole",
            Self::Missing => "grid.outline.missing",
        }
    }
}

impl CountyOutlines {
    /// The features of a county's level in a file. `stated` is the datum that the operator states for it.
    ///
    /// # Errors
    /// [`OutlineError`], if the file has none that can be read.
    pub fn of(source: Source, stated: Option<SourceDatum>) -> Result<Self, OutlineError> {
        let mut file = source.file;
        let datum = resolve(&file.stated, stated)?;
        file.convert(datum);
        if let Some(fault) = file.findings.first() {
            return Err(OutlineError::Faulty(fault.codes.join(","), fault.detail.clone()));
        }
        let mut rings: BTreeMap<String, Vec<Vec<Pt>>> = BTreeMap::new();
        for loose in file.areas.into_iter().filter(|a| a.area.level == Level::County) {
            if loose.hole.is_some() {
                return Err(OutlineError::Hole(loose.area.code));
            }
            let own = rings.entry(loose.area.code).or_default();
            own.push(loose.area.ring);
            own.extend(loose.others);
        }
        for ring in rings.values_mut().flatten().filter(|ring| area2(ring) < 0) {
            ring.reverse();
        }
        if rings.is_empty() {
            return Err(OutlineError::Missing);
        }
        Ok(Self { rings })
    }
}

/// A grid beside its county's outline.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Coverage {
    /// Square metres of the outline.
    pub outline_m2: f64,
    /// Square metres inside of it that no cell covers.
    pub bare_m2: f64,
    /// Square metres of cells outside of it.
    pub beyond_m2: f64,
}

impl Coverage {
    /// Compares a county's grid with its outline; `None` if there is none of this county.
    pub fn of(outlines: &CountyOutlines, county: CountyCode, pack: Pack<'_>) -> Option<Self> {
        let outline = outlines.rings.get(county.as_str())?;
        let rim = rim(pack);
        let sum = |regions: Vec<MeasuredRegion>| regions.iter().map(|r| r.m2).sum::<f64>();
        let (outline_m2, cells_m2) = (sum(figures::above(outline, &[])), sum(figures::above(&rim, &[])));
        // The overlay is less precise where the two lie far apart; no more can be bare or beyond than there is.
        Some(Self {
            outline_m2,
            bare_m2: sum(figures::above(outline, &slices(&rim))).min(outline_m2),
            beyond_m2: sum(figures::above(&rim, &slices(outline))).min(cells_m2),
        })
    }
}
