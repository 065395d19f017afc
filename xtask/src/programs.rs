//! The programs of the workspace as a user gets them.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::select::PRODUCT;
use crate::workspace::Workspace;
use crate::{shell, symbols};

/// Builds every program of the product selection and checks that none holds test code. All of them: the demo starts the
/// server, which must be as new as the demo.
pub fn build(ws: &Workspace) -> Result<()> {
    shell::run(ws.cargo().arg("build").args(PRODUCT).arg("--bins"))?;
    symbols::products(ws)
}

/// Runs a program and returns its exit code; 1 when a signal ended it.
pub fn exit_code(command: &mut Command) -> Result<u8> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1))
}
