//! The keys of the server: sealed in the database, rotated without visiting a handset (finding A3), and a data folder that is
//! no city's (use B3).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use protocol::{role::Role, sign::Signer as _};
use serde_json::json;
use server::{
    app::{
        address::Reach,
        identity::Identity,
        seal::{SealError, SealKey, is_sealed},
        secrets::{self, KeyError},
    },
    cli,
    kernel::ids::Ids,
    params,
    service::{
        run::{self, ServerOptions},
        seal_source::SealSourceError,
        start_error::StartError,
    },
    store::Tx,
    terminals::parcel_keys,
};
use std::path::{Path, PathBuf};
use support::TestApp;

const SECRETS: [&str; 4] = [
    secrets::SIGNING,
    secrets::NEXT_SIGNING,
    secrets::MAC,
    secrets::PARCEL,
];

fn options(data: &Path) -> ServerOptions {
    ServerOptions::new(data, "127.0.0.1:0".parse().unwrap())
}

/// A city of its own in `folder/data`, whose server ran once.
async fn city(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    let opened = run::open(&options(&data)).await.unwrap();
    cli::found(&opened.store, "2201", "长春市", "zhao.min")
        .await
        .unwrap();
    opened.store.close().await;
    Box::pin(run::start(options(&data))).await.unwrap().stop().await;
    data
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The text of the database, as it is stored.
fn stored(tx: &mut Tx<'_>, name: &str) -> String {
    tx.one("SELECT value FROM meta WHERE key = ?1", params![name], |row| {
        row.get("value")
    })
    .unwrap()
}

#[tokio::test]
async fn sec_a03_data_folder_alone_gives_no_key_of_the_server_away() {
    let folder = tempfile::tempdir().unwrap();
    let data = city(folder.path()).await;
    let opened = run::open_city(&options(&data)).await.unwrap();
    let seal = opened.identity.seal.clone();
    let all = [&SECRETS[..], &[secrets::TLS, secrets::NEXT_TLS]].concat();
    let plain: Vec<String> = opened
        .store
        .read(move |tx| {
            let of = |name: &&str| secrets::read(tx, &seal, name).map(Option::unwrap);
            all.iter().map(of).collect::<Result<_, KeyError>>()
        })
        .await
        .unwrap();
    opened.store.close().await;
    let found = files(&data);
    assert!(found.len() > 3, "{found:?}");
    for (path, bytes) in found {
        for secret in &plain {
            // The second line of a PEM is part of its key.
            let part = secret.lines().nth(1).unwrap_or(secret);
            assert!(!contains(&bytes, part), "{}", path.display());
        }
        assert!(!contains(&bytes, "PRIVATE KEY"), "{}", path.display());
    }
    assert!(folder.path().join("data.seal-key").exists());
}

#[tokio::test]
async fn sec_a03_without_its_seal_key_the_server_starts_nothing_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = city(folder.path()).await;
    let (file, aside) = (folder.path().join("data.seal-key"), folder.path().join("aside"));
    std::fs::rename(&file, &aside).unwrap();
    let refused = Box::pin(run::start(options(&data))).await.err().unwrap();
    assert!(
        matches!(refused, StartError::Seal(SealSourceError::Missing { .. })),
        "{refused}"
    );
    assert!(!file.exists());
    std::fs::write(&file, "00".repeat(32)).unwrap();
    let refused = Box::pin(run::start(options(&data))).await.err().unwrap();
    assert!(
        matches!(
            refused,
            StartError::Key(KeyError::Seal(SealError::OtherKey { .. }))
        ),
        "{refused}"
    );
    std::fs::rename(&aside, &file).unwrap();
    Box::pin(run::start(options(&data))).await.unwrap().stop().await;
}

#[tokio::test]
async fn use_b03_mistyped_folder_is_refused_and_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let typo = folder.path().join("typo");
    let refused = Box::pin(run::start(options(&typo))).await.err().unwrap();
    assert!(matches!(refused, StartError::NoCity(_)), "{refused}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // A database without a city, as an older version left it.
    run::open(&options(&typo)).await.unwrap().store.close().await;
    let refused = run::open_city(&options(&typo)).await.err().unwrap();
    assert!(matches!(refused, StartError::NoCity(_)), "{refused}");
}

both_engines! {
    async fn sec_a03_keys_of_an_older_version_are_sealed_in_place(app: TestApp) {
        let before = app.app.identity.clone();
        let (seal, retired) = (before.seal.clone(), "ab".repeat(32));
        let kept = retired.clone();
        app.write(move |tx, _| {
            for name in SECRETS {
                let plain = secrets::read(tx, &seal, name)?.unwrap();
                tx.execute("UPDATE meta SET value = ?2 WHERE key = ?1", params![name, plain])?;
            }
            tx.execute("INSERT INTO parcel_key (secret, retired) VALUES (?1, 1)", params![&retired])?;
            Ok(())
        }).await;
        let after = Identity::load_or_create(&app.app.store, before.seal.clone(), [9; 32]).await.unwrap();
        assert_eq!(after.signers(), before.signers());
        assert_eq!((after.mac_key, &after.parcel_key), (before.mac_key, &before.parcel_key));
        let seal = before.seal.clone();
        app.write(move |tx, _| {
            parcel_keys::reseal(tx, &seal, &seal, &mut Ids::new([8; 32]))?;
            for name in SECRETS {
                assert!(is_sealed(&stored(tx, name)), "{name}");
            }
            let secret: String = tx.one("SELECT secret FROM parcel_key", params![], |row| row.get("secret"))?;
            assert_eq!(seal.open(secrets::PARCEL, &secret).unwrap(), kept);
            Ok(())
        }).await;
    }

    async fn sec_a03_another_seal_key_opens_what_was_sealed_again(app: TestApp) {
        let (old, new) = (app.app.identity.seal.clone(), SealKey::new([77; 32]));
        let (from, to) = (old.clone(), new.clone());
        app.app.store.write(move |tx| secrets::reseal(tx, &from, &to, &mut Ids::new([8; 32]))).await.unwrap();
        let wrong = Identity::load_or_create(&app.app.store, old, [9; 32]).await;
        assert!(matches!(wrong, Err(KeyError::Seal(SealError::OtherKey { .. }))));
        let after = Identity::load_or_create(&app.app.store, new, [9; 32]).await.unwrap();
        assert_eq!(after.signers(), app.app.identity.signers());
    }

    async fn sec_a03_rotated_signing_key_was_announced_and_old_certificates_stay_valid(app: TestApp) {
        let before = app.app.identity.clone();
        let announced = before.next_signer.clone();
        let signs = before.rotate_signing(&app.app.store, false, [5; 32], app.now()).await.unwrap();
        assert_eq!(signs, announced);
        let after = Identity::load_or_create(&app.app.store, before.seal.clone(), [6; 32]).await.unwrap();
        assert_eq!(after.signer.public_key(), announced);
        assert!(!before.signers().contains(&after.next_signer));
        let old = before.signer.public_key();
        assert!(after.certifiers().any(|key| key == old), "a certificate lasts as long as its handset");
        // Twice: both former keys still certify.
        let again = after.rotate_signing(&app.app.store, false, [7; 32], app.now()).await.unwrap();
        assert_eq!(again, after.next_signer);
        let last = Identity::load_or_create(&app.app.store, before.seal.clone(), [6; 32]).await.unwrap();
        assert_eq!(last.certifiers().count(), 3);
        // They are in strange hands: none of them certifies any more.
        last.rotate_signing(&app.app.store, true, [8; 32], app.now()).await.unwrap();
        let cured = Identity::load_or_create(&app.app.store, before.seal.clone(), [6; 32]).await.unwrap();
        assert!(cured.certifiers().eq([last.next_signer.clone()]));
    }

    async fn sec_a03_rotated_challenge_key_refuses_old_challenges_alone(app: TestApp) {
        let before = app.app.identity.clone();
        before.rotate_mac(&app.app.store, [5; 32], app.now()).await.unwrap();
        let after = Identity::load_or_create(&app.app.store, before.seal.clone(), [6; 32]).await.unwrap();
        assert_ne!(after.mac_key, before.mac_key);
        assert_eq!(after.signers(), before.signers());
    }

    async fn use_b04_invitation_that_no_handset_could_follow_is_refused(app: TestApp) {
        let city = app.city().await;
        let admin = app.staff(Role::Admin, city.city).await;
        let post = app.post(city.community, &["2201040503"]).await;
        let person = app.person("孙巡查", city.community, &[]).await;
        app.assign(post, person).await;
        let terminal = app
            .post_json("/v1/terminals", &admin.token, json!({"label": "A-1", "org": city.community}))
            .await
            .expect(200)
            .json;
        let path = format!("/v1/terminals/{}/invitations", terminal["id"].as_str().unwrap());
        let body = json!({"post": post, "person": person});
        let invited = app.post_json(&path, &admin.token, &body).await.expect(200).json;
        assert_eq!(invited["this_machine_only"], true);
        let app = app.with_reach(Reach::Nobody).await;
        let before = app.count("SELECT COUNT(*) AS n FROM enrol_code").await;
        app.post_json(&path, &admin.token, &body).await.expect(409).expect_code("server.public_address");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM enrol_code").await, before);
        let app = app.with_reach(Reach::Network).await;
        let invited = app.post_json(&path, &admin.token, &body).await.expect(200).json;
        assert_eq!(invited["this_machine_only"], false);
    }
}
