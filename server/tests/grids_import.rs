//! Grids: one import check, immutable versions, and signed reference files for handsets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{body::Body, http::Request};
use grid::{
    geom::Pt,
    pack::{PackInput, PackMeta, PackUnit, UnitLevel, write},
    synthetic,
};
use protocol::{
    codes::{CellCode, GridVersion},
    geo::{Datum, PointE7},
    manifest::{Catalogue, FileName, Manifest, SignedManifest},
    photo::Sha256,
    role::Role,
    sign::{Signer as _, manifest_message},
};
use serde_json::Value;
use server::{
    app::grid_packs::Grids,
    grids::{ImportedGrid, publish},
};
use support::{TestApp, TestResponse};

/// Synthetic cells of the county 220104.
fn synthetic_cells(seed: u64) -> Vec<(CellCode, Vec<Pt>)> {
    let of_county = |code: CellCode| format!("220104{}", &code.as_str()[6..]).parse().unwrap();
    synthetic::mesh(6, seed)
        .into_iter()
        .map(|(code, ring)| (of_county(code), ring))
        .collect()
}

fn pack(version: &str, seed: u64) -> Vec<u8> {
    let cells = synthetic_cells(seed);
    let county = cells[0].0.county();
    let street = cells[0].0.street();
    let units = vec![PackUnit {
        level: UnitLevel::Street,
        code: street.to_string(),
        name: "桂林街道".into(),
        stat: String::new(),
        is_urban: true,
    }];
    let meta = PackMeta {
        grid_version: GridVersion(version.into()),
        datum: Datum::Wgs84,
        source_datum: Datum::Wgs84,
        source_datum_verified: true,
        county: Some(county),
        source_sha256: String::new(),
        borders: "synthetic".into(),
    };
    write(PackInput { meta, cells, units }).unwrap()
}

async fn import(app: &TestApp, token: &str, bytes: Vec<u8>) -> TestResponse {
    let request = Request::post("/v1/grids")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(bytes))
        .unwrap();
    app.send(request).await
}

/// Two squares that share a border or overlap.
fn squares(overlap: bool) -> Vec<u8> {
    let square = |code: &str, west: f64| {
        let (east, south, north) = (west + 0.01, 43.8, 43.81);
        serde_json::json!({
            "type": "Feature",
            "properties": {"code": code, "level": "cell"},
            "geometry": {"type": "Polygon", "coordinates": [[
                [west, south], [east, south], [east, north], [west, north], [west, south],
            ]]},
        })
    };
    let second = if overlap { 125.005 } else { 125.01 };
    serde_json::json!({
        "type": "FeatureCollection",
        "metadata": {
            "format": "xunge-grid", "grid_version": "220104.7", "county": "220104", "name": "朝阳区",
            "datum": "WGS-84", "source_datum": "wgs84", "source_datum_verified": true, "outline_source": "",
            "borders": "synthetic", "note": "", "seed": 1, "absent": [], "parts_given_up_m2": 0,
        },
        "features": [square("220104010101", 125.0), square("220104010102", second)],
    })
    .to_string()
    .into_bytes()
}

both_engines! {
    async fn imported_grid_is_in_force_and_used_for_lookup(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let bytes = pack("220104.1", 1);
        let imported: ImportedGrid = import(&app, &admin.token, bytes.clone()).await.body();
        assert_eq!((imported.version.0.as_str(), imported.sha256), ("220104.1", Sha256::of(&bytes)));
        let grids = &app.app.grids;
        let cells: Vec<_> = synthetic_cells(1).into_iter().map(|(code, _)| code).collect();
        assert_eq!(imported.cells, cells.len() as u64);
        for cell in cells {
            let centre = grids.centre(cell).unwrap();
            let found = grids.locate(centre).unwrap();
            assert_eq!((found.cell, found.grid.0.as_str()), (cell, "220104.1"));
            assert_eq!(grids.knows(cell).unwrap().0, "220104.1");
            assert_eq!(grids.names(cell).unwrap().0, "桂林街道");
        }
        let sea = PointE7::from_degrees(30.0, 150.0).unwrap();
        assert_eq!(grids.locate(sea), None);
        assert_eq!(grids.knows("110101010101".parse().unwrap()), None);
        // A server that starts later, or another replica, loads the same grid.
        let other = Grids::load(&app.app.store, &app.app.blobs).await.unwrap();
        let some = synthetic_cells(1)[0].0;
        assert_eq!(other.centre(some), grids.centre(some));
    }

    async fn grid_version_is_immutable_and_a_newer_one_replaces_it(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        import(&app, &admin.token, pack("220104.1", 1)).await.expect(200);
        import(&app, &admin.token, pack("220104.1", 1)).await.expect(200);
        import(&app, &admin.token, pack("220104.1", 2)).await.expect(422).expect_code("grid.faults");
        app.advance_minutes(1);
        import(&app, &admin.token, pack("220104.2", 2)).await.expect(200);
        let some = synthetic_cells(2)[0].0;
        assert_eq!(app.app.grids.knows(some).unwrap().0, "220104.2");
        let rows = app.get("/v1/grids", &admin.token).await.expect(200).json;
        let rows: Vec<_> = rows.as_array().unwrap().iter().map(|r| (r["version"].clone(), r["in_force"].clone())).collect();
        assert_eq!(rows, [("220104.2".into(), true.into()), ("220104.1".into(), Value::from(false))]);
    }

    async fn grid_with_an_overlap_is_refused_with_its_place(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let answer = import(&app, &admin.token, squares(true)).await.expect(422).expect_code("grid.faults");
        let errors = answer.json["errors"].as_array().unwrap();
        assert!(errors.iter().any(|e| e["at"].as_str().unwrap().contains("220104010102")), "{answer:?}");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM grid").await, 0);
        import(&app, &admin.token, squares(false)).await.expect(200);
        let inside = PointE7::from_degrees(43.805, 125.012).unwrap();
        assert_eq!(app.app.grids.locate(inside).unwrap().cell.as_str(), "220104010102");
    }

    async fn damaged_pack_or_other_file_is_refused(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let mut damaged = pack("220104.1", 1);
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        import(&app, &admin.token, damaged).await.expect(422).expect_code("grid.faults");
        import(&app, &admin.token, b"rubbish".to_vec()).await.expect(422).expect_code("grid.faults");
        import(&app, &admin.token, b"{\"type\":\"Point\"}".to_vec()).await.expect(422);
        import(&app, &admin.token, Vec::new()).await.expect(422);
        let acceptor = app.staff(Role::Acceptor, city.city).await;
        import(&app, &acceptor.token, pack("220104.1", 1)).await.expect(403).expect_code("auth.forbidden");
    }

    async fn manifest_is_signed_and_matches_its_files(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let grid = pack("220104.1", 1);
        import(&app, &admin.token, grid.clone()).await.expect(200);
        publish(&app.app).await.unwrap();
        let post = app.post(city.community, &["2201040503"]).await;
        let client = app.holder(post).await;
        let signed: SignedManifest = app.get("/v1/field/manifest", &client.token).await.body();
        let key = app.app.identity.signer.public_key();
        key.verify(&manifest_message(&signed.manifest), &signed.signature).unwrap();
        let manifest: Manifest = serde_json::from_str(&signed.manifest).unwrap();
        for (name, expected) in [
            (FileName::Grid, grid.clone()),
            (FileName::Catalogue, serde_json::to_vec(&Catalogue::shipped().unwrap()).unwrap()),
            (FileName::Calendar, serde_json::to_vec(&*app.app.calendar.now()).unwrap()),
        ] {
            let file = manifest.files.iter().find(|f| f.name == name.into()).unwrap();
            let path = format!("/v1/field/files/{}", file.sha256);
            let answer = app.get(&path, &client.token).await.expect(200);
            assert_eq!(answer.bytes, expected, "{name}");
            assert_eq!((file.sha256, file.size), (Sha256::of(&expected), expected.len() as u64));
        }
        // Equal files give equal text at any time.
        app.advance_minutes(5);
        publish(&app.app).await.unwrap();
        assert_eq!(app.get("/v1/field/manifest", &client.token).await.body::<SignedManifest>(), signed);
        let unknown = format!("/v1/field/files/{}", Sha256::of(b"unknown"));
        app.get(&unknown, &client.token).await.expect(404);
    }

    async fn cut_download_resumes_with_a_range_request(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let bytes = pack("220104.1", 1);
        import(&app, &admin.token, bytes.clone()).await.expect(200);
        let post = app.post(city.community, &["2201040503"]).await;
        let client = app.holder(post).await;
        let get = |range: String| {
            Request::get(format!("/v1/field/files/{}", Sha256::of(&bytes)))
                .header("authorization", format!("Bearer {}", client.token))
                .header("range", range)
                .body(Body::empty())
                .unwrap()
        };
        let rest = app.send(get("bytes=1000-".into())).await.expect(206);
        assert_eq!(rest.bytes, bytes[1000..]);
        let total = bytes.len();
        assert_eq!(rest.headers["content-range"], format!("bytes 1000-{}/{total}", total - 1).as_str());
        let beyond = app.send(get(format!("bytes={total}-"))).await.expect(416);
        assert_eq!(beyond.headers["content-range"], format!("bytes */{total}").as_str());
    }

    async fn map_shows_the_cells_of_an_area_and_the_source_of_borders(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        import(&app, &admin.token, squares(false)).await.expect(200);
        let answer = app.get("/v1/grids/220104.7/cells?area=220104010102", &admin.token).await.expect(200);
        assert_eq!(answer.headers["content-type"], "application/geo+json");
        let features = answer.json["features"].as_array().unwrap();
        assert_eq!((features.len(), features[0]["properties"]["code"].as_str()), (1, Some("220104010102")));
        let ring = features[0]["geometry"]["coordinates"][0].as_array().unwrap();
        assert_eq!((ring.len(), &ring[0]), (5, &ring[4]));
        assert_eq!(answer.json["metadata"]["borders"], "synthetic");
        app.get("/v1/grids/220104.1/cells", &admin.token).await.expect(404);
    }

    async fn administrator_cannot_import_a_grid_outside_their_area(app: TestApp) {
        let city = app.city().await;
        for org in [city.street, city.other_district] {
            let admin = app.staff(Role::Admin, org).await;
            import(&app, &admin.token, pack("220104.1", 1)).await.expect(403).expect_code("auth.scope");
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM grid").await, 0);
        let admin = app.staff(Role::Admin, city.district).await;
        import(&app, &admin.token, pack("220104.1", 1)).await.expect(200);
    }
}
