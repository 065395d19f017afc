//! People: organisations, accounts, roles, sessions, posts and who holds them.

pub mod accounts;
mod attempts;
pub mod divisions;
pub mod grants;
pub mod login;
pub mod lookup;
pub mod machine;
pub mod orgs;
mod origin;
pub mod passwords;
pub(crate) mod placeholder;
pub mod posts;
pub(crate) mod routes;
pub mod scope;
mod separation;
