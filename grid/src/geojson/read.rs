//! Reads any FeatureCollection.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::positions::Positions;
use crate::check::finding::FindingKind;
use crate::level::Level;
use crate::loose::{LooseFile, Properties};
use crate::source::Reference;
use crate::text::{EncodingError, without_mark};

#[derive(Deserialize)]
struct CollectionIn<'a> {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    /// Only ESRI JSON has this member.
    #[serde(rename = "geometryType", default)]
    esri: Option<Value>,
    #[serde(default)]
    crs: Option<Value>,
    #[serde(default)]
    metadata: Option<Value>,
    #[serde(borrow, default)]
    features: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct FeatureIn<'a> {
    #[serde(default)]
    properties: Option<serde_json::Map<String, Value>>,
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

/// The text is not GeoJSON.
#[derive(Debug, thiserror::Error)]
pub enum GeoJsonError {
    /// Not UTF-8.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// Not JSON, or not of the shape of a FeatureCollection.
    #[error("not a GeoJSON FeatureCollection: {0}")]
    Json(#[from] serde_json::Error),
    /// Another kind of GeoJSON object.
    #[error("a {0}, not a FeatureCollection")]
    Kind(String),
    /// The JSON of ArcGIS, which is another format.
    #[error("ESRI JSON, not GeoJSON; export the layer as GeoJSON")]
    Esri,
    /// A JSON object without `type` or `features`.
    #[error("JSON, but no GeoJSON FeatureCollection: the member {0:?} is missing")]
    Missing(&'static str),
}

/// Reads any FeatureCollection; a byte order mark is skipped. Faulty features become findings; only text that is not a
/// GeoJSON FeatureCollection is an error.
pub fn read(text: &str) -> Result<LooseFile, GeoJsonError> {
    let collection: CollectionIn<'_> = serde_json::from_str(without_mark(text))?;
    match collection.kind {
        Some(kind) if kind != "FeatureCollection" => return Err(GeoJsonError::Kind(kind)),
        None if collection.esri.is_some() => return Err(GeoJsonError::Esri),
        None => return Err(GeoJsonError::Missing("type")),
        Some(_) => {}
    }
    let features = collection.features.ok_or(GeoJsonError::Missing("features"))?;
    let features: Vec<FeatureIn<'_>> = serde_json::from_str(features.get())?;
    let stated = [
        collection.crs.as_ref().and_then(Reference::of_crs),
        collection.metadata.as_ref().and_then(Reference::of_metadata),
    ];
    let mut file = LooseFile {
        stated: stated.into_iter().flatten().collect(),
        metadata: collection.metadata,
        ..LooseFile::default()
    };
    for (k, feature) in features.into_iter().enumerate() {
        read_feature(k, feature, &mut file);
    }
    Ok(file)
}

fn read_feature(k: usize, feature: FeatureIn<'_>, file: &mut LooseFile) {
    let members = feature.properties.unwrap_or_default();
    let text = |key: &str| match members.get(key) {
        Some(Value::String(s)) => s.clone(),
        Some(Value::Number(n)) => n.to_string(),
        _ => String::new(),
    };
    let properties = Properties {
        code: text("code"),
        stat: text("stat"),
        name: text("name"),
        level: members.get("level").and_then(|l| Level::deserialize(l).ok()),
        is_urban: members.get("urban") == Some(&Value::Bool(true)),
    };
    let Some(geometry) = feature.geometry else {
        let label = properties.label(k);
        return file.fault(FindingKind::NotAPolygon, label, None, "no geometry".into());
    };
    let mut reader = Positions::of(geometry.coordinates.map_or("", RawValue::get));
    let polygons = match geometry.kind.as_str() {
        "Polygon" => reader.polygon().map(|p| vec![p]),
        "MultiPolygon" => reader.list(Positions::polygon),
        other => {
            let (label, detail) = (properties.label(k), format!("geometry is a {other}"));
            return file.fault(FindingKind::NotAPolygon, label, None, detail);
        }
    };
    file.rounded += reader.rounded;
    file.third_values += reader.third_values;
    file.add(k, properties, polygons);
}
