//! The app's releases: published by the operator, named by the signed manifest, fetched in parts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use axum::{body::Body, http::Request};
use protocol::{
    manifest::{AppRelease, MAX_APP_BYTES, Manifest, SignedManifest},
    photo::Sha256,
};
use server::grids::release::{self, NewRelease, ReleaseError};
use support::TestApp;

fn package(build: u8) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend((0..50_000_u32).map(|k| k.to_le_bytes()[0] ^ build));
    bytes
}

fn new(build: u8) -> NewRelease {
    NewRelease {
        version: format!("1.{build}.0"),
        build: build.into(),
        signer: Sha256([3; 32]),
        oldest: None,
    }
}

async fn publish(app: &TestApp, new: NewRelease, package: Vec<u8>) -> Result<AppRelease, ReleaseError> {
    release::publish(&app.app.store, &app.app.blobs, new, package, app.app.clock.now()).await
}

async fn named(app: &TestApp, token: &str) -> Option<AppRelease> {
    let signed: SignedManifest = app.get("/v1/field/manifest", token).await.body();
    serde_json::from_str::<Manifest>(&signed.manifest).unwrap().app
}

both_engines! {
    async fn a_release_is_named_by_the_manifest_and_fetched_in_parts(app: TestApp) {
        let city = app.city().await;
        let post = app.post(city.community, &["2201040503"]).await;
        let client = app.holder(post).await;
        assert_eq!(named(&app, &client.token).await, None);
        let bytes = package(12);
        let path = format!("/v1/field/files/{}", Sha256::of(&bytes));
        app.get(&path, &client.token).await.expect(404);
        let release = publish(&app, NewRelease { oldest: Some(9), ..new(12) }, bytes.clone()).await.unwrap();
        assert_eq!(named(&app, &client.token).await, Some(release.clone()));
        assert_eq!(
            (release.build, release.oldest, release.sha256, release.size),
            (12, 9, Sha256::of(&bytes), bytes.len() as u64)
        );
        assert_eq!(app.get(&path, &client.token).await.expect(200).bytes, bytes);
        let part = Request::get(&path)
            .header("authorization", format!("Bearer {}", client.token))
            .header("range", "bytes=40000-49999")
            .body(Body::empty())
            .unwrap();
        assert_eq!(app.send(part).await.expect(206).bytes, bytes[40_000..50_000]);
        release::withdraw(&app.app.store).await.unwrap();
        assert_eq!(named(&app, &client.token).await, None);
        app.get(&path, &client.token).await.expect(404);
        assert!(matches!(release::withdraw(&app.app.store).await, Err(ReleaseError::Nothing)));
    }

    async fn what_handsets_would_refuse_is_not_published(app: TestApp) {
        publish(&app, NewRelease { oldest: Some(9), ..new(12) }, package(12)).await.unwrap();
        let refused = publish(&app, new(13), b"no package".to_vec()).await;
        assert!(matches!(refused, Err(ReleaseError::NotAnApk)));
        let mut huge = package(13);
        huge.resize(usize::try_from(MAX_APP_BYTES).unwrap() + 1, 0);
        assert!(matches!(publish(&app, new(13), huge).await, Err(ReleaseError::TooLarge { .. })));
        for version in ["", "1 4", "1.4\n", "123456789012345678901234567890123"] {
            let refused = publish(&app, NewRelease { version: version.into(), ..new(13) }, package(13)).await;
            assert!(matches!(refused, Err(ReleaseError::Version)), "{version:?}");
        }
        let refused = publish(&app, new(12), package(13)).await;
        assert!(matches!(refused, Err(ReleaseError::NotNewer { build: 12, present: 12 })));
        let other = NewRelease { signer: Sha256([4; 32]), ..new(13) };
        assert!(matches!(publish(&app, other, package(13)).await, Err(ReleaseError::OtherSigner)));
        let future = NewRelease { oldest: Some(14), ..new(13) };
        assert!(matches!(publish(&app, future, package(13)).await, Err(ReleaseError::Oldest { .. })));

        let other_words = publish(&app, new(13), package(12)).await;
        assert!(matches!(other_words, Err(ReleaseError::OtherWords)));

        // The same package again changes what is served; a newer one keeps it.
        let again = publish(&app, NewRelease { oldest: Some(11), ..new(12) }, package(12)).await.unwrap();
        assert_eq!((again.build, again.oldest), (12, 11));
        let newer = publish(&app, new(13), package(13)).await.unwrap();
        assert_eq!((newer.build, newer.oldest), (13, 11));
    }
}
