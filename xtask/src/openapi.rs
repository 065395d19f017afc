//! The description of the API, generated from the routes and kept in the tree: a review sees a change of the API, and
//! clients are generated from a file.

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;
use crate::{programs, shell};

const FILE: &str = "server/openapi.json";
const PROGRAM: &str = "xunge-server";

/// Builds the server, then writes the file or compares it with the routes.
pub fn run(ws: &Workspace, only_check: bool) -> Result<()> {
    programs::build(ws)?;
    if only_check {
        return check(ws);
    }
    let description = generated(ws)?;
    std::fs::write(ws.path(FILE), description).context("cannot write the description")?;
    println!("openapi: wrote {FILE}");
    Ok(())
}

/// Compares the file with the output of the server that was built.
pub fn check(ws: &Workspace) -> Result<()> {
    let kept = std::fs::read_to_string(ws.path(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    match first_difference(&kept, &generated(ws)?) {
        None => Ok(()),
        Some(line) => {
            bail!("{FILE} differs from the routes from line {line} on; `cargo xtask openapi` writes it")
        }
    }
}

fn generated(ws: &Workspace) -> Result<String> {
    let server = ws.binary("debug", PROGRAM)?;
    let out = shell::output(shell::quiet_stdin(server).arg("openapi").current_dir(ws.root()))?;
    let text = String::from_utf8(out).context("the description is not UTF-8")?;
    serde_json::from_str::<serde_json::Value>(&text).context("the description is not JSON")?;
    Ok(text)
}

/// The first line that differs, counted from 1; a missing last newline is a difference too.
fn first_difference(kept: &str, now: &str) -> Option<usize> {
    let common = kept
        .split('\n')
        .zip(now.split('\n'))
        .take_while(|(a, b)| a == b)
        .count();
    (kept != now).then_some(common + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("a", "a\n"), Some(2));
    }
}
