//! Opening of the home that a command works on.

use crate::{
    Error, Result,
    lifecycle::wipe,
    platform::{bundle::Platform, home::DATABASE, system_disk::SystemDisk},
    terminal::Terminal,
};
use std::path::Path;

/// Opens the handset in `home`. Checks for a database first, so that a mistyped folder gets no key file.
pub(super) fn open(home: &Path) -> Result<Terminal> {
    if let Some(done) = wipe::finish(home, &SystemDisk)? {
        return Err(Error::Input(done.reason()));
    }
    if !home.join(DATABASE).exists() {
        return Err(Error::NotEnrolled);
    }
    Terminal::open(home, Platform::command_line(home)?)
}
