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

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::OnceLock;

use pg_cluster::TestCluster;
use postgres::{Client, NoTls};
use server::store::{MIGRATIONS, Options, Store};

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
        Self::from(None)
    }

    /// Creates a database with the server's schema, as a copy of one that was migrated for all tests of the cluster: that
    /// saves a fifth of a short test's time. The migrations are tested in `store_contract`.
    pub fn migrated() -> Self {
        let admin = admin();
        let template = std::thread::spawn(move || template(&admin))
            .join()
            .expect("the helper thread panicked");
        Self::from(Some(&template))
    }

    fn from(template: Option<&str>) -> Self {
        let admin = admin();
        let name = format!("t_{}", uuid::Uuid::now_v7().simple());
        let copied = template.map_or(String::new(), |template| format!(" TEMPLATE {template}"));
        run(&admin, format!("CREATE DATABASE {name}{copied}"))
            .expect("cannot create a database for this test");
        let url = beside(&admin, &name);
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

fn admin() -> String {
    std::env::var("XUNGE_TEST_PG").unwrap_or_else(|_| {
        let start =
            || TestCluster::start().unwrap_or_else(|error| panic!("no PostgreSQL for this test: {error}"));
        CLUSTER.get_or_init(start).url().to_owned()
    })
}

/// The URL of another database of the cluster.
fn beside(admin: &str, name: &str) -> String {
    let (server, _) = admin
        .rsplit_once('/')
        .expect("XUNGE_TEST_PG must end in /DATABASE");
    format!("{server}/{name}")
}

/// The name of the database with the schema of today, which is made by the first test that needs it, of whatever process.
fn template(admin: &str) -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    let make = || {
        let mut hash = DefaultHasher::new();
        MIGRATIONS
            .iter()
            .for_each(|migration| (migration.version, migration.name, migration.sql).hash(&mut hash));
        let name = format!("template_{:016x}", hash.finish());
        let mut client = Client::connect(admin, NoTls).expect("cannot connect to the cluster");
        // Freed with the connection. Other processes wait here for the template.
        client
            .batch_execute("SELECT pg_advisory_lock(20260000)")
            .expect("cannot lock the template");
        let exists = client
            .query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name])
            .expect("cannot look for the template");
        if exists.is_none() {
            // Under its own name only when it is whole: a process may be killed in between.
            let draft = format!("draft_{}", uuid::Uuid::now_v7().simple());
            client
                .batch_execute(&format!("CREATE DATABASE {draft}"))
                .expect("cannot create the template");
            let options = Options {
                share_hints: false,
                ..Options::default()
            };
            let store = Store::open(&beside(admin, &draft), options).expect("cannot migrate the template");
            store.close_blocking();
            client
                .batch_execute(&format!("ALTER DATABASE {draft} RENAME TO {name}"))
                .expect("cannot rename the template");
        }
        name
    };
    NAME.get_or_init(make).clone()
}

/// The blocking client must not run on an async thread.
fn run(url: &str, sql: String) -> Result<(), postgres::Error> {
    let url = url.to_owned();
    std::thread::spawn(move || Client::connect(&url, NoTls)?.batch_execute(&sql))
        .join()
        .expect("the helper thread panicked")
}
