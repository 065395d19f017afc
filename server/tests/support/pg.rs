//! A new database for each test that needs PostgreSQL, dropped afterwards.
//!
//! `XUNGE_TEST_PG` names a server where databases may be created (`cargo xtask test` starts one for the whole
//! run); without it, a private cluster is started once per process. A test is never skipped: without
//! PostgreSQL it fails and says what to install.
//!
//! Include it with `#[path = "support/pg.rs"] mod pg;`.
#![allow(clippy::disallowed_methods, reason = "names that only this process uses")]
#![allow(dead_code)]

#[path = "pg_cluster.rs"]
mod pg_cluster;

use std::sync::OnceLock;

use pg_cluster::TestCluster;
use postgres::{Client, NoTls};

static CLUSTER: OnceLock<TestCluster> = OnceLock::new();

/// A new, empty database.
pub struct TestDatabase {
    admin: String,
    name: String,
    url: String,
}

impl TestDatabase {
    /// Creates a database. May be called from async tests: the work is done on another thread.
    pub fn create() -> Self {
        let admin = std::env::var("XUNGE_TEST_PG").unwrap_or_else(|_| {
            let start = || {
                TestCluster::start().unwrap_or_else(|error| panic!("no PostgreSQL for this test: {error}"))
            };
            CLUSTER.get_or_init(start).url().to_owned()
        });
        let name = format!("t_{}", uuid::Uuid::now_v7().simple());
        run(&admin, format!("CREATE DATABASE {name}")).expect("cannot create a database for this test");
        let (server, _) = admin
            .rsplit_once('/')
            .expect("XUNGE_TEST_PG must end in /DATABASE");
        let url = format!("{server}/{name}");
        Self { admin, name, url }
    }

    /// Its URL, for `Store::open` or a server's configuration.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements directly on the database.
    pub fn run(&self, sql: &str) {
        run(&self.url, sql.to_owned()).expect("a statement of this test failed");
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // FORCE, because a store that was not closed may still hold connections; one that is being opened can
        // make the first attempt fail. A database that is left after all attempts is removed with the
        // cluster.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = (0..10).any(|_| run(&self.admin, drop.clone()).is_ok());
    }
}

/// The blocking client must not run on an async thread.
fn run(url: &str, sql: String) -> Result<(), postgres::Error> {
    let url = url.to_owned();
    std::thread::spawn(move || Client::connect(&url, NoTls)?.batch_execute(&sql))
        .join()
        .expect("the helper thread panicked")
}
