//! A grid file as any reader leaves it: the features that could be read, and the faults of the others.
//!
//! What differs between programs and harms nobody is put right here and counted: clockwise rings are turned (RFC 7946
//! tells readers not to refuse them), and vertices that became equal by rounding are kept once.

use protocol::geo::Datum;

use crate::check::finding::{Finding, FindingKind};
use crate::datum::to_wgs84;
use crate::geojson::GridFeature;
use crate::geom::{Pt, area2};
use crate::level::Level;
use crate::source::{Reference, SourceDatum};

/// A feature as read, possibly faulty.
#[derive(Clone, Debug)]
pub struct LooseArea {
    /// Properties `code`, `stat`, `name`, `level`, `urban` where present; `ring` is the outer ring.
    pub area: GridFeature,
    /// Outer rings of further polygons; an area has one polygon, an outline may have several.
    pub others: Vec<Vec<Pt>>,
    /// The first vertex of the first hole, if there is a hole.
    pub hole: Option<Pt>,
}

/// The properties of a feature, as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Properties {
    pub code: String,
    pub stat: String,
    pub name: String,
    pub level: Option<Level>,
    pub is_urban: bool,
}

/// A file as read: the features that could be read, and the faults of the others.
#[derive(Debug, Default)]
pub struct LooseFile {
    /// The member `metadata`, if present.
    pub metadata: Option<serde_json::Value>,
    /// Reference systems that the file itself states for its coordinates.
    pub stated: Vec<Reference>,
    /// The features that could be read.
    pub areas: Vec<LooseArea>,
    /// Faults of the features that could not be read.
    pub findings: Vec<Finding>,
    /// Coordinates that had more than seven decimals and were rounded.
    pub rounded: usize,
    /// Positions with a third value (height), which was ignored.
    pub third_values: usize,
    /// Outer rings that ran clockwise and were turned.
    pub turned: usize,
    /// Vertices left out because they equal the one before.
    pub doubled: usize,
}

impl LooseFile {
    /// Adds the `k`-th feature of the file; a fault becomes a finding. Every ring has its first vertex repeated at its
    /// end. `None` for polygons stands for a coordinate that could not be read.
    pub(crate) fn add(&mut self, k: usize, properties: Properties, polygons: Option<Vec<Vec<Vec<Pt>>>>) {
        let label = properties.label(k);
        let Some(mut polygons) = polygons else {
            return self.fault(
                FindingKind::Coordinate,
                label,
                None,
                "a coordinate is no number or not on the globe; metres of a projected system must be converted to \
                 degrees first"
                    .into(),
            );
        };
        let mut doubled = 0;
        for ring in polygons.iter_mut().flatten() {
            let place = ring.first().copied();
            if ring.len() > 1 && ring.first() == ring.last() {
                ring.pop();
            } else {
                let detail = "the last position of a ring must repeat the first".into();
                return self.fault(FindingKind::RingOpen, label, place, detail);
            }
            doubled += without_doubles(ring);
            if ring.len() < 3 {
                let detail = format!("a ring of {} vertices", ring.len());
                return self.fault(FindingKind::RingShort, label, place, detail);
            }
        }
        let hole = polygons
            .iter()
            .find_map(|p| p.get(1))
            .and_then(|h| h.first())
            .copied();
        let mut outer = polygons.into_iter().map(|polygon| polygon.into_iter().next());
        let Some(mut ring) = outer.next().flatten() else {
            return self.fault(FindingKind::NotAPolygon, label, None, "no ring".into());
        };
        let level = properties.level.or(Level::of_code(&properties.code));
        let (Some(level), false) = (level, properties.code.is_empty()) else {
            let detail = format!("{:?} is no code of 6, 8, 10 or 12 digits", properties.code);
            return self.fault(FindingKind::CodeMalformed, label, ring.first().copied(), detail);
        };
        let others = outer.flatten().collect();
        if area2(&ring) < 0 {
            ring.reverse();
            self.turned += 1;
        }
        self.doubled += doubled;
        let Properties {
            code,
            stat,
            name,
            is_urban,
            ..
        } = properties;
        let area = GridFeature {
            level,
            code,
            stat,
            name,
            is_urban,
            ring,
        };
        self.areas.push(LooseArea { area, others, hole });
    }

    /// Converts every vertex to WGS-84, rounded to 1e-7 degree once.
    pub(crate) fn convert(&mut self, from: SourceDatum) {
        if from.datum() == Datum::Wgs84 {
            return;
        }
        let converted = |p: &Pt| to_wgs84((*p).into(), from.datum()).into();
        for loose in &mut self.areas {
            let rings = std::iter::once(&mut loose.area.ring).chain(&mut loose.others);
            rings.flatten().for_each(|p| *p = converted(p));
            loose.hole = loose.hole.as_ref().map(converted);
        }
        for finding in &mut self.findings {
            finding.place = finding.place.map(|p| to_wgs84(p, from.datum()));
        }
    }

    /// Adds a fault of a feature.
    pub(crate) fn fault(&mut self, kind: FindingKind, label: String, place: Option<Pt>, detail: String) {
        self.findings.push(Finding {
            kind,
            codes: vec![label],
            place: place.map(Into::into),
            detail,
        });
    }
}

impl Properties {
    /// The code, or the number of the feature where there is none.
    pub fn label(&self, k: usize) -> String {
        if self.code.is_empty() {
            format!("feature {k}")
        } else {
            self.code.clone()
        }
    }
}

/// Removes vertices that equal the one before, also over the end of the ring. Returns how many.
pub(crate) fn without_doubles(ring: &mut Vec<Pt>) -> usize {
    let before = ring.len();
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    before - ring.len()
}
