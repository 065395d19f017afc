//! Wrong behaviour for planted defects ([`protocol::sabotage`]), kept out of the functions that it would spoil. In a
//! product build every defect is the constant `false`, and nothing of this file is left.

use crate::Result;
use protocol::{
    sabotage::{self, Defect},
    time::Millis,
};

/// Runs `wrong` if the defect is planted.
pub(crate) fn when(defect: Defect, wrong: impl FnOnce() -> Result<()>) -> Result<()> {
    if sabotage::is(defect) { wrong() } else { Ok(()) }
}

/// Runs `right` unless the defect is planted.
pub(crate) fn unless(defect: Defect, right: impl FnOnce() -> Result<()>) -> Result<()> {
    if sabotage::is(defect) { Ok(()) } else { right() }
}

/// The time before which received items may be deleted; always with [`Defect::ForgetsAtOnce`].
pub(super) fn ripe_before(time: Millis) -> i64 {
    if sabotage::is(Defect::ForgetsAtOnce) {
        i64::MAX
    } else {
        time.0
    }
}
