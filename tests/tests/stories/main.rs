//! The stories of the loop, each with a real server process and real terminals, on both engines. Failure stories
//! carry their number in the list of field failures they come from.
//!
//! PostgreSQL is found by `XUNGE_TEST_PG` or started; where it is missing the tests fail, they never skip.
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
mod wire;

mod capture;
mod crossing;
mod custody;
mod disk;
mod ended;
mod mailbox;
mod manners;
mod meddle;
mod network;
mod newer;
mod pending;
mod photos;
mod refusals;
mod replicas;
mod rotation;
mod the_loop;
mod time;
mod upgrade;
mod whatever;
