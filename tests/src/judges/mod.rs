//! Judges that nobody here wrote, over a real server: see `tests/judges/README.md`.
//!
//! [`tus`]: two clients of tus 1.0 over a line that is cut all the time. [`api`]: schemathesis over the description.

pub mod api;
pub mod tus;

use crate::{office::Desk, process::Server};
use anyhow::{Context, Result};
use protocol::role::Role;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Where the scripts lie.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("judges")
}

/// An account of staff and its first password, with every one of these roles at the whole city.
fn account(admin: &Desk, name: &str, roles: &[Role]) -> Result<String> {
    let orgs = admin.all("/v1/orgs")?;
    let city = orgs.first().and_then(|org| org.get("id")).context("the city")?;
    let roles: Vec<_> = roles
        .iter()
        .map(|role| json!({"role": role, "org": city}))
        .collect();
    let body = json!({"name": name, "org": city, "account": name, "roles": roles});
    let made = admin.post("/v1/people", &body)?;
    let password = made.get("password").and_then(|value| value.as_str());
    Ok(password.context("a first password")?.to_owned())
}

/// Something went wrong with this server: its last words help whoever looks.
fn last_words(server: &Server) -> String {
    let log = std::fs::read_to_string(server.log()).unwrap_or_default();
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("INFO")).collect();
    lines
        .get(lines.len().saturating_sub(10)..)
        .unwrap_or_default()
        .join("\n")
}
