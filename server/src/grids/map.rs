//! Cells as GeoJSON, for maps.

use crate::app::grid_packs::Loaded;
use grid::decimal;
use protocol::geo::PointE7;
use std::fmt::Write as _;

/// The cells of a grid whose codes begin with `area`, as a FeatureCollection (RFC 7946: WGS-84, closed rings). The member
/// `borders` gives the origin of the borders: a map must show that they were drawn and not surveyed.
pub(super) fn cells(loaded: &Loaded, area: &str) -> String {
    let mut text = String::from("{\"type\":\"FeatureCollection\",\"metadata\":");
    let metadata = serde_json::json!({
        "grid_version": loaded.version().0,
        "county": loaded.county,
        "borders": loaded.pack.meta().borders,
    });
    text.push_str(&metadata.to_string());
    text.push_str(",\"features\":[");
    let mut first = true;
    for cell in loaded
        .pack
        .view()
        .cells()
        .filter(|cell| cell.code.as_str().starts_with(area))
    {
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        let name =
            |unit: Option<grid::pack::NamedUnit<'_>>| unit.map(|u| u.name.to_owned()).unwrap_or_default();
        let properties = serde_json::json!({
            "code": cell.code,
            "street": name(cell.street()),
            "community": name(cell.community()),
            "area_m2": cell.area_m2(),
        });
        let _ = write!(
            text,
            "\n{{\"type\":\"Feature\",\"properties\":{properties},\"geometry\":"
        );
        text.push_str("{\"type\":\"Polygon\",\"coordinates\":[[");
        let ring: Vec<PointE7> = cell.ring().collect();
        for (i, point) in ring.iter().chain(ring.first()).enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(
                text,
                "{comma}[{},{}]",
                decimal::format_e7(point.lon),
                decimal::format_e7(point.lat)
            );
        }
        text.push_str("]]}}");
    }
    text.push_str("\n]}\n");
    text
}
