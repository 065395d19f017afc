//! Wrong behaviour for planted defects ([`protocol::sabotage`]), kept out of the functions that it would spoil. In a
//! product build every defect is the constant `false`, and nothing of this file is left.

use protocol::{
    sabotage::{self, Defect},
    time::Millis,
};

/// The time before which received items may be deleted; always with [`Defect::ForgetsAtOnce`].
pub(super) fn ripe_before(time: Millis) -> i64 {
    if sabotage::is(Defect::ForgetsAtOnce) {
        i64::MAX
    } else {
        time.0
    }
}
