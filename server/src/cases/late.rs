//! What comes late for a case: left to a person, accepted by one, or refused to one.

use super::file::CaseFile;
use crate::{entries::reviewer::Reviewer, kernel::failure::Failure};
use protocol::{
    entry::Reason,
    problem::{ProblemCode, ReasonCode},
};
use serde_json::{Map, json};

/// The reason why an entry about a report that is being worked on is left to a person.
pub(super) fn moved_on(case: &CaseFile) -> Reason {
    Reason::new(
        ReasonCode::CaseMovedOn,
        format!(
            "案卷 {} 已进入「{}」，由中心决定是否采用",
            case.number,
            case.state.zh()
        ),
        format!(
            "Case {} is {} by now; a person will look at it",
            case.number,
            case.state.as_str()
        ),
    )
}

/// States in an event that a reviewer accepted what the field asked for.
pub(super) fn accepted_by(facts: &mut Map<String, serde_json::Value>, reviewer: &Reviewer) {
    facts.insert("accepted_by".into(), json!(reviewer.person));
    if !reviewer.words.is_empty() {
        facts.insert("accepted_words".into(), json!(reviewer.words));
    }
}

/// The refusal to a reviewer who accepts what came too late for the case.
pub(super) fn too_late(case: &CaseFile) -> Failure {
    Failure::because(
        ProblemCode::CaseTransition,
        format!(
            "案卷 {} 已是「{}」，不能再采用；请退回并向填报人说明",
            case.number,
            case.state.zh()
        ),
    )
}
