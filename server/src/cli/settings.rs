//! `xunge-server settings`: every setting with its value, default, range and meaning.

use crate::kernel::config::Settings;
use anyhow::{Context as _, Result};
use std::path::Path;

/// The settings of a TOML file, or the defaults without one.
pub(super) fn read(file: Option<&Path>) -> Result<Settings> {
    let Some(path) = file else {
        return Ok(Settings::default());
    };
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Settings::from_toml(&text).with_context(|| path.display().to_string())
}

/// Prints the settings as TOML, each under a comment that says what it means. A default is a comment, too: the output is a
/// file of settings to start from.
pub(super) fn list(file: Option<&Path>) -> Result<()> {
    for row in read(file)?.rows() {
        let text = ["characters", "networks", "address"].contains(&row.unit);
        let value = if text {
            format!("{:?}", row.value)
        } else {
            row.value.clone()
        };
        let mark = if row.value == row.default { "# " } else { "" };
        println!(
            "# {}：{}\n# {} to {} {}\n{mark}{} = {value}\n",
            row.name, row.meaning, row.least, row.most, row.unit, row.key
        );
    }
    Ok(())
}
