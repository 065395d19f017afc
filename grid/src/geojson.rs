//! GeoJSON in and out (RFC 7946, WGS-84): the exchange format between cutter, checker, packer and other people's tools.
//!
//! What we write carries `metadata` beside the features: whose borders are surveyed and whose were drawn by us, the
//! datum the source came in, and which zones are absent. What we read may come from anywhere: coordinates are taken
//! from their text without a float in between, rounded once to 1e-7 degree, and the rounded ones are counted.

use protocol::codes::{CountyCode, GridVersion};
use protocol::geo::{Datum, PointE7};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::check::finding::{Finding, FindingKind};
use crate::decimal::{format_e7, parse_e7};
use crate::geom::Pt;
use crate::level::Level;

/// What a grid file says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// `xunge-grid`.
    pub format: String,
    /// Version of this grid, such as `220104.1`.
    pub grid_version: GridVersion,
    /// The county (县级区划).
    pub county: CountyCode,
    /// Its name.
    pub name: String,
    /// Datum of the coordinates here: always WGS-84, as RFC 7946 asks.
    pub datum: String,
    /// Datum the outline came in; it was converted once, when it was read.
    pub source_datum: Datum,
    /// Whether anyone has verified that datum.
    pub source_datum_verified: bool,
    /// Where the outline comes from.
    pub outline_source: String,
    /// `cut`: the borders of streets, communities and cells were drawn by this program inside the outline and are not
    /// surveyed; the names are real, their places are not. Every map has to say so.
    pub borders: String,
    /// The same for people.
    pub note: String,
    /// Seed of the cut.
    pub seed: u64,
    /// Units of the list that have no outline and are therefore not in any grid.
    pub absent: Vec<Absent>,
    /// Square metres of small detached parts that the repair gave to the district around them or dropped.
    pub parts_given_up_m2: u64,
}

/// A unit that the list names but no outline shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Its code in the list.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// One area of a grid file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridFeature {
    /// Which level.
    pub level: Level,
    /// 6, 8, 10 or 12 digits of our scheme.
    pub code: String,
    /// Statistics code of the unit (of its community for a cell), or empty.
    pub stat: String,
    /// Name, or empty.
    pub name: String,
    /// A town's rather than a village's.
    pub is_urban: bool,
    /// Vertices, counter-clockwise, the first not repeated.
    pub ring: Vec<Pt>,
}

/// Writes a grid file: one line a feature, the same bytes for the same input.
pub fn write(metadata: &Metadata, areas: &[GridFeature]) -> Result<String, serde_json::Error> {
    let mut out = format!(
        "{{\"type\":\"FeatureCollection\",\"metadata\":{},\"features\":[",
        serde_json::to_string(metadata)?
    );
    for (k, area) in areas.iter().enumerate() {
        out.push_str(if k == 0 { "\n" } else { ",\n" });
        let properties = Properties {
            level: Some(area.level),
            code: Some(serde_json::Value::from(area.code.as_str())),
            stat: area.stat.clone(),
            name: area.name.clone(),
            urban: area.is_urban,
        };
        out.push_str("{\"type\":\"Feature\",\"properties\":");
        out.push_str(&serde_json::to_string(&properties)?);
        out.push_str(",\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[");
        for (k, p) in area.ring.iter().chain(area.ring.first()).enumerate() {
            out.push_str(if k == 0 { "[" } else { ",[" });
            out.push_str(&format_e7(p.x));
            out.push(',');
            out.push_str(&format_e7(p.y));
            out.push(']');
        }
        out.push_str("]]}}");
    }
    out.push_str("\n]}\n");
    Ok(out)
}

#[derive(Serialize, Deserialize)]
struct Properties {
    #[serde(default)]
    level: Option<Level>,
    #[serde(default)]
    code: Option<serde_json::Value>,
    #[serde(default)]
    stat: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    urban: bool,
}

#[derive(Deserialize)]
struct CollectionIn<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    metadata: Option<serde_json::Value>,
    #[serde(borrow)]
    features: Vec<FeatureIn<'a>>,
}

#[derive(Deserialize)]
struct FeatureIn<'a> {
    #[serde(default)]
    properties: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(borrow, default)]
    geometry: Option<GeometryIn<'a>>,
}

#[derive(Deserialize)]
struct GeometryIn<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    coordinates: Option<&'a RawValue>,
}

/// The text is no GeoJSON at all.
#[derive(Debug, thiserror::Error)]
pub enum GeoJsonError {
    /// Not JSON, or not of the shape of a FeatureCollection.
    #[error("not a GeoJSON FeatureCollection: {0}")]
    Json(#[from] serde_json::Error),
    /// Some other kind of object.
    #[error("a {0}, not a FeatureCollection")]
    Kind(String),
}

/// A feature as it was found.
#[derive(Clone, Debug)]
pub struct LooseArea {
    /// Properties `code`, `stat`, `name`, `level`, `urban` where they are there; `ring` is the outer ring.
    pub area: GridFeature,
    /// Every polygon with every ring, the first vertex not repeated.
    pub polygons: Vec<Vec<Vec<Pt>>>,
}

/// A file as it was found: what could be read, and what is wrong with the rest.
#[derive(Debug, Default)]
pub struct LooseFile {
    /// `metadata`, if there is any.
    pub metadata: Option<serde_json::Value>,
    /// The features that could be read.
    pub areas: Vec<LooseArea>,
    /// Faults of those that could not.
    pub findings: Vec<Finding>,
    /// Coordinates that had more than seven decimals and were rounded.
    pub rounded: usize,
    /// Positions with a third value (height), which was left out.
    pub third_values: usize,
}

/// Reads any FeatureCollection. Faulty features become findings; only what is no GeoJSON at all is an error.
pub fn read(text: &str) -> Result<LooseFile, GeoJsonError> {
    let collection: CollectionIn<'_> = serde_json::from_str(text)?;
    if collection.kind != "FeatureCollection" {
        return Err(GeoJsonError::Kind(collection.kind));
    }
    let mut file = LooseFile {
        metadata: collection.metadata,
        ..LooseFile::default()
    };
    for (k, feature) in collection.features.into_iter().enumerate() {
        read_feature(k, feature, &mut file);
    }
    Ok(file)
}

fn read_feature(k: usize, feature: FeatureIn<'_>, file: &mut LooseFile) {
    let properties = feature.properties.unwrap_or_default();
    let text = |key: &str| match properties.get(key) {
        Some(serde_json::Value::String(s)) => s.clone(),
        Some(serde_json::Value::Number(n)) => n.to_string(),
        _ => String::new(),
    };
    let code = text("code");
    let label = if code.is_empty() {
        format!("feature {k}")
    } else {
        code.clone()
    };
    let mut bad = |kind, detail: String, place| {
        file.findings.push(Finding {
            kind,
            codes: vec![label.clone()],
            place,
            detail,
        })
    };
    let Some(geometry) = feature.geometry else {
        return bad(FindingKind::NotAPolygon, "no geometry".into(), None);
    };
    let raw = geometry.coordinates.map_or("", RawValue::get);
    let mut reader = Positions {
        rest: raw,
        rounded: 0,
        third_values: 0,
    };
    let polygons = match geometry.kind.as_str() {
        "Polygon" => reader.polygon().map(|p| vec![p]),
        "MultiPolygon" => reader.list(Positions::polygon),
        other => return bad(FindingKind::NotAPolygon, format!("geometry is a {other}"), None),
    };
    let Some(mut polygons) = polygons else {
        return bad(
            FindingKind::Coordinate,
            "a coordinate is no number or not on the globe".into(),
            None,
        );
    };
    for ring in polygons.iter_mut().flatten() {
        let place = ring.first().map(|&p| PointE7::from(p));
        if ring.len() > 1 && ring.first() == ring.last() {
            ring.pop();
        } else {
            return bad(
                FindingKind::RingOpen,
                "the last position of a ring must repeat the first".into(),
                place,
            );
        }
        if ring.len() < 3 {
            return bad(
                FindingKind::RingShort,
                format!("a ring of {} vertices", ring.len()),
                place,
            );
        }
    }
    let Some(ring) = polygons.first().and_then(|p| p.first()).cloned() else {
        return bad(FindingKind::NotAPolygon, "no ring".into(), None);
    };
    let named = properties.get("level").and_then(|l| Level::deserialize(l).ok());
    let (Some(level), true) = (named.or(Level::of_code(&code)), !code.is_empty()) else {
        let place = ring.first().map(|&p| p.into());
        return bad(
            FindingKind::CodeMalformed,
            format!("{code:?} is no code of 6, 8, 10 or 12 digits"),
            place,
        );
    };
    file.rounded += reader.rounded;
    file.third_values += reader.third_values;
    let is_urban = properties.get("urban") == Some(&serde_json::Value::Bool(true));
    let area = GridFeature {
        level,
        code,
        stat: text("stat"),
        name: text("name"),
        is_urban,
        ring,
    };
    file.areas.push(LooseArea { area, polygons });
}

/// Reads nested lists of positions from text that is already known to be JSON.
struct Positions<'a> {
    rest: &'a str,
    rounded: usize,
    third_values: usize,
}

impl<'a> Positions<'a> {
    fn eat(&mut self, c: char) -> bool {
        let trimmed = self.rest.trim_start();
        let eaten = trimmed.strip_prefix(c);
        self.rest = eaten.unwrap_or(trimmed);
        eaten.is_some()
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut out = Vec::new();
        if !self.eat('[') {
            return None;
        }
        if self.eat(']') {
            return Some(out);
        }
        loop {
            out.push(item(self)?);
            if !self.eat(',') {
                return self.eat(']').then_some(out);
            }
        }
    }

    fn polygon(&mut self) -> Option<Vec<Vec<Pt>>> {
        self.list(|r| r.list(Self::position))
    }

    fn number(&mut self) -> Option<&'a str> {
        let trimmed = self.rest.trim_start();
        let end = trimmed.find([',', ']', ' ', '\n', '\r', '\t'])?;
        let (number, rest) = trimmed.split_at_checked(end)?;
        self.rest = rest;
        Some(number)
    }

    fn position(&mut self) -> Option<Pt> {
        let mut values = self.list(Self::number)?.into_iter();
        let (x, y) = (parse_e7(values.next()?)?, parse_e7(values.next()?)?);
        self.third_values += usize::from(values.next().is_some());
        self.rounded += usize::from(x.is_rounded || y.is_rounded);
        let p = PointE7 {
            lat: y.value,
            lon: x.value,
        };
        p.is_on_globe().then_some(p.into())
    }
}
