//! Files as survey offices send them (findings `field_09` to `field_13`): what is refused at once, what is asked, what
//! is put right, and what the figures say.

use std::time::{Duration, Instant};

use grid::check::{CheckLimits, CheckReport, Finding, FindingKind, check};
use grid::formats::read_path;
use grid::import::{ImportError, ImportOptions, Packed, pack_file, pack_source};
use grid::pack::PackBuf;
use grid::source::{DatumError, Reference, SourceDatum};
use protocol::codes::GridVersion;
use protocol::geo::{Datum, PointE7};

use crate::common::{given, kinds};

/// A file of `tests/data`.
fn data(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    std::fs::read_to_string(path.join(format!("{name}.geojson"))).unwrap()
}

fn checked(text: &str) -> CheckReport {
    check(text, &CheckLimits::default()).unwrap()
}

fn with_datum(datum: Option<SourceDatum>) -> ImportOptions {
    ImportOptions {
        source_datum: datum,
        ..given("x.1")
    }
}

fn datum_error(text: &str, given: Option<SourceDatum>) -> DatumError {
    match pack_file(text.as_bytes(), &with_datum(given)) {
        Err(ImportError::Datum(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Cells of one street by code and rectangle (west, south, east, north in degrees).
fn rectangles(cells: &[(&str, [f64; 4])]) -> String {
    let feature = |(code, [w, s, e, n]): &(&str, [f64; 4])| {
        serde_json::json!({"type": "Feature", "properties": {"code": code}, "geometry": {"type": "Polygon",
            "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]}})
    };
    let features: Vec<_> = cells.iter().map(feature).collect();
    serde_json::json!({"type": "FeatureCollection", "features": features}).to_string()
}

#[test]
fn field_09_cells_of_thousands_of_kilometres_are_refused_before_anything_is_allocated() {
    let without_crs = data("g08-crs-local-small-metres").replace("\"crs\"", "\"other\"");
    for (name, text) in [
        ("g08", without_crs),
        ("g83", data("g83-one-cell-20-degrees")),
        ("h4", data("h4-meta-huge-cell")),
    ] {
        let start = Instant::now();
        let report = checked(&text);
        assert_eq!(kinds(&report), [FindingKind::Extent], "{name}: {report:?}");
        assert!(report.findings[0].detail.contains("degrees"), "{name}");
        // It took 48 s and 6 GB; a slow machine may take some milliseconds.
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{name}: {:?}",
            start.elapsed()
        );
    }
    // The packer itself is bounded too, whatever comes before it.
    let huge = grid::pack::PackInput {
        meta: PackBuf::open(pack(&data("h1-meta-good")).bytes)
            .unwrap()
            .meta()
            .clone(),
        cells: vec![(
            "220104050101".parse().unwrap(),
            [(0, 0), (400_000_000, 0), (400_000_000, 400_000_000)]
                .map(|(x, y)| grid::geom::Pt::new(x, y))
                .to_vec(),
        )],
        units: vec![],
    };
    let error = grid::pack::write(huge).unwrap_err();
    assert_eq!(error, grid::pack::WriteError::TooWide, "{error}");
}

#[test]
fn field_09_a_cell_above_the_maximum_area_is_refused_with_its_true_area() {
    let report = checked(&rectangles(&[("220104050101", [125.0, 43.0, 125.2, 43.1])]));
    assert_eq!(kinds(&report), [FindingKind::CellTooLarge]);
    // 0.2 by 0.1 degrees at 43.05 degrees north on the ellipsoid.
    let m2: f64 = report.findings[0]
        .detail
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((m2 - 181_044_000.0).abs() < 200_000.0, "{m2}");
}

fn pack(text: &str) -> Packed {
    pack_file(text.as_bytes(), &ImportOptions::default()).unwrap()
}

fn first_vertex(packed: &Packed) -> PointE7 {
    let pack = PackBuf::open(packed.bytes.clone()).unwrap();
    let vertex = pack.view().cells().next().unwrap().ring().next();
    vertex.unwrap()
}

#[test]
fn field_10_a_stated_datum_is_converted_when_asked_and_never_ignored() {
    let gcj = data("g69-gcj02-said");
    assert_eq!(datum_error(&gcj, None), DatumError::Shifted(SourceDatum::Gcj02));
    let contradiction = datum_error(&gcj, Some(SourceDatum::Wgs84));
    let (stated, given) = (SourceDatum::Gcj02, SourceDatum::Wgs84);
    assert_eq!(contradiction, DatumError::Contradiction { stated, given });
    let packed = pack_file(gcj.as_bytes(), &with_datum(Some(SourceDatum::Gcj02))).unwrap();
    let moved = first_vertex(&packed).metres_to(PointE7 {
        lat: 438_500_000,
        lon: 1_253_000_000,
    });
    assert!((550.0..650.0).contains(&moved), "{moved}");
    assert_eq!(
        PackBuf::open(packed.bytes).unwrap().meta().source_datum,
        Datum::Gcj02
    );

    let projected = data("g08-crs-local-small-metres");
    for given in [None, Some(SourceDatum::Wgs84), Some(SourceDatum::Gcj02)] {
        let name = "urn:ogc:def:crs:EPSG::4547".to_owned();
        assert_eq!(datum_error(&projected, given), DatumError::Unknown(name));
    }
    // The own metadata are a statement too; a file that states both must not contradict itself.
    let own = data("h1-meta-good");
    let shifted = own.replace("\"datum\": \"WGS-84\"", "\"datum\": \"GCJ-02\"");
    assert_ne!(own, shifted);
    assert_eq!(
        datum_error(&shifted, None),
        DatumError::Shifted(SourceDatum::Gcj02)
    );
    let crs = r#""crs":{"type":"name","properties":{"name":"GCJ-02"}},"features""#;
    let both = own.replace("\"features\"", crs);
    assert_eq!(
        datum_error(&both, Some(SourceDatum::Gcj02)),
        DatumError::TwoStatements(SourceDatum::Gcj02, SourceDatum::Wgs84)
    );
    pack(&own);
}

#[test]
fn field_10_a_datum_that_nobody_states_is_asked_and_cgcs2000_passes_by_name() {
    let good = data("g00-good");
    assert_eq!(datum_error(&good, None), DatumError::Unstated);
    pack_file(good.as_bytes(), &with_datum(Some(SourceDatum::Wgs84))).unwrap();
    let crs = r#""crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4490"}},"features""#;
    let stated = good.replace("\"features\"", crs);
    let packed = pack_file(stated.as_bytes(), &with_datum(None)).unwrap();
    assert_eq!(packed.datum, SourceDatum::Cgcs2000);
    let corner = PointE7 {
        lat: 438_500_000,
        lon: 1_253_000_000,
    };
    assert_eq!(first_vertex(&packed), corner, "CGCS2000 is kept as it is");
    for (name, datum) in [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", SourceDatum::Wgs84),
        ("EPSG:4326", SourceDatum::Wgs84),
        (
            "http://www.opengis.net/def/crs/EPSG/0/4490",
            SourceDatum::Cgcs2000,
        ),
        ("GCS_China_Geodetic_Coordinate_System_2000", SourceDatum::Cgcs2000),
        ("gcj02", SourceDatum::Gcj02),
        ("BD-09", SourceDatum::Bd09),
    ] {
        assert_eq!(Reference::of_name(name), Reference::Known(datum), "{name}");
    }
    for name in [
        "EPSG:4549",
        "EPSG:3857",
        "CGCS2000 / 3-degree Gauss-Kruger CM 126E",
        "Beijing 1954",
        "",
    ] {
        assert_eq!(Reference::of_name(name), Reference::Other(name.into()));
    }
}

#[test]
fn field_13_ordinary_exports_are_accepted_and_what_was_put_right_is_counted() {
    let good = pack_file(data("g00-good").as_bytes(), &given("x.1")).unwrap();
    for (name, turned) in [("g01-bom", 0), ("g11-reversed", 4), ("g12-mixed-winding", 2)] {
        let packed = pack_file(data(name).as_bytes(), &given("x.1")).unwrap();
        let cells = |p: &Packed| {
            let pack = PackBuf::open(p.bytes.clone()).unwrap();
            let all: Vec<(String, u32)> = pack
                .view()
                .cells()
                .map(|c| (c.code.to_string(), c.area_m2()))
                .collect();
            all
        };
        assert_eq!(cells(&packed), cells(&good), "{name}");
        assert_eq!(packed.report.turned, turned, "{name}");
    }
    // Two vertices that differ in the eighth decimal become one.
    let doubled = data("g00-good").replace("[125.304, 43.85],", "[125.304, 43.85], [125.30400001, 43.85],");
    let report = checked(&doubled);
    assert!(report.is_valid(), "{:?}", report.findings);
    assert!(report.doubled >= 1, "{report:?}");
}

#[test]
fn field_13_t_junctions_and_rounding_below_the_tolerance_are_accepted_and_nothing_above_it() {
    let beside = |west: f64| {
        rectangles(&[
            ("220104050101", [125.3, 43.85, 125.304, 43.854]),
            ("220104050102", [west, 43.85, 125.308, 43.852]),
            ("220104050103", [west, 43.852, 125.308, 43.854]),
        ])
    };
    // The vertex at 43.852 lies on a border of the first cell, which has none there.
    let junction = check(&beside(125.304), &CheckLimits::exact()).unwrap();
    assert!(junction.is_valid(), "{:?}", junction.findings);
    assert_eq!(
        (junction.inserted, junction.snapped, junction.largest_move_m),
        (1, 0, 0.0)
    );
    // 2e-7 degree are 1.6 cm here: two programs that rounded.
    let rounded = checked(&beside(125.304_000_2));
    assert!(rounded.is_valid(), "{:?}", rounded.findings);
    assert!(
        rounded.snapped == 2 && (0.015..0.05).contains(&rounded.largest_move_m),
        "{rounded:?}"
    );
    assert!(
        !check(&beside(125.304_000_2), &CheckLimits::exact())
            .unwrap()
            .is_valid()
    );
    // 2e-6 degree are 16 cm: land that belongs to nobody.
    assert_eq!(kinds(&checked(&beside(125.304_002))), [FindingKind::Gap]);
    // An outline with four corners around cells with more is a T-junction too.
    let mut framed: serde_json::Value = serde_json::from_str(&beside(125.304)).unwrap();
    let county = rectangles(&[("220104", [125.3, 43.85, 125.308, 43.854])]);
    let county: serde_json::Value = serde_json::from_str(&county).unwrap();
    let features = framed["features"].as_array_mut().unwrap();
    features.push(county["features"][0].clone());
    let framed = checked(&framed.to_string());
    assert!(framed.is_valid(), "{:?}", framed.findings);
}

#[test]
fn field_13_another_encoding_or_another_kind_of_json_is_named() {
    let refusal = |bytes: &[u8]| pack_file(bytes, &given("x.1")).unwrap_err().to_string();
    let utf16: Vec<u8> = "\u{feff}{\"type\""
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(refusal(&utf16).contains("UTF-16"));
    let gbk = [b"{\"name\": \"".as_slice(), &[0xB3, 0xAF, 0xD1, 0xF4], b"\"}"].concat();
    assert!(refusal(&gbk).contains("GB18030"), "{}", refusal(&gbk));
    assert!(refusal(b"{\"\xff\"}").contains("not UTF-8"));
    assert!(refusal(data("g59-esri-json").as_bytes()).contains("ESRI JSON"));
    assert!(refusal(data("g54-single-feature").as_bytes()).contains("a Feature, not a FeatureCollection"));
}

fn square_metres(finding: &Finding) -> f64 {
    finding.detail.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn field_12_cells_that_were_shrunk_have_gaps_between_them() {
    for (name, metres) in [
        ("g80-every-cell-shrunk-15cm", 0.24..0.34),
        ("g80b-every-cell-shrunk-10m", 16.0..22.3),
    ] {
        let report = checked(&data(name));
        assert_eq!(kinds(&report), [FindingKind::Gap], "{name}");
        assert!(
            report.findings.len() >= 8,
            "{name}: every cell is in one of them: {report:?}"
        );
        for finding in &report.findings {
            let said = finding.detail.split("; ").nth(1).unwrap();
            let far: f64 = said.split(' ').next().unwrap().parse().unwrap();
            assert!(
                metres.contains(&far) && finding.codes.len() == 2,
                "{name}: {finding:?}"
            );
        }
    }
}

#[test]
fn field_12_a_gap_has_its_own_area_and_is_no_overlap() {
    // 16 shrunk cells inside of an outline: one gap, the land between and around them.
    let mut file: serde_json::Value = serde_json::from_str(&data("g80b-every-cell-shrunk-10m")).unwrap();
    let cells = file["features"].as_array().unwrap().len();
    assert_eq!(cells, 16);
    let county = rectangles(&[("220104", [125.3, 43.85, 125.316, 43.866])]);
    let county: serde_json::Value = serde_json::from_str(&county).unwrap();
    file["features"]
        .as_array_mut()
        .unwrap()
        .push(county["features"][0].clone());
    let report = checked(&file.to_string());
    let gaps: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|f| f.kind == FindingKind::Gap)
        .collect();
    assert!(!kinds(&report).contains(&FindingKind::Overlap), "{report:?}");
    assert_eq!(gaps.len(), 1);
    // A square of 0.016 degrees less 16 of 0.0038, at 43.858 degrees north: 142,840 m2 a square of 0.004.
    let want = 142_840.0 * (16.0 - 16.0 * 0.95 * 0.95);
    let m2 = square_metres(gaps[0]);
    assert!((m2 - want).abs() < want * 0.005, "{m2} {want}");
}

#[test]
fn field_12_an_overlap_has_the_area_that_both_claim() {
    // The second cell begins 0.001 degree early: 80.4 m by 444.4 m are claimed twice.
    let twice = rectangles(&[
        ("220104050101", [125.3, 43.85, 125.304, 43.854]),
        ("220104050102", [125.303, 43.85, 125.308, 43.854]),
    ]);
    let report = checked(&twice);
    assert_eq!(kinds(&report), [FindingKind::Overlap]);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].codes, ["220104050101", "220104050102"]);
    let m2 = square_metres(&report.findings[0]);
    assert!((m2 - 35_715.0).abs() < 100.0, "{m2}");
    // With an outline, what lies outside of it is called so.
    let mut file: serde_json::Value = serde_json::from_str(&twice).unwrap();
    let county = rectangles(&[("220104", [125.3, 43.85, 125.307, 43.854])]);
    let county: serde_json::Value = serde_json::from_str(&county).unwrap();
    file["features"]
        .as_array_mut()
        .unwrap()
        .push(county["features"][0].clone());
    let report = checked(&file.to_string());
    let of = |kind| {
        report
            .findings
            .iter()
            .find(|f| f.kind == kind)
            .map(square_metres)
            .unwrap()
    };
    assert!((of(FindingKind::Overlap) - 35_715.0).abs() < 100.0, "{report:?}");
    assert!((of(FindingKind::Outside) - 35_715.0).abs() < 100.0, "{report:?}");
}

#[test]
fn field_11_a_version_can_be_given_and_is_a_word() {
    let versioned = |version: &str| {
        let options = ImportOptions {
            grid_version: Some(GridVersion(version.into())),
            ..ImportOptions::default()
        };
        pack_file(data("h1-meta-good").as_bytes(), &options).map(|p| PackBuf::open(p.bytes).unwrap())
    };
    assert_eq!(versioned("220104.9").unwrap().meta().grid_version.0, "220104.9");
    for bad in ["", "a b", "a/b", "220104.1\nborders=surveyed", "第一版"] {
        assert_eq!(
            versioned(bad).unwrap_err().code(),
            "grid.import.version",
            "{bad:?}"
        );
    }
}

/// The files were written by GDAL 3.12.
#[test]
fn field_13_shapefile_and_geopackage_give_the_cells_of_the_geojson() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let cells = |packed: Packed| {
        let pack = PackBuf::open(packed.bytes).unwrap();
        let cells = pack.view().cells();
        cells
            .map(|c| (c.code, c.ring().collect::<Vec<_>>()))
            .collect::<Vec<_>>()
    };
    let turned = |mut ring: Vec<PointE7>| {
        let first = ring.iter().enumerate().min_by_key(|(_, p)| **p).unwrap().0;
        ring.rotate_left(first);
        ring
    };
    let sorted = |packed: Packed| {
        cells(packed)
            .into_iter()
            .map(|(c, r)| (c, turned(r)))
            .collect::<Vec<_>>()
    };
    let good = sorted(pack_file(data("g00-good").as_bytes(), &given("x.1")).unwrap());
    for name in ["g00-good.shp", "g00-good.gpkg"] {
        let source = read_path(&folder.join(name)).unwrap();
        assert!(
            source.file.areas.iter().all(|a| a.area.name == "文化社区"),
            "{name}: GBK and UTF-8"
        );
        let packed = pack_source(source, &with_datum(None)).unwrap();
        assert_eq!(
            (packed.datum, packed.report.rounded),
            (SourceDatum::Cgcs2000, 0),
            "{name}"
        );
        assert_eq!(sorted(packed), good, "{name}");
        let gcj = pack_source(
            read_path(&folder.join(name)).unwrap(),
            &with_datum(Some(SourceDatum::Gcj02)),
        );
        assert_eq!(gcj.unwrap_err().code(), "grid.datum.contradiction", "{name}");
    }
    // Another encoding than the one stated, a projected system, and no statement at all.
    let copy = std::env::temp_dir().join(format!("xunge-shapefile-{}", std::process::id()));
    std::fs::create_dir_all(&copy).unwrap();
    for ending in ["shp", "dbf", "prj", "cpg"] {
        std::fs::copy(
            folder.join("g00-good").with_extension(ending),
            copy.join("g").with_extension(ending),
        )
        .unwrap();
    }
    let path = copy.join("g.shp");
    std::fs::write(
        copy.join("g.prj"),
        "PROJCS[\"CGCS2000_3_Degree_GK_CM_126E\",GEOGCS[\"x\"]]",
    )
    .unwrap();
    let projected = pack_source(read_path(&path).unwrap(), &with_datum(None)).unwrap_err();
    assert_eq!(projected.code(), "grid.datum.unknown");
    std::fs::remove_file(copy.join("g.prj")).unwrap();
    let unstated = pack_source(read_path(&path).unwrap(), &with_datum(None)).unwrap_err();
    assert_eq!(unstated.code(), "grid.datum.unstated");
    std::fs::write(copy.join("g.cpg"), "UTF-8").unwrap();
    assert_eq!(read_path(&path).unwrap_err().code(), "grid.format.encoding");
    std::fs::remove_file(copy.join("g.cpg")).unwrap();
    assert_eq!(read_path(&path).unwrap_err().code(), "grid.format.encoding");
    std::fs::write(&path, b"no shapes").unwrap();
    std::fs::write(copy.join("g.cpg"), "GBK").unwrap();
    assert_eq!(read_path(&path).unwrap_err().code(), "grid.format.shapefile");
    std::fs::write(copy.join("g.gpkg"), b"no database").unwrap();
    assert_eq!(
        read_path(&copy.join("g.gpkg")).unwrap_err().code(),
        "grid.format.geopackage"
    );
    std::fs::remove_dir_all(copy).unwrap();
}
