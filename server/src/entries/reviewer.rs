//! The reviewer who accepted an entry from the review queue, as passed to the room of the entry's kind.

use crate::kernel::failure::Failure;
use protocol::{area::Area, ids::PersonId, problem::ProblemCode};

/// A reviewer who accepted an entry. The room applies the entry, or refuses with the reason; it never leaves the entry
/// to a person again.
#[derive(Debug, Clone)]
pub struct Reviewer {
    pub person: PersonId,
    /// Where the person may review.
    pub areas: Vec<Area>,
    /// What the reviewer wrote; may be empty.
    pub words: String,
}

impl Reviewer {
    /// Checks that what the entry would change lies in the reviewer's areas: a report may be about a place outside the
    /// areas of its post. Error: `auth.scope`.
    pub fn reach(&self, area: Area) -> Result<(), Failure> {
        if self.areas.iter().any(|own| own.covers(area)) {
            Ok(())
        } else {
            Err(Failure::of(ProblemCode::OutOfScope))
        }
    }
}
