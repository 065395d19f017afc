//! The contract of the store, tested on every engine. There is one list of promises; an engine that breaks
//! one fails here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value
)]

mod helpers;
mod migrations;
#[path = "../support/pg.rs"]
mod pg;
mod postgres_only;
mod queue;
mod round_trips;
mod sqlite_only;
mod statements;
mod transactions;
mod unanswered;

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

/// A database of one engine, on which stores are opened.
pub struct ContractStore {
    url: String,
    _folder: Option<tempfile::TempDir>,
    database: Option<TestDatabase>,
}

impl ContractStore {
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

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements directly on the database (PostgreSQL only).
    pub fn run_sql(&self, sql: &str) {
        self.database.as_ref().expect("PostgreSQL only").run(sql);
    }

    pub fn try_open(&self, options: Options) -> Result<Store, server::store::StoreError> {
        Store::open(&self.url, options)
    }
}

/// Makes two tests of each promise: `NAME::sqlite` and `NAME::postgres`.
macro_rules! store_contract {
    ($($module:ident { $($promise:ident)* })*) => {$($(
        mod $promise {
            #[test]
            fn sqlite() {
                crate::$module::$promise(&crate::ContractStore::sqlite());
            }
            #[test]
            fn postgres() {
                crate::$module::$promise(&crate::ContractStore::postgres());
            }
        }
    )*)*};
}

store_contract!(
    transactions {
        every_later_read_sees_a_committed_write
        an_error_undoes_only_its_own_closure
        a_panic_undoes_only_its_own_closure_and_the_store_continues
        concurrent_closures_each_get_their_own_result
        no_increment_is_lost_among_eight_writers
        a_read_sees_one_snapshot
        a_read_cannot_write
        a_failed_statement_dooms_the_closure
        a_savepoint_undoes_only_its_part
    }
    unanswered {
        an_unanswered_statement_is_seen_by_the_next
        an_unanswered_statement_that_fails_dooms_its_own_closure_and_no_other
        an_unanswered_statement_that_fails_undoes_only_its_savepoint
        unanswered_errors_are_those_of_answered_statements
        unanswered_statements_are_undone_with_their_closure
        any_number_of_statements_may_be_unanswered
    }
    statements {
        every_value_is_read_back_unchanged
        question_marks_in_text_and_parameter_ten_are_handled
        nul_in_text_and_nan_are_refused
        constraint_violations_are_distinguished
        an_unreadable_column_is_named_in_the_error
        one_and_opt_check_the_number_of_rows
        an_sql_error_does_not_expose_the_engines_message
    }
    queue {
        close_finishes_accepted_work
        async_code_may_open_use_and_close_a_store
        a_write_is_done_even_if_its_future_is_dropped
        a_full_queue_refuses_work_as_busy
        hints_are_sent_only_after_commit
    }
    migrations {
        migrating_again_changes_nothing
        a_changed_migration_is_refused
        a_newer_database_is_refused
        a_failing_migration_keeps_the_previous_version
        stores_opened_at_once_migrate_once
        the_servers_schema_applies_to_an_empty_database
    }
);
