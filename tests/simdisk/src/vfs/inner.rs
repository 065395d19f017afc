//! The state of a host that its VFS and its open files share.

use std::ffi::CString;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::machine::Machine;

/// A host's name and state, shared with every open handle.
pub struct Inner {
    pub name: CString,
    pub(super) machine: Mutex<Machine>,
}

impl Inner {
    pub fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
