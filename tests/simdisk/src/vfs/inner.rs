//! The state of a host that its VFS and its open files share.

use std::ffi::CString;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::machine::SimMachine;

/// A host's name and state, shared with every open handle.
pub struct HostState {
    pub name: CString,
    pub(super) machine: Mutex<SimMachine>,
}

impl HostState {
    pub fn lock(&self) -> MutexGuard<'_, SimMachine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
