//! The stories: tests with a real server process and real terminals, each on both engines. A failure story
//! carries its number in the list of field failures (`story_07_…`).
//!
//! PostgreSQL: `XUNGE_TEST_PG` names a server, otherwise a private cluster is started; without PostgreSQL the
//! tests fail, they are never skipped. `docs/guides/run-one-test.md` says what to build first.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(
    clippy::disallowed_methods,
    reason = "real processes run against the real clock"
)]

#[path = "../../../server/tests/support/pg.rs"]
mod pg;
#[macro_use]
mod stage;
mod converged;
mod transcript;
mod wire;

mod capture;
mod crossing;
mod custody;
mod data_policy;
mod disk;
mod ended;
mod hints;
mod intercepting_transport;
mod loop_parts;
mod mailbox;
mod migration;
mod network;
mod newer;
mod pending;
mod phone_services;
mod photos;
mod refusals;
mod replicas;
mod restore;
mod rotation;
mod shared_handset;
mod the_loop;
mod time;
mod upgrade;
