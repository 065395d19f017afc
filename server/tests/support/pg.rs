//! A database of its own for each test that needs PostgreSQL, dropped afterwards.
//!
//! `XUNGE_TEST_PG` names a server where databases may be created (`cargo xtask test` starts one for the whole
//! run); without it, a private cluster is started once per process. A test never skips: where PostgreSQL is
//! missing it fails and says what to install.
//!
//! Include it with `#[path = "support/pg.rs"] mod pg;`.
#![allow(clippy::disallowed_methods, reason = "names that only this process uses")]
#![allow(dead_code)]

#[path = "pg_cluster.rs"]
mod pg_cluster;

use std::sync::OnceLock;

use pg_cluster::Cluster;
use postgres::{Client, NoTls};

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

/// A fresh, empty database.
pub struct TestDatabase {
    admin: String,
    name: String,
    url: String,
}

impl TestDatabase {
    /// Create one. Fine from async tests, too: the work is done on a thread of its own.
    pub fn create() -> Self {
        let admin = std::env::var("XUNGE_TEST_PG").unwrap_or_else(|_| {
            let start =
                || Cluster::start().unwrap_or_else(|error| panic!("no PostgreSQL for this test: {error}"));
            CLUSTER.get_or_init(start).url().to_owned()
        });
        let name = format!("t_{}", uuid::Uuid::now_v7().simple());
        run(&admin, format!("CREATE DATABASE {name}")).expect("a database for this test");
        let (server, _) = admin.rsplit_once('/').expect("XUNGE_TEST_PG ends in /DATABASE");
        let url = format!("{server}/{name}");
        Self { admin, name, url }
    }

    /// Its address, for `Store::open` or a server's configuration.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Run statements behind the store's back.
    pub fn run(&self, sql: &str) {
        run(&self.url, sql.to_owned()).expect("a statement of this test");
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // FORCE: a store that was not closed may still hold connections, or be about to make one, which
        // spoils the first try. What is left after all tries goes with the cluster.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = (0..10).any(|_| run(&self.admin, drop.clone()).is_ok());
    }
}

/// The blocking client must not run on an async thread.
fn run(url: &str, sql: String) -> Result<(), postgres::Error> {
    let url = url.to_owned();
    std::thread::spawn(move || Client::connect(&url, NoTls)?.batch_execute(&sql))
        .join()
        .expect("the helper thread")
}
