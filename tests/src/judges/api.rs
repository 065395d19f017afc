//! Runs schemathesis over the served OpenAPI description: every operation is called with inputs that the
//! description allows and inputs that it does not. There are three runs, because they need different
//! credentials: an administrator who also has every other role; new accounts, for operations that end a
//! session or an account; a terminal.

use super::{account, folder, last_words, terminal::EnrolledTerminal};
use crate::{
    city::City,
    process::{ADMIN, ServerSetup},
};
use anyhow::{Context, Result, ensure};
use protocol::role::Role;
use reqwest::Method;
use std::{path::Path, process::Command};

const ACCOUNT: &str = "schemathesis";

/// Operations that end the account or session that calls them.
const ENDS: &str = "delete_v1_session|post_v1_session_.*|post_v1_people_id_.*";
/// Paths that a terminal may call; enrolment needs no credentials.
const FIELD: &str = r"^/v1/field/";
/// The stream of hints never ends, so it is left out.
const ENDLESS: &str = "/v1/field/events";

/// Runs schemathesis; its report goes to standard output. Seed and number of examples are fixed, so that runs
/// are equal.
pub fn run(schemathesis: &Path, examples: u32, more: &[String]) -> Result<()> {
    let place = tempfile::Builder::new().prefix("xunge-judges-").tempdir()?;
    let setup = ServerSetup {
        plain_http: true,
        // All calls come from one address, wrong sign-ins among them.
        settings: Some(
            "field_requests_per_minute = 0\npush_kb_per_minute = 0\nstaff_requests_per_minute = 0\nstranger_requests_per_minute = 0\nlogin_address_burst = 100000\nlogin_address_per_minute = 100000\n".into(),
        ),
        ..ServerSetup::default()
    };
    let city = City::small(&place.path().join("city"), setup)?;
    // Nobody audits what he administers; the auditor reads one list and is left out.
    let roles: Vec<Role> = Role::ALL
        .iter()
        .copied()
        .filter(|role| *role != Role::Auditor)
        .collect();
    // An administrator of the city is made on the machine only, so the account has all roles of the district.
    let (staff, _) = account((&city.office, &city.admin), ACCOUNT, &roles, &city.district)?;
    let field = EnrolledTerminal::enrol(&city, 1)?.token;
    let usual = ["--phases", "examples,coverage,fuzzing"];
    let turns: [(&str, &str, Vec<String>); 3] = [
        (
            "staff",
            &staff,
            with(
                &["--exclude-operation-id-regex"],
                &[&format!("^({ENDS}|[a-z]+_v1_field_.*)$")],
            ),
        ),
        (
            "sessions",
            "",
            with(&usual, &["--include-operation-id-regex", &format!("^({ENDS})$")]),
        ),
        (
            "terminal",
            &field,
            with(
                &usual,
                &["--include-path-regex", FIELD, "--exclude-path", ENDLESS],
            ),
        ),
    ];
    for (name, token, selection) in turns {
        println!("judges: schemathesis, {name}");
        let mut command = Command::new(schemathesis);
        command
            .arg("--config-file")
            .arg(folder().join("schemathesis.toml"))
            .arg("run")
            .arg(format!("{}/openapi.json", city.server.url()))
            .args(&selection)
            .args(["--seed", "1", "--max-examples", &examples.to_string()])
            .args(more)
            .env("SCHEMATHESIS_HOOKS", "api_hooks")
            .env("PYTHONPATH", folder())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("XUNGE_URL", city.server.url())
            .env("XUNGE_TOKEN", token)
            .env("XUNGE_ADMIN", ADMIN)
            .env("XUNGE_DISTRICT", &city.district)
            .env("XUNGE_PASSWORD", &city.server.admin_password)
            .current_dir(place.path());
        let status = command
            .status()
            .with_context(|| format!("{} cannot be started", schemathesis.display()))?;
        ensure!(
            status.success(),
            "schemathesis reported failures ({name}, {status}); end of the server log:\n{}",
            last_words(&city.server)
        );
        // If a call ended the credentials of this run, the rest was not checked.
        if !token.is_empty() {
            let path = if name == "terminal" {
                "/v1/field/pull"
            } else {
                "/v1/session"
            };
            let still = city.office.request(Method::GET, path).bearer_auth(token).send()?;
            ensure!(
                still.status().is_success(),
                "the token of {name} is not valid after the run: {}",
                still.status()
            );
        }
    }
    println!("judges: schemathesis found no server error and no response that contradicts the description");
    Ok(())
}

fn with(some: &[&str], more: &[&str]) -> Vec<String> {
    some.iter().chain(more).map(|word| (*word).to_owned()).collect()
}
