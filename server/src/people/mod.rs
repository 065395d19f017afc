//! People: organisations, accounts, roles, sessions, posts and who holds them.

pub mod sessions;
