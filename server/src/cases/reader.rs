//! What a reader of a case may know (DC-01, DC-05). The centre knows who reported and who acted; a department learns
//! neither caller nor reporter, no person outside its own unit, and no number in a text that was not marked as the
//! matter's own contact.

use super::{
    file::CaseFile,
    input::Actor,
    ledger::LedgerEvent,
    shape::{CaseLine, CaseView, EventView, KEEPERS, READERS},
};
use crate::{
    auth::actor::Staff,
    kernel::mask::Masker,
    params,
    store::{error::StoreError, tx::Tx},
    tasks::privacy::{self, PersonalFound},
};
use protocol::role::Role;

/// Facts of an event that tell nothing about people.
const FACTS: &[&str] = &[
    "approval",
    "cell",
    "deadline",
    "department",
    "in_time",
    "level",
    "limit",
    "matter",
    "passed",
    "round",
];

/// How much a reader may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader<'a> {
    /// A role of the centre whose area contains the case. `keeper`: one that moves and marks personal data.
    Centre { keeper: bool },
    /// A department.
    Department(&'a Staff),
}

impl<'a> Reader<'a> {
    pub(super) fn of(by: &Actor<'a>, file: &CaseFile) -> Self {
        let Actor::Staff(staff) = by else {
            // The answer of a handset's entry is no case.
            return Self::Centre { keeper: false };
        };
        Self::staff(staff, file)
    }
    pub(super) fn staff(staff: &'a Staff, file: &CaseFile) -> Self {
        let reads = |role: &Role| *role != Role::Department && staff.may(*role, file.area);
        if READERS.iter().any(reads) {
            Self::Centre {
                keeper: KEEPERS.iter().any(reads),
            }
        } else {
            Self::Department(staff)
        }
    }

    /// Leaves out of the case what the reader may not know.
    pub(super) fn case(
        self,
        tx: &mut Tx<'_>,
        mut case: CaseView,
        masker: &Masker,
    ) -> Result<CaseView, StoreError> {
        match self {
            Self::Centre { keeper } => {
                if keeper {
                    case.personal = found(&case, masker);
                }
            }
            Self::Department(staff) => {
                case.caller = None;
                case.reporter_post = None;
                case.flags = Vec::new();
                case.fix = None;
                for photo in &mut case.photos {
                    photo.doubts = Vec::new();
                }
                case.text = masker.text(&case.text);
                case.address = masker.text(&case.address);
                for event in &mut case.ledger {
                    shorten(tx, staff, event, masker)?;
                }
                for task in &mut case.tasks {
                    task.answer_text = task.answer_text.as_deref().map(|text| masker.text(text));
                }
            }
        }
        Ok(case)
    }

    /// The same for a line of a list.
    pub(super) fn line(self, mut line: CaseLine, masker: &Masker) -> CaseLine {
        if let Self::Department(_) = self {
            line.flags = Vec::new();
            line.text = masker.text(&line.text);
            line.address = masker.text(&line.address);
        }
        line
    }
}

/// Leaves the role of an actor, and the person only for an act of the reader's own department.
fn shorten(tx: &mut Tx<'_>, staff: &Staff, event: &mut EventView, masker: &Masker) -> Result<(), StoreError> {
    if !is_own(tx, staff, &event.event)? {
        event.actor_name = event.event.actor.role.map_or("系统", Role::zh).to_owned();
        event.event.actor.person = None;
        event.event.actor.post = None;
    }
    event.event.opinion = masker.text(&event.event.opinion);
    event.event.facts.retain(|key, _| FACTS.contains(&key.as_str()));
    Ok(())
}

/// Whether the reader himself acted, or somebody of his department for it.
fn is_own(tx: &mut Tx<'_>, staff: &Staff, event: &LedgerEvent) -> Result<bool, StoreError> {
    let Some(person) = event.actor.person else {
        return Ok(false);
    };
    if person == staff.person {
        return Ok(true);
    }
    if event.actor.role != Some(Role::Department) {
        return Ok(false);
    }
    for org in staff.orgs(Role::Department) {
        let there: i64 = tx.one(
            "SELECT COUNT(*) AS n FROM person WHERE id = ?1 AND org = ?2",
            params![person.to_string(), org.to_string()],
            |row| row.get("n"),
        )?;
        if there > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns what was found in the case's texts.
fn found(case: &CaseView, masker: &Masker) -> Vec<PersonalFound> {
    let mut all = privacy::found("/text", &case.text, true, masker);
    all.extend(privacy::found("/address", &case.address, true, masker));
    for (n, event) in case.ledger.iter().enumerate() {
        let at = format!("/ledger/{n}/opinion");
        all.extend(privacy::found(&at, &event.event.opinion, false, masker));
    }
    all
}

/// Returns whether the reader may see the case: the roles of the centre in its area, and the department that has it
/// or had it last.
pub(super) fn may_read(staff: &Staff, file: &CaseFile) -> bool {
    READERS.iter().any(|role| match role {
        Role::Department => staff
            .orgs(Role::Department)
            .any(|org| Some(org) == file.department),
        other => staff.may(*other, file.area),
    })
}
