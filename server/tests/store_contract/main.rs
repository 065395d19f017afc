//! What the store promises, tried on every engine. One list of promises; an engine that lacks one fails here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value
)]

#[path = "../support/pg.rs"]
mod pg;
mod postgres_only;
mod promises;
mod sqlite_only;

use pg::TestDatabase;
use server::store::{Migration, Options, Store};

/// The tables of this suite.
pub const SCHEMA: &[Migration] = &[Migration {
    version: 1,
    name: "contract",
    sql: "CREATE TABLE counter (name TEXT PRIMARY KEY, n BIGINT NOT NULL);
          CREATE TABLE sample (
              id BIGINT PRIMARY KEY, t TEXT, i BIGINT, r DOUBLE PRECISION, b BOOLEAN, y BYTEA
          );
          CREATE TABLE parent (id BIGINT PRIMARY KEY);
          CREATE TABLE child (
              id BIGINT PRIMARY KEY,
              parent BIGINT NOT NULL REFERENCES parent (id),
              street TEXT NOT NULL CHECK (street <> ''),
              number BIGINT,
              UNIQUE (street, number)
          );",
}];

/// A database of one engine, and stores on it.
pub struct Bench {
    url: String,
    _folder: Option<tempfile::TempDir>,
    database: Option<TestDatabase>,
}

impl Bench {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        Self {
            url,
            _folder: Some(folder),
            database: None,
        }
    }

    fn postgres() -> Self {
        let database = TestDatabase::create();
        Self {
            url: database.url().to_owned(),
            _folder: None,
            database: Some(database),
        }
    }

    pub fn options() -> Options {
        Options {
            migrations: SCHEMA,
            ..Options::default()
        }
    }

    pub fn open(&self) -> Store {
        self.open_with(Self::options())
    }

    pub fn open_with(&self, options: Options) -> Store {
        Store::open(&self.url, options).unwrap()
    }

    /// Statements that no store knows of (PostgreSQL only).
    pub fn behind_its_back(&self, sql: &str) {
        self.database.as_ref().expect("a PostgreSQL bench").run(sql);
    }

    pub fn try_open(&self, options: Options) -> Result<Store, server::store::StoreError> {
        Store::open(&self.url, options)
    }
}

macro_rules! store_contract {
    ([$($engine:ident),*] $promises:tt) => {
        $(mod $engine {
            store_contract!(@each $engine $promises);
        })*
    };
    (@each $engine:ident { $($promise:ident)* }) => {
        $(#[test]
        fn $promise() {
            crate::promises::$promise(&crate::Bench::$engine());
        })*
    };
}

store_contract!([sqlite, postgres] {
    what_was_written_is_seen_by_every_later_read
    an_error_undoes_only_its_own_closure
    a_panic_undoes_only_its_own_closure_and_the_store_lives_on
    closures_at_once_are_answered_one_by_one
    no_increment_is_lost_among_eight_writers
    a_read_sees_one_snapshot
    a_read_cannot_write
    every_value_comes_back_as_it_went_in
    question_marks_in_text_are_text_and_ten_is_not_one
    text_with_nul_and_not_a_number_are_refused
    close_finishes_what_was_accepted
    async_code_may_open_use_and_close_a_store
    a_write_nobody_waits_for_is_done_all_the_same
    more_than_the_queue_holds_is_refused_as_busy
    hints_leave_after_commit_and_never_without
    a_failed_statement_dooms_the_closure
    an_attempt_undoes_only_its_part
    constraints_are_told_apart
    a_column_is_named_when_it_cannot_be_read
    one_and_opt_count_their_rows
    a_wrong_statement_keeps_the_engines_words_to_itself
    migrating_again_changes_nothing
    a_changed_migration_is_refused
    a_newer_database_is_refused
    a_failing_migration_leaves_the_version_before
    stores_opened_at_once_migrate_once
    the_servers_own_schema_applies_from_nothing
});
