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
    pack::{Pack, PackInput, PackMeta, PackStyle, PackUnit, UnitLevel, rewrite, write},
    synthetic,
};
use protocol::{
    codes::{CellCode, GridVersion},
    geo::{Datum, PointE7},
    manifest::{Catalogue, FileName, Manifest, SignedManifest},
    photo::Sha256,
    problem::ProblemCode,
    role::Role,
    sign::{Signer as _, manifest_message},
};
use serde_json::Value;
use server::{
    app::{grid_packs::Grids, object_name::ObjectName},
    grids::{self, GridInput, ImportWishes, ImportedGrid, publish},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use support::{TestApp, TestResponse};

/// Synthetic cells of the community that the city lists.
fn synthetic_cells(seed: u64) -> Vec<(CellCode, Vec<Pt>)> {
    let of_county = |code: CellCode| format!("2201040503{}", &code.as_str()[10..]).parse().unwrap();
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

/// The pack as programs write it that know the second format.
fn in_second_format(bytes: &[u8]) -> Vec<u8> {
    rewrite(Pack::open(bytes).unwrap(), PackStyle::Server).unwrap()
}

async fn import(app: &TestApp, token: &str, bytes: Vec<u8>) -> TestResponse {
    import_as(app, token, "", bytes).await
}

/// An import with a query such as `?replace=true`.
async fn import_as(app: &TestApp, token: &str, query: &str, bytes: Vec<u8>) -> TestResponse {
    app.send(upload(token, query, Body::from(bytes))).await
}

fn upload(token: &str, query: &str, body: Body) -> Request<Body> {
    Request::post(format!("/v1/grids{query}"))
        .header("authorization", format!("Bearer {token}"))
        .body(body)
        .unwrap()
}

/// Two squares of 0.01 degree as a foreign program writes them, with a member before `features`.
fn foreign(member: &str) -> Vec<u8> {
    let own: Value = serde_json::from_slice(&squares(false)).unwrap();
    format!(
        r#"{{"type":"FeatureCollection",{member}"features":{}}}"#,
        own["features"]
    )
    .into_bytes()
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
        "features": [square("220104050301", 125.0), square("220104050302", second)],
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

    async fn a_pack_of_the_second_format_is_kept_in_the_one_that_every_handset_reads(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let (first, second) = (pack("220104.1", 1), in_second_format(&pack("220104.1", 1)));
        let imported: ImportedGrid = import(&app, &admin.token, second.clone()).await.body();
        assert_ne!(first, second);
        assert_eq!(imported.sha256, Sha256::of(&first));
        let kept = app.app.blobs.get(&ObjectName::Reference { sha256: imported.sha256 }).await.unwrap();
        assert_eq!(Pack::open(&kept).unwrap().format_version(), 1);
        // Both are the same grid.
        import(&app, &admin.token, second).await.expect(200);
        import(&app, &admin.token, first).await.expect(200);
    }

    async fn grid_version_is_immutable_and_a_newer_one_replaces_it(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        import(&app, &admin.token, pack("220104.1", 1)).await.expect(200);
        import(&app, &admin.token, pack("220104.1", 1)).await.expect(200);
        import(&app, &admin.token, pack("220104.1", 2)).await.expect(422).expect_code("grid.faults");
        app.advance_minutes(1);
        import_as(&app, &admin.token, "?replace=true", pack("220104.2", 2)).await.expect(200);
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
        assert!(errors.iter().any(|e| e["at"].as_str().unwrap().contains("220104050302")), "{answer:?}");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM grid").await, 0);
        import(&app, &admin.token, squares(false)).await.expect(200);
        let inside = PointE7::from_degrees(43.805, 125.012).unwrap();
        assert_eq!(app.app.grids.locate(inside).unwrap().cell.as_str(), "220104050302");
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
        let answer = app.get("/v1/grids/220104.7/cells?area=220104050302", &admin.token).await.expect(200);
        assert_eq!(answer.headers["content-type"], "application/geo+json");
        let features = answer.json["features"].as_array().unwrap();
        assert_eq!((features.len(), features[0]["properties"]["code"].as_str()), (1, Some("220104050302")));
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

both_engines! {
    async fn field_11_grid_that_loses_cells_is_asked_with_its_figures_and_replaces_when_told(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        import(&app, &admin.token, pack("220104.1", 1)).await.expect(200);
        let before = synthetic_cells(1).len();
        app.advance_minutes(1);
        let asked = import(&app, &admin.token, squares(false)).await.expect(409).expect_code("grid.replaces");
        let errors = asked.json["errors"].as_array().unwrap();
        let said: Vec<&str> = errors.iter().map(|e| e["en"].as_str().unwrap()).collect();
        assert!(said.iter().any(|s| s.contains(&format!("of {before} cells in force exist no more"))), "{said:?}");
        assert!(said.iter().any(|s| s.contains("m2 in force belong to no cell")), "{said:?}");
        assert!(said.iter().any(|s| s.contains("cells moved, the furthest by")), "{said:?}");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM grid").await, 1);
        assert!(app.app.grids.knows(synthetic_cells(1)[0].0).is_some());

        let told = import_as(&app, &admin.token, "?replace=true", squares(false)).await.expect(200).json;
        assert_eq!((&told["in_force"], &told["compared"]["version"]), (&true.into(), &"220104.1".into()));
        assert_eq!(told["compared"]["cells_after"], 2);
        let rows = app.get("/v1/grids", &admin.token).await.expect(200).json;
        let in_force: Vec<&Value> = rows.as_array().unwrap().iter().filter(|r| r["in_force"] == true).collect();
        assert_eq!((in_force.len(), &in_force[0]["version"]), (1, &"220104.7".into()));
    }

    async fn field_11_dry_run_says_what_would_happen_and_changes_nothing(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let dry = import_as(&app, &admin.token, "?dry_run=true", squares(false)).await.expect(200).json;
        assert_eq!((&dry["in_force"], &dry["cells"], &dry["compared"]), (&false.into(), &2.into(), &Value::Null));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM grid").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM reference_file WHERE name = 'grid'").await, 0);
        import(&app, &admin.token, squares(false)).await.expect(200);
        // The same land, in two versions: the areas are those of the ellipsoid, 0.02 by 0.01 degree at 43.805 north.
        let again = import_as(&app, &admin.token, "?dry_run=true&version=220104.8", foreign("\"crs\":\"EPSG:4490\",")).await;
        let compared = &again.expect(200).json["compared"];
        let area = compared["area_before_m2"].as_u64().unwrap();
        assert!((1_785_000..1_790_000).contains(&area), "{compared}");
        for zero in ["cells_lost", "cells_added", "area_lost_m2", "area_gained_m2", "cells_moved", "largest_move_m"] {
            assert_eq!(compared[zero], 0, "{zero}");
        }
        // What would be refused is refused.
        let taken = import_as(&app, &admin.token, "?dry_run=true", squares(false)).await;
        taken.expect(200);
        let other = import_as(&app, &admin.token, "?dry_run=true", pack("220104.7", 3)).await;
        other.expect(422).expect_code("grid.faults");
    }

    async fn field_11_first_grid_that_leaves_out_what_the_city_lists_is_asked(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        app.org(Some(city.street), "community", "建设社区", "2201040504").await;
        // The list of another district is no measure.
        app.org(Some(city.other_district), "community", "东站社区", "2201050101").await;
        let asked = import(&app, &admin.token, squares(false)).await.expect(409).expect_code("grid.replaces");
        assert_eq!(asked.json["errors"].as_array().unwrap().len(), 1, "{asked:?}");
        assert_eq!(asked.json["errors"][0]["zh"], "名录中的 2 个单位有 1 个没有单元网格：建设社区");
        let dry = import_as(&app, &admin.token, "?dry_run=true", squares(false)).await.expect(200).json;
        assert_eq!(dry["asks"].as_array().unwrap().len(), 1);
        import_as(&app, &admin.token, "?replace=true", squares(false)).await.expect(200);
        // What is in force is the measure from now on.
        import_as(&app, &admin.token, "?version=220104.8", foreign("\"crs\":\"EPSG:4490\",")).await.expect(200);
    }

    async fn field_11_grid_is_compared_with_the_outline_of_the_county(app: TestApp) {
        app.city().await;
        let county = |code: &str, west: f64, east: f64| serde_json::json!({
            "type": "Feature", "properties": {"code": code},
            "geometry": {"type": "Polygon", "coordinates": [[
                [west, 43.8], [east, 43.8], [east, 43.81], [west, 43.81], [west, 43.8],
            ]]},
        });
        let outlines = |features: Vec<Value>| {
            let text = serde_json::json!({"type": "FeatureCollection", "features": features});
            let source = grid::import::read_bytes(text.to_string().as_bytes()).unwrap();
            Some(grid::coverage::CountyOutlines::of(source, Some(grid::source::SourceDatum::Wgs84)).unwrap())
        };
        // The file of a city: the neighbour's outline is no measure.
        let outline = |east: f64| outlines(vec![county("220105", east, 126.0), county("220104", 125.0, east)]);
        let tried = async |app: &TestApp, outline| {
            let wishes = ImportWishes { outline, ..ImportWishes::default() };
            let input = GridInput::Bytes(squares(false).into());
            grids::import_as(&app.app.store, &app.app.blobs, input, &wishes, app.now()).await
        };
        // A third of the county has no cell, then half of the cells lie outside of it.
        for (east, en) in [(125.03, "of the outline belong to no cell"), (125.01, "m2 of cells lie outside of the outline")] {
            let failure = tried(&app, outline(east)).await.unwrap_err();
            assert_eq!(failure.code(), Some(ProblemCode::GridReplaces));
            let said: Vec<&str> = failure.fields_concerned().iter().map(|e| e.en.as_str()).collect();
            assert!(said.len() == 1 && said[0].contains(en), "{said:?}");
        }
        let failure = tried(&app, outlines(vec![county("220105", 125.0, 125.02)])).await.unwrap_err();
        assert_eq!(failure.code(), Some(ProblemCode::GridFaults));
        assert_eq!(failure.fields_concerned()[0].at, "?outline");
        let covered = tried(&app, outline(125.02)).await.unwrap().outline.unwrap();
        assert!((1_785_000..1_790_000).contains(&covered.outline_m2), "{covered:?}");
        assert_eq!((covered.bare_m2, covered.beyond_m2), (0, 0));
    }

    async fn field_11_grid_outside_of_china_is_asked_even_where_there_is_none(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let island = include_bytes!("../../grid/tests/data/h5-meta-null-island.geojson").to_vec();
        import(&app, &admin.token, island).await.expect(409).expect_code("grid.replaces");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM grid").await, 0);
        let huge = include_bytes!("../../grid/tests/data/h4-meta-huge-cell.geojson").to_vec();
        import(&app, &admin.token, huge).await.expect(422).expect_code("grid.faults");
    }

    async fn field_10_datum_and_version_are_asked_over_http_and_taken_from_the_query(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let asked = import_as(&app, &admin.token, "?version=220104.1", foreign("")).await;
        let asked = asked.expect(422).expect_code("grid.faults");
        assert_eq!(asked.json["errors"][0]["at"], "?source_datum");
        let asked = import_as(&app, &admin.token, "?source_datum=wgs84", foreign("")).await.expect(422);
        assert_eq!(asked.json["errors"][0]["at"], "?version");
        import_as(&app, &admin.token, "?source_datum=wgs72", foreign("")).await.expect(422).expect_code("request.invalid");
        let said = r#""crs":{"type":"name","properties":{"name":"GCJ-02"}},"#;
        let refused = import_as(&app, &admin.token, "?version=220104.1&source_datum=wgs84", foreign(said)).await;
        refused.expect(422).expect_code("grid.faults");
        import_as(&app, &admin.token, "?version=220104.1&source_datum=gcj02", foreign(said)).await.expect(200);
        // The same cells, read as WGS-84 this time, lie 600 m away: asked.
        let moved = import_as(&app, &admin.token, "?version=220104.2&source_datum=wgs84", foreign("")).await;
        let moved = moved.expect(409).expect_code("grid.replaces");
        assert!(moved.json.to_string().contains("check the datum"), "{moved:?}");
    }

    async fn field_13_names_of_the_citys_list_reach_the_pack_and_unprintable_ones_are_warned_of(app: TestApp) {
        let city = app.city().await;
        app.write(|tx, _| Ok(tx.execute(
            "UPDATE org SET name = ?1 WHERE area = '22010405'", server::params!["\u{3400}街道"],
        )?)).await;
        let admin = app.staff(Role::Admin, city.city).await;
        let taken = import(&app, &admin.token, squares(false)).await.expect(200).json;
        let cell = "220104050301".parse().unwrap();
        assert_eq!(app.app.grids.names(cell).unwrap().0, "\u{3400}街道");
        let warnings = taken["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 1, "{taken}");
        assert_eq!(warnings[0]["at"], "22010405");
        assert!(warnings[0]["zh"].as_str().unwrap().contains("方框"));
    }

    async fn sec_a06_body_of_a_grid_is_not_read_before_the_scope_is_known(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.street).await;
        let (body, was_read) = watched_body(squares(false));
        app.send(upload(&admin.token, "", body)).await.expect(403).expect_code("auth.scope");
        assert!(!was_read.load(Ordering::SeqCst));
    }

    async fn sec_a06_grids_arrive_one_at_a_time_on_the_disk_and_leave_nothing_there(app: TestApp) {
        let folder = tempfile::tempdir().unwrap();
        app.app.scratch.set_folder(folder.path());
        let is_empty = || std::fs::read_dir(folder.path()).unwrap().next().is_none();
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let (begun, when_begun) = tokio::sync::oneshot::channel();
        let (go_on, may_go_on) = tokio::sync::oneshot::channel::<()>();
        let whole = squares(false);
        let second = whole.clone();
        let body = futures_util::stream::once(async move {
            begun.send(()).unwrap();
            may_go_on.await.unwrap();
            Ok::<_, std::io::Error>(whole)
        });
        let slow = app.send(upload(&admin.token, "", Body::from_stream(body)));
        let meanwhile = async {
            when_begun.await.unwrap();
            let busy = import(&app, &admin.token, second).await.expect(503).expect_code("server.busy");
            assert!(busy.headers.contains_key("retry-after"));
            // The file of the first has no name, so that the end of the process removes it too.
            assert!(is_empty());
            go_on.send(()).unwrap();
        };
        let (slow, ()) = tokio::join!(slow, meanwhile);
        slow.expect(200);
        // Too large, broken off, faulty: the next one may come, and nothing is left.
        let large = vec![b' '; 33 * 1024 * 1024];
        import(&app, &admin.token, large).await.expect(413);
        let broken = futures_util::stream::iter([Ok(vec![b'{'; 10]), Err(std::io::Error::other("gone"))]);
        let broken = app.send(upload(&admin.token, "", Body::from_stream(broken))).await;
        assert!((400..500).contains(&broken.status), "{broken:?}");
        import(&app, &admin.token, squares(true)).await.expect(422);
        import(&app, &admin.token, squares(false)).await.expect(200);
        assert!(is_empty());
    }
}

/// A body that says whether it was read.
fn watched_body(bytes: Vec<u8>) -> (Body, Arc<AtomicBool>) {
    let was_read = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&was_read);
    let body = futures_util::stream::once(async move {
        seen.store(true, Ordering::SeqCst);
        Ok::<_, std::io::Error>(bytes)
    });
    (Body::from_stream(body), was_read)
}
