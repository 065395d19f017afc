//! People: organisations, accounts, roles, sessions, posts and who holds them.

pub mod accounts;
pub mod divisions;
pub mod login;
pub mod lookup;
pub mod orgs;
pub mod passwords;
pub(crate) mod placeholder;
pub mod posts;
pub(crate) mod routes;
pub mod scope;
mod separation;
