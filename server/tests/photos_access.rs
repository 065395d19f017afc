//! Pictures outside of photo uploads: attachments of staff, and pictures that a handset may read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;
#[path = "support/tus.rs"]
mod tus_client;

use axum::{body::Body, http::Request};
use protocol::{
    ids::{PostId, StreamId, TaskId},
    photo::Sha256,
    role::Role,
};
use server::{params, photos::Attached};
use support::{TestApp, TestResponse};
use tus_client::{picture, report, upload};

async fn attach(app: &TestApp, token: &str, kind: &str, bytes: &[u8]) -> TestResponse {
    let request = Request::post("/v1/attachments")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", kind)
        .body(Body::from(bytes.to_vec()))
        .unwrap();
    app.send(request).await
}

/// Creates a task of the post that shows this photo for comparison.
async fn task_with(app: &TestApp, post: PostId, stream: Option<StreamId>, sha256: Sha256) {
    let ten = app.ten();
    app.write(move |tx, ctx| {
        let id = TaskId::from_parts(1, ten);
        tx.execute(
            "INSERT INTO task (id, purpose, wording, cell, address, due, compare_stream, compare, state, post, issued,
                               issued_by, resolved, drives, version)
             VALUES (?1, 'inspect', '', '220104050317', '', ?2, ?3, ?4, 'assigned', ?5, ?2, '', ?2, FALSE, 1)",
            params![
                id.to_string(),
                ctx.now.0,
                stream.map(|s| s.to_string()),
                sha256.to_string(),
                post.to_string()
            ],
        )?;
        Ok(())
    })
    .await;
    app.recount().await;
}

both_engines! {
    async fn staff_may_attach_pictures_only(app: TestApp) {
        let city = app.city().await;
        let acceptor = app.staff(Role::Acceptor, city.district).await;
        let bytes = picture(1);
        let attached: Attached = attach(&app, &acceptor.token, "image/png", &bytes).await.body();
        assert_eq!((attached.sha256, attached.size), (Sha256::of(&bytes), bytes.len() as u64));
        assert_eq!((attached.width, attached.height), (40, 40));
        let again: Attached = attach(&app, &acceptor.token, "image/png", &bytes).await.body();
        assert_eq!(again, attached);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM attachment").await, 1);
        attach(&app, &acceptor.token, "text/plain", &bytes).await.expect(415);
        attach(&app, &acceptor.token, "image/jpeg", b"letter").await.expect(422).expect_code("photo.not_an_image");
        attach(&app, &acceptor.token, "image/jpeg", b"").await.expect(422).expect_code("photo.empty");
        let most = usize::try_from(app.app.settings.photo_bytes).unwrap();
        attach(&app, &acceptor.token, "image/jpeg", &vec![0; most + 1]).await.expect(413).expect_code("photo.size");
        let admin = app.staff(Role::Admin, city.city).await;
        attach(&app, &admin.token, "image/png", &bytes).await.expect(403);
    }

    async fn task_photo_is_served_only_to_assigned_handsets(app: TestApp) {
        let city = app.city().await;
        let (mine, theirs) = (
            app.post(city.community, &["2201040503"]).await,
            app.post(city.community, &["2201040504"]).await,
        );
        let (mut reporter, inspector) = (app.holder(mine).await, app.holder(theirs).await);
        let (reported, attached) = (picture(1), picture(2));
        let entry = reporter.entry(&app, &report(&[&reported]));
        reporter.push(&app, &[entry]).await;
        upload(&app, &reporter, &reported).await;
        let supervisor = app.staff(Role::Supervisor, city.district).await;
        attach(&app, &supervisor.token, "image/png", &attached).await.expect(200);
        for (bytes, stream) in [(&reported, Some(reporter.stream)), (&attached, None)] {
            let path = format!("/v1/field/photos/by-hash/{}", Sha256::of(bytes));
            app.get(&path, &inspector.token).await.expect(404);
            task_with(&app, theirs, stream, Sha256::of(bytes)).await;
            assert_eq!(&app.get(&path, &inspector.token).await.expect(200).bytes, bytes);
        }
        // For other handsets the hash is not enough.
        let path = format!("/v1/field/photos/by-hash/{}", Sha256::of(&attached));
        app.get(&path, &reporter.token).await.expect(404);
    }
}
