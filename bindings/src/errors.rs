//! The error of every call.

use crate::words::Why;
use std::collections::HashMap;

/// A call failed. Show `why.words`, log `why.code` and nothing else: `details` may hold paths.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum XungeError {
    #[error("{}", why.code)]
    Failed {
        why: Why,
        /// What belongs to the error besides its words, by stable names, such as `moved_to` of a damaged database.
        details: HashMap<String, String>,
    },
}

pub(crate) type Result<T> = std::result::Result<T, XungeError>;

impl From<terminal_core::Error> for XungeError {
    fn from(error: terminal_core::Error) -> Self {
        let details = error.details().into_iter();
        Self::Failed {
            details: details.map(|(name, value)| (name.to_owned(), value)).collect(),
            why: error.reason().into(),
        }
    }
}
