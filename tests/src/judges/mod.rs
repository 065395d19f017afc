//! Checks with clients that other projects wrote, against a real server: see `tests/judges/README.md`.
//!
//! [`tus`]: two tus 1.0 clients over a line that is cut repeatedly. [`api`]: schemathesis over the OpenAPI
//! description. [`attack`]: attackers, while honest users work.

pub mod api;
pub mod attack;
mod terminal;
pub mod tus;

use crate::{
    process::ServerProcess,
    staff_api::{StaffApi, StaffSession},
};
use anyhow::{Context, Result};
use protocol::role::Role;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Folder of the scripts.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("judges")
}

/// Creates a staff account with all of these roles at a unit; returns the token of a session and its own password.
fn account(
    (office, admin): (&StaffApi, &StaffSession),
    name: &str,
    roles: &[Role],
    org: &str,
) -> Result<(String, String)> {
    let roles: Vec<_> = roles
        .iter()
        .map(|role| json!({"role": role, "org": org}))
        .collect();
    let body = json!({"name": name, "org": org, "account": name, "roles": roles});
    let made = admin.post("/v1/people", &body)?;
    let password = made.get("password").and_then(|value| value.as_str());
    let (session, own) = office.first_sign_in(name, password.context("no first password")?)?;
    Ok((session.token().to_owned(), own))
}

/// The end of the server's log, for an error message.
fn last_words(server: &ServerProcess) -> String {
    let log = std::fs::read_to_string(server.log()).unwrap_or_default();
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("INFO")).collect();
    lines
        .get(lines.len().saturating_sub(10)..)
        .unwrap_or_default()
        .join("\n")
}
