//! The result of a command.

use serde_json::Value;

/// The result of a command: a text for people, a document for scripts, an exit code.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) json: Value,
    pub(super) exit: u8,
}

impl Said {
    pub(super) fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            exit: 0,
        }
    }
}

/// Exit code of a command that failed.
pub(super) const FAILED: u8 = 1;

/// Exit code of an invalid command line.
pub(super) const WRONG: u8 = 2;

/// Exit code of a sync after which items still wait.
pub(super) const WAITS: u8 = 3;
