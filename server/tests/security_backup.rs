//! A backup while the server runs, and the drill with it: a restored city has every entry and photo (use B13). Before a
//! migration the database is copied.
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
use protocol::photo::Sha256;
use server::{
    app::{object_name::ObjectName, objects::Blobs},
    params,
    service::{
        backup::{self, Backup},
        run::{self, ServerOptions},
        seal_source::SealSource,
        start_error::StartError,
    },
    store::{Options, Store, copy},
};
use std::{path::Path, process::Command};
use support::{FieldClient, TestApp};
use tus_client::{picture, report, upload};

async fn make(app: &TestApp, to: &Path) -> Backup {
    backup::make(app.url(), &app.app.store, &app.app.blobs, to)
        .await
        .unwrap()
}

/// A report with a photo, held by the server.
async fn reported(app: &TestApp, client: &mut FieldClient, seed: u8) -> Vec<u8> {
    let photo = picture(seed);
    let entry = client.entry(app, &report(&[&photo]));
    client.push(app, &[entry]).await;
    upload(app, client, &photo).await;
    photo
}

/// A store over the copy of the database, and what keeps it.
async fn restored(app: &TestApp, backup: &Backup, folder: &Path) -> Store {
    let url = if app.url().starts_with("sqlite:") {
        let file = folder.join("restored.db");
        std::fs::copy(&backup.database, &file).unwrap();
        format!("sqlite:{}", file.display())
    } else {
        // Another database on the same server.
        let (server, name) = app.url().rsplit_once('/').unwrap();
        let url = format!("{server}/{name}_restored");
        app.run_sql(&format!("CREATE DATABASE {name}_restored"));
        let done = Command::new("pg_restore")
            .args(["--no-owner", "--dbname", &url])
            .arg(&backup.database)
            .status()
            .unwrap();
        assert!(done.success());
        url
    };
    tokio::task::spawn_blocking(move || Store::open(&url, Options::default()))
        .await
        .unwrap()
        .unwrap()
}

both_engines! {
    async fn use_b13_backup_of_a_running_server_restores_every_entry_and_photo(app: TestApp) {
        let city = app.city().await;
        let mut reporter = app.holder(app.post(city.community, &["2201040503"]).await).await;
        app.app.blobs.put_durable(&ObjectName::StoreId, Bytes::from_static(b"id")).await.unwrap();
        let first = reported(&app, &mut reporter, 1).await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("backup");
        let made = make(&app, &to).await;
        assert_eq!((made.copied, made.missing.len()), (2, 0), "{made:?}");

        // A second backup copies what is new, and the database is as it was in between.
        let second = reported(&app, &mut reporter, 2).await;
        let made = make(&app, &to).await;
        assert_eq!((made.objects, made.copied), (3, 2), "a photo and the id of the store: {made:?}");
        reported(&app, &mut reporter, 3).await;

        let store = restored(&app, &made, folder.path()).await;
        let stream = reporter.stream;
        let held = store.read(move |tx| tx.one(
            "SELECT (SELECT COUNT(*) FROM entry WHERE stream = ?1) AS entries,
                    (SELECT COUNT(*) FROM photo WHERE stream = ?1 AND received IS NOT NULL) AS photos",
            params![stream.to_string()],
            |row| Ok((row.get::<i64>("entries")?, row.get::<i64>("photos")?)),
        )).await.unwrap();
        assert_eq!(held, (2, 2));
        let objects = Blobs::folder(&to.join("objects")).unwrap();
        for photo in [first, second] {
            let name = ObjectName::Photo { stream, sha256: Sha256::of(&photo) };
            assert_eq!(objects.get(&name).await.unwrap(), photo);
        }
        store.close().await;
    }

    async fn use_b13_lost_and_damaged_objects_are_named_and_not_copied(app: TestApp) {
        let city = app.city().await;
        let mut reporter = app.holder(app.post(city.community, &["2201040503"]).await).await;
        let photo = reported(&app, &mut reporter, 1).await;
        let name = ObjectName::Photo { stream: reporter.stream, sha256: Sha256::of(&photo) };
        app.app.blobs.put_durable(&name, Bytes::from_static(b"other bytes")).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let made = make(&app, folder.path()).await;
        assert_eq!(made.missing, [ObjectName::StoreId.to_string(), format!("{name} (damaged)")]);
        assert!(Blobs::folder(&folder.path().join("objects")).unwrap().get(&name).await.is_err());
    }

    async fn database_of_an_older_version_names_its_pending_migrations(app: TestApp) {
        let url = app.url().to_owned();
        let pending = async || {
            let url = url.clone();
            let found = tokio::task::spawn_blocking(move || copy::pending(&url)).await.unwrap().unwrap();
            found.iter().map(|m| m.version).collect::<Vec<_>>()
        };
        assert_eq!(pending().await, Vec::<i64>::new());
        let last = last();
        app.write(move |tx, _| {
            Ok(tx.execute("DELETE FROM schema_migration WHERE version = ?1", params![last])?)
        }).await;
        assert_eq!(pending().await, [last]);
    }
}

/// The newest version of the schema.
fn last() -> i64 {
    server::store::MIGRATIONS.last().unwrap().version
}

/// A city of its own in `folder/data`, as the version before this one left it: its last migration is not noted.
async fn old_city(folder: &Path) -> ServerOptions {
    let data = folder.join("data");
    let options = ServerOptions {
        seal: SealSource::File(folder.join("seal")),
        ..ServerOptions::new(&data, "127.0.0.1:0".parse().unwrap())
    };
    let opened = run::open(&options).await.unwrap();
    server::cli::found(&opened.store, "2201", "长春市", "zhao.min")
        .await
        .unwrap();
    opened
        .store
        .write(|tx| tx.execute("DELETE FROM schema_migration WHERE version = ?1", params![last()]))
        .await
        .unwrap();
    opened.store.close().await;
    options
}

#[tokio::test]
async fn use_b13_database_is_copied_before_a_migration_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = old_city(folder.path()).await;
    let copied = folder.path().join(format!("data.before-{:04}/xunge.db", last()));
    let url = format!("sqlite:{}", options.data.join("xunge.db").display());
    let made = backup::before_migration(&url, &options.data, false)
        .await
        .unwrap();
    assert_eq!(made.as_ref(), Some(&copied));
    assert!(copied.exists());

    // No copy, no migration: a file stands where the folder should be.
    std::fs::remove_dir_all(copied.parent().unwrap()).unwrap();
    std::fs::write(copied.parent().unwrap(), "in the way").unwrap();
    let before = std::fs::read(options.data.join("xunge.db")).unwrap();
    let refused = Box::pin(run::start(options.clone())).await.err().unwrap();
    assert!(matches!(refused, StartError::Backup(_)), "{refused}");
    // A tool beside a server of the older version changes nothing either.
    let refused = run::open_city(&options).await.err().unwrap();
    assert!(matches!(refused, StartError::OlderSchema), "{refused}");
    assert_eq!(std::fs::read(options.data.join("xunge.db")).unwrap(), before);

    assert_eq!(
        backup::before_migration(&url, &options.data, true).await.unwrap(),
        None
    );
}
