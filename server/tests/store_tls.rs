//! The connection to PostgreSQL is TLS with a verified name when it is asked for (finding A8). A cluster of its own speaks
//! TLS with a certificate for `localhost`, so that the address `127.0.0.1` is another name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/pg_cluster.rs"]
mod pg_cluster;

use pg_cluster::{ServerPems, TestCluster};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use server::{
    params,
    store::{Options, Store, StoreError},
};
use std::path::{Path, PathBuf};

/// Writes the certificate of a new authority into `file`, and returns one for `localhost` that it signed.
fn authority(file: &Path) -> ServerPems {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(file, params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    ServerPems {
        certificate: leaf.signed_by(&key, &issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// Opens a store within a short time; returns whether its connection is encrypted.
fn open(url: &str) -> Result<bool, StoreError> {
    let options = Options {
        patience: std::time::Duration::from_secs(3),
        ..Options::default()
    };
    let store = Store::open(url, options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let encrypted = store.read(|tx| {
            tx.one(
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                params![],
                |row| row.get::<bool>("ssl"),
            )
        });
        let encrypted = encrypted.await;
        store.close().await;
        encrypted
    })
}

#[test]
fn sec_a08_tls_to_postgresql_verifies_authority_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let [root, other]: [PathBuf; 2] = ["root.pem", "other.pem"].map(|name| folder.path().join(name));
    let (pems, _) = (authority(&root), authority(&other));
    let cluster = TestCluster::start_with_tls(&pems).unwrap();
    let plain = cluster.url().to_owned();
    let named = plain.replace("127.0.0.1", "localhost");
    let with = |url: &str, root: &Path| format!("{url}?sslmode=verify-full&sslrootcert={}", root.display());

    assert!(open(&with(&named, &root)).unwrap());
    assert!(
        open(&format!("{named}?sslrootcert={}", root.display())).unwrap(),
        "a named root asks for TLS"
    );
    assert!(!open(&plain).unwrap(), "loopback may be in clear");
    for wrong in [with(&plain, &root), with(&named, &other)] {
        let refused = open(&wrong).unwrap_err();
        assert!(
            matches!(refused, StoreError::Unavailable { .. }),
            "{wrong}: {refused}"
        );
    }
}

#[test]
fn sec_a08_server_without_tls_is_refused_and_not_called_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    authority(&root);
    let cluster = TestCluster::start().unwrap();
    let url = format!(
        "{}?sslmode=require&sslrootcert={}",
        cluster.url().replace("127.0.0.1", "localhost"),
        root.display()
    );
    let refused = open(&url).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
}
