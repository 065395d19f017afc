//! All servers of a database share one object store: the store of another database is detected before
//! anything is written to it, and a restored one is accepted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use bytes::Bytes;
use object_store::{ObjectStoreExt as _, memory::InMemory, path::Path};
use protocol::photo::Sha256;
use server::{
    app::{object_name::ObjectName, objects::Blobs},
    kernel::config::Settings,
    params,
    service::{
        run::{self, Opened},
        start_error::StartError,
    },
};
use std::sync::Arc;
use support::TestApp;

/// Starts a server on the app's database with these objects, up to its listener.
async fn start(app: &TestApp, blobs: &Blobs) -> Result<(), StartError> {
    let opened = Opened {
        store: app.app.store.clone(),
        blobs: blobs.clone(),
        identity: app.app.identity.clone(),
    };
    run::assemble(opened, Settings::default(), app.app.public.clone())
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
}
