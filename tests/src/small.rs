//! A small city that is quick to set up for each story: one district, two streets, three communities and
//! eight cells of about one hectare. Otherwise as [`City::create`].
//!
//! ```text
//! street 22010401, community 2201040101   street 22010401, 2201040102   street 22010402, 2201040201
//!   03 04                                     02                            02
//!   01 02                                     01                            01
//! ```

use crate::{
    city::{City, DISTRICT, id},
    process::{ServerProcess, ServerSetup},
};
use anyhow::{Context, Result};
use grid::{
    geom::Pt,
    pack::{PackBuf, PackInput, PackMeta, PackUnit, UnitLevel, write},
};
use protocol::{codes::GridVersion, geo::Datum};
use serde_json::json;
use std::path::Path;

/// South-west corner of the first cell, and height and width of a cell. Unit: 1e-7 degrees, WGS-84.
const SOUTH: i32 = 438_570_000;
const WEST: i32 = 1_253_000_000;
const HIGH: i32 = 9_000;
const WIDE: i32 = 12_450;

/// `(code, column, row)`
const CELLS: &[(&str, i32, i32)] = &[
    ("220104010101", 0, 0),
    ("220104010102", 1, 0),
    ("220104010103", 0, 1),
    ("220104010104", 1, 1),
    ("220104010201", 2, 0),
    ("220104010202", 2, 1),
    ("220104020101", 3, 0),
    ("220104020102", 3, 1),
];

/// Builds the grid pack of the small city.
pub fn pack() -> Result<Vec<u8>> {
    let cells = CELLS
        .iter()
        .map(|(code, column, row)| {
            let (west, south) = (WEST + column * WIDE, SOUTH + row * HIGH);
            let ring = vec![
                Pt::new(west, south),
                Pt::new(west + WIDE, south),
                Pt::new(west + WIDE, south + HIGH),
                Pt::new(west, south + HIGH),
            ];
            Ok((code.parse()?, ring))
        })
        .collect::<Result<Vec<_>>>()?;
    let unit = |level, code: &str, name: &str| PackUnit {
        level,
        code: code.into(),
        name: name.into(),
        stat: String::new(),
        is_urban: true,
    };
    let units = vec![
        unit(UnitLevel::Street, "22010401", "桂林街道"),
        unit(UnitLevel::Street, "22010402", "清和街道"),
        unit(UnitLevel::Community, "2201040101", "桂林社区"),
        unit(UnitLevel::Community, "2201040102", "同光社区"),
        unit(UnitLevel::Community, "2201040201", "清和社区"),
    ];
    let meta = PackMeta {
        grid_version: GridVersion(format!("{DISTRICT}.small")),
        datum: Datum::Wgs84,
        source_datum: Datum::Wgs84,
        source_datum_verified: true,
        county: Some(DISTRICT.parse()?),
        source_sha256: String::new(),
        borders: "synthetic".into(),
    };
    Ok(write(PackInput { meta, cells, units })?)
}

impl City {
    /// Initialises the small city in `folder` and starts its server.
    pub fn small(folder: &Path, setup: ServerSetup) -> Result<Self> {
        let mut server = ServerProcess::init(folder, setup)?;
        let bytes = pack()?;
        let file = folder.join("small.pack");
        std::fs::write(&file, &bytes)?;
        server.import_grid(&file)?;
        server.start()?;
        let (office, admin) = (server.api()?, server.admin()?);
        let city = admin
            .all("/v1/orgs")?
            .first()
            .map(id)
            .context("no city in /v1/orgs")??;
        let unit = |parent: &str, kind: &str, name: &str, area: &str| {
            let body = json!({"parent": parent, "kind": kind, "name": name, "area": area});
            id(&admin.post("/v1/orgs", &body)?)
        };
        let district = unit(&city, "district", "朝阳区", DISTRICT)?;
        Ok(Self {
            server,
            office,
            city,
            district,
            pack: PackBuf::open(bytes)?,
            divisions: json!({}),
            admin,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_city_lookup_finds_each_cell_at_its_centroid() {
        let pack = PackBuf::open(pack().unwrap()).unwrap();
        assert_eq!(pack.view().len(), CELLS.len());
        for cell in pack.view().cells() {
            assert_eq!(pack.view().cell_at(cell.centroid()), Some(cell.code));
        }
    }
}
