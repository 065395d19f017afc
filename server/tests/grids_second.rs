//! The pack of format 2: offered to handsets beside that of format 1, and used by the server itself for its lookups.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{body::Body, http::Request};
use grid::{
    pack::{Pack, PackBuf, PackInput, PackMeta, write},
    synthetic::{SeededRandom, mesh},
};
use protocol::{
    codes::{CellCode, CountyCode, GridVersion},
    geo::{Datum, PointE7},
    manifest::{FileName, Manifest, ManifestFile, SignedManifest},
    photo::Sha256,
    sign::{Signer as _, manifest_message},
};
use server::{
    app::{grid_packs::Grids, object_name::ObjectName, objects::Blobs},
    grids::{
        self,
        second::{Unwritten, complete},
    },
    params,
    service::backup,
};
use support::{FieldClient, TestApp};

/// A pack of format 1 with some 500 cells of 220104, or of the other county.
fn pack(version: &str, seed: u64) -> Vec<u8> {
    pack_of("220104", version, seed)
}

fn pack_of(county: &str, version: &str, seed: u64) -> Vec<u8> {
    let code = |code: CellCode| format!("{county}{}", &code.as_str()[6..]).parse().unwrap();
    let cells = mesh(22, seed).into_iter().map(|(c, ring)| (code(c), ring));
    let meta = PackMeta {
        grid_version: GridVersion(version.into()),
        datum: Datum::Wgs84,
        source_datum: Datum::Wgs84,
        source_datum_verified: true,
        county: Some(county.parse().unwrap()),
        source_sha256: String::new(),
        borders: "synthetic".into(),
    };
    write(PackInput {
        meta,
        cells: cells.collect(),
        units: vec![],
    })
    .unwrap()
}

async fn import(app: &TestApp, bytes: &[u8]) {
    let parts = &app.app;
    grids::import(&parts.store, &parts.blobs, bytes.to_vec().into(), app.now())
        .await
        .unwrap();
}

async fn handset(app: &TestApp) -> FieldClient {
    let city = app.city().await;
    let post = app.post(city.community, &["2201040503"]).await;
    app.holder(post).await
}

/// The files of the signed manifest, the packs of the grid first.
async fn offered(app: &TestApp, client: &FieldClient) -> (Option<ManifestFile>, Option<ManifestFile>) {
    let signed: SignedManifest = app.get("/v1/field/manifest", &client.token).await.body();
    let key = app.app.identity.signer.public_key();
    key.verify(&manifest_message(&signed.manifest), &signed.signature)
        .unwrap();
    let manifest: Manifest = serde_json::from_str(&signed.manifest).unwrap();
    let named = |name: FileName| {
        let mut all = manifest.files.iter().filter(|f| f.name == name.into());
        let one = all.next().cloned();
        assert_eq!(all.next(), None, "{name} twice");
        one
    };
    (named(FileName::Grid), named(FileName::GridSecond))
}

async fn fetch(app: &TestApp, client: &FieldClient, file: &ManifestFile, range: Option<&str>) -> Vec<u8> {
    let mut request = Request::get(format!("/v1/field/files/{}", file.sha256))
        .header("authorization", format!("Bearer {}", client.token));
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    answer
        .expect(if range.is_some() { 206 } else { 200 })
        .bytes
        .to_vec()
}

/// Points inside, on borders and outside of the synthetic cells.
fn points(pack: &Pack<'_>) -> Vec<PointE7> {
    let mut chance = SeededRandom::new(9);
    let corner = pack.cells().next().unwrap().ring().next().unwrap();
    let mut points: Vec<PointE7> = (0..2_000)
        .map(|_| PointE7 {
            lat: corner.lat + chance.within(-20_000, 300_000),
            lon: corner.lon + chance.within(-20_000, 300_000),
        })
        .collect();
    points.extend(
        pack.cells()
            .step_by(7)
            .flat_map(|cell| cell.ring().collect::<Vec<_>>()),
    );
    points
}

/// As a program before format 2 left the database.
async fn forget_second(app: &TestApp, version: &str) {
    let version = version.to_owned();
    app.write(move |tx, _| {
        Ok(tx.execute(
            "UPDATE grid SET second_sha256 = NULL, second_size = NULL, second_written = NULL WHERE version = ?1",
            params![&version],
        )?)
    })
    .await;
}

both_engines! {
    async fn pack_2_import_offers_both_packs_and_serves_the_smaller_one_in_parts(app: TestApp) {
        let client = handset(&app).await;
        let first = pack("220104.1", 1);
        import(&app, &first).await;
        let (old, new) = offered(&app, &client).await;
        let (old, new) = (old.unwrap(), new.unwrap());
        assert_eq!((old.sha256, old.version.as_str()), (Sha256::of(&first), "220104.1"));
        assert_eq!((new.version.as_str(), new.size < old.size * 2 / 5), ("220104.1", true), "{old:?} {new:?}");
        let second = fetch(&app, &client, &new, None).await;
        assert_eq!((Sha256::of(&second), second.len() as u64), (new.sha256, new.size));
        // Resumed at any place.
        let middle = second.len() / 2 + 1;
        assert!(fetch(&app, &client, &new, Some(&format!("bytes={middle}-"))).await == second[middle..]);
        assert!(fetch(&app, &client, &new, Some("bytes=5-99")).await == second[5..100]);
        // The old file is what it was, and both say the same.
        assert!(fetch(&app, &client, &old, None).await == first);
        let (a, b) = (Pack::open(&first).unwrap(), Pack::open(&second).unwrap());
        assert_eq!((a.format_version(), b.format_version()), (1, 2));
        assert_eq!(a.meta(), b.meta());
        for point in points(&a) {
            assert_eq!(a.cell_at(point), b.cell_at(point), "{point:?}");
        }
        // Importing the same file again changes neither row nor manifest.
        import(&app, &first).await;
        assert_eq!(offered(&app, &client).await, (Some(old), Some(new)));
    }

    async fn pack_2_version_of_an_older_program_is_completed_once(app: TestApp) {
        let client = handset(&app).await;
        import(&app, &pack("220104.1", 1)).await;
        let both = offered(&app, &client).await;
        forget_second(&app, "220104.1").await;
        assert_eq!(offered(&app, &client).await, (both.0.clone(), None));
        let mut unwritten = Unwritten::default();
        assert_eq!(complete(&app.app, &mut unwritten).await.unwrap(), 1);
        assert_eq!(offered(&app, &client).await, both);
        assert!(!fetch(&app, &client, &both.1.unwrap(), None).await.is_empty());
        assert_eq!(complete(&app.app, &mut unwritten).await.unwrap(), 0);
    }

    async fn pack_2_of_a_replaced_version_is_never_offered_for_the_newer_one(app: TestApp) {
        let client = handset(&app).await;
        import(&app, &pack("220104.1", 1)).await;
        app.advance_minutes(1);
        import(&app, &pack("220104.2", 2)).await;
        let (old, new) = offered(&app, &client).await;
        assert_eq!((old.unwrap().version, new.unwrap().version), ("220104.2".into(), "220104.2".into()));
        forget_second(&app, "220104.2").await;
        let (old, new) = offered(&app, &client).await;
        assert_eq!((old.unwrap().version, new), ("220104.2".into(), None));
    }

    async fn pack_2_of_another_county_is_not_served(app: TestApp) {
        let client = handset(&app).await;
        import(&app, &pack("220104.1", 1)).await;
        import(&app, &pack_of("220105", "220105.1", 2)).await;
        let sha256: Sha256 = app.app.read(|tx| Ok(tx.one(
            "SELECT second_sha256 FROM grid WHERE county = '220105'",
            params![],
            |row| row.parse("second_sha256"),
        )?)).await.unwrap();
        app.get(&format!("/v1/field/files/{sha256}"), &client.token).await.expect(404);
        let (_, new) = offered(&app, &client).await;
        assert_eq!(new.unwrap().version, "220104.1");
    }

    async fn pack_2_of_a_damaged_pack_is_not_written_and_comes_with_the_next_import(app: TestApp) {
        let client = handset(&app).await;
        let first = pack("220104.1", 1);
        import(&app, &first).await;
        let both = offered(&app, &client).await;
        forget_second(&app, "220104.1").await;
        let damaged = ObjectName::Reference { sha256: Sha256::of(&first) };
        app.app.blobs.put_durable(&damaged, first[..first.len() / 2].to_vec().into()).await.unwrap();
        let mut unwritten = Unwritten::default();
        assert_eq!(complete(&app.app, &mut unwritten).await.unwrap(), 0);
        import(&app, &first).await;
        assert_eq!(offered(&app, &client).await, both);
    }

    async fn pack_2_is_part_of_a_backup(app: TestApp) {
        let client = handset(&app).await;
        import(&app, &pack("220104.1", 1)).await;
        let (old, new) = offered(&app, &client).await;
        let folder = tempfile::tempdir().unwrap();
        backup::make(app.url(), &app.app.store, &app.app.blobs, folder.path()).await.unwrap();
        let objects = Blobs::folder(&folder.path().join("objects")).unwrap();
        for file in [old.unwrap(), new.unwrap()] {
            let kept = objects.get(&ObjectName::Reference { sha256: file.sha256 }).await.unwrap();
            assert_eq!(Sha256::of(&kept), file.sha256);
        }
    }

    async fn pack_2_server_answers_at_once_and_the_same_after_it_rewrote_its_packs(app: TestApp) {
        app.city().await;
        let first = pack("220104.1", 1);
        import(&app, &first).await;
        import(&app, &pack_of("220105", "220105.1", 2)).await;
        let grids = Grids::load(&app.app.store, &app.app.blobs).await.unwrap();
        let stored = PackBuf::open(first.clone()).unwrap();
        let view = stored.view();
        let points = points(&view);
        let answer = |point: PointE7| grids.locate(point).filter(|l| l.grid.0 == "220104.1").map(|l| l.cell);
        let check = || {
            for &point in &points {
                assert_eq!(answer(point), view.cell_at(point), "{point:?}");
            }
        };
        // In format 1, or while it is replaced.
        check();
        grids.wait_for_rewriter();
        let county = |code: &str| code.parse::<CountyCode>().unwrap();
        let in_memory = grids.in_memory();
        let formats: Vec<_> = in_memory.iter().map(|(c, format, _)| (*c, *format)).collect();
        assert_eq!(formats, [(county("220104"), 2), (county("220105"), 2)]);
        assert!(in_memory[0].2 < first.len() * 2 / 3, "{in_memory:?} of {}", first.len());
        check();
        for cell in view.cells() {
            assert!(grids.knows(cell.code).is_some());
            assert_eq!(answer(grids.centre(cell.code).unwrap()), Some(cell.code));
            let apart = PointE7 { lat: cell.centroid().lat + 30_000, lon: cell.centroid().lon };
            assert_eq!(grids.metres_to(cell.code, apart), view.metres_to(cell.code, apart));
        }
        // Nothing new is in force: nothing is loaded, and what was rewritten stays.
        assert!(!grids.renew(&app.app.store, &app.app.blobs).await.unwrap());
        assert_eq!(grids.in_memory(), in_memory);
        // A newer version of one county leaves the other as it is.
        app.advance_minutes(1);
        import(&app, &pack("220104.2", 3)).await;
        assert!(grids.renew(&app.app.store, &app.app.blobs).await.unwrap());
        assert_eq!(grids.in_memory()[1], in_memory[1]);
        grids.wait_for_rewriter();
        assert_eq!(grids.in_memory().iter().map(|(_, format, _)| *format).collect::<Vec<_>>(), [2, 2]);
        let some = view.cells().next().unwrap().code;
        assert_eq!(grids.knows(some).unwrap().0, "220104.2");
    }
}
