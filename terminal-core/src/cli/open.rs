//! Opens the home that a command works on.

use crate::{
    Error, Result,
    lifecycle::wipe,
    platform::{bundle::Platform, home::DATABASE, system_disk::SystemDisk},
    terminal::Terminal,
};
use std::path::Path;

/// The handset in `home`. Looks before the key file is opened, so that a mistyped folder is not filled.
pub(super) fn open(home: &Path) -> Result<Terminal> {
    if let Some(done) = wipe::finish(home, &SystemDisk)? {
        return Err(Error::Input(done.reason()));
    }
    if !home.join(DATABASE).exists() {
        return Err(Error::NotEnrolled);
    }
    Terminal::open(home, Platform::command_line(home)?)
}
