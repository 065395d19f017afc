//! All servers of a database share one object store: the store of another database is detected before
//! anything is written to it, and a restored one is accepted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;
#[path = "support/tus.rs"]
mod tus_client;

use bytes::Bytes;
use object_store::{ObjectStoreExt as _, memory::InMemory, path::Path};
use protocol::photo::Sha256;
use server::{
    app::{identity, object_name::ObjectName, objects::Blobs},
    kernel::config::Settings,
    params,
    service::{
        run::{self, Opened},
        start_error::StartError,
    },
};
use std::sync::Arc;
use support::TestApp;
use tus_client::{picture, report, upload};

/// Starts a server on the app's database with these objects, up to its listener.
async fn start(app: &TestApp, blobs: &Blobs) -> Result<(), StartError> {
    start_with(app, blobs, false).await
}

async fn start_with(app: &TestApp, blobs: &Blobs, accept_missing: bool) -> Result<(), StartError> {
    let opened = Opened {
        store: app.app.store.clone(),
        blobs: blobs.clone(),
        identity: app.app.identity.clone(),
    };
    run::assemble(
        opened,
        Settings::default(),
        app.app.public.clone(),
        accept_missing,
    )
    .await
    .map(drop)
}

fn empty() -> (Arc<InMemory>, Blobs) {
    let objects = Arc::new(InMemory::new());
    (objects.clone(), Blobs::new(objects))
}

async fn id_in(blobs: &Blobs) -> String {
    String::from_utf8(blobs.get(&ObjectName::StoreId).await.unwrap().to_vec()).unwrap()
}

/// The store id in the database.
async fn id_of(app: &TestApp) -> Option<String> {
    let read = |tx: &mut server::store::Tx<'_>| {
        Ok(tx.opt(
            "SELECT value FROM meta WHERE key = 'store_id'",
            params![],
            |row| row.get("value"),
        )?)
    };
    app.app.read(read).await.unwrap()
}

both_engines! {
    async fn server_refuses_the_objects_of_another_database(app: TestApp) {
        let ((_, own), (_, other)) = (empty(), empty());
        start(&app, &own).await.unwrap();
        start(&app, &own).await.unwrap();
        assert_eq!(id_of(&app).await, Some(id_in(&own).await));
        other.put_durable(&ObjectName::StoreId, Bytes::from_static(b"another")).await.unwrap();
        let refused = start(&app, &other).await.unwrap_err();
        assert!(matches!(refused, StartError::OtherObjects { .. }), "{refused}");
        let words = refused.to_string();
        assert!(words.starts_with("对象存储属于另一个数据库") && words.contains("share one object store"), "{words}");
        assert_eq!(id_in(&other).await, "another");
        start(&app, &own).await.unwrap();
    }

    async fn replicas_that_start_at_once_agree_on_the_store_id(app: TestApp) {
        let (_, blobs) = empty();
        let replica = app.replica().await;
        let started = tokio::join!(start(&app, &blobs), start(&replica, &blobs), start(&app, &blobs));
        for started in [started.0, started.1, started.2] {
            started.unwrap();
        }
        assert_eq!(id_of(&app).await, Some(id_in(&blobs).await));
    }

    async fn server_starts_after_a_restore_of_database_or_objects(app: TestApp) {
        let (objects, blobs) = empty();
        start(&app, &blobs).await.unwrap();
        let id = id_in(&blobs).await;
        // Objects from before the id was written, with a newer database.
        let kept = ObjectName::Attachment { sha256: Sha256::of(b"kept") };
        blobs.put_durable(&kept, Bytes::from_static(b"kept")).await.unwrap();
        objects.delete(&Path::from("store-id")).await.unwrap();
        start(&app, &blobs).await.unwrap();
        assert_eq!(id_in(&blobs).await, id);
        // A database from before the id was written, with newer objects.
        app.write(|tx, _| Ok(tx.execute("DELETE FROM meta WHERE key = 'store_id'", &[])?)).await;
        start(&app, &blobs).await.unwrap();
        assert_eq!((id_in(&blobs).await, id_of(&app).await), (id.clone(), Some(id)));
        // Both from before the id was written.
        app.write(|tx, _| Ok(tx.execute("DELETE FROM meta WHERE key = 'store_id'", &[])?)).await;
        objects.delete(&Path::from("store-id")).await.unwrap();
        start(&app, &blobs).await.unwrap();
        assert_eq!(id_of(&app).await, Some(id_in(&blobs).await));
        assert_eq!(blobs.get(&kept).await.unwrap(), "kept");
    }

    async fn use_f01_empty_objects_beside_held_photos_are_refused_until_accepted(app: TestApp) {
        let city = app.city().await;
        let mut reporter = app.holder(app.post(city.community, &["2201040503"]).await).await;
        let photo = picture(1);
        let entry = reporter.entry(&app, &report(&[&photo]));
        reporter.push(&app, &[entry]).await;
        upload(&app, &reporter, &photo).await;
        start(&app, &app.app.blobs).await.unwrap();
        let epoch = async || app.app.read(|tx| Ok(identity::epoch(tx)?)).await.unwrap();
        let before = epoch().await;

        let (_, lost) = empty();
        let refused = start(&app, &lost).await.unwrap_err();
        assert!(matches!(refused, StartError::ObjectsMissing { held: 1 }), "{refused}");
        assert!(lost.get(&ObjectName::StoreId).await.is_err(), "nothing was written");
        assert_eq!(epoch().await, before);

        start_with(&app, &lost, true).await.unwrap();
        assert_ne!(epoch().await, before, "every handset asks for its receipts again");
        let renewed = epoch().await;
        start(&app, &lost).await.unwrap();
        assert_eq!(epoch().await, renewed);

        // An older copy of the right objects, from before they had an id, is no loss.
        let (_, older) = empty();
        let name = ObjectName::Photo { stream: reporter.stream, sha256: Sha256::of(&photo) };
        older.put_durable(&name, Bytes::from(photo)).await.unwrap();
        start(&app, &older).await.unwrap();
    }
}
