//! The actions that a case allows now: the rows of the table from its state, with all data that a console needs to
//! render them. A new row needs no new code in the console.

use super::{
    authority::authorise,
    departments,
    file::CaseFile,
    history,
    input::Actor,
    ledger::LedgerEvent,
    photos,
    rules::{self, GuardFacts},
};
use crate::{kernel::failure::Failure, store::tx::Tx};
use protocol::{
    case::{self, Action, CaseState, Field, FieldKind, Guard, Transition},
    role::Role,
};
use serde::{Deserialize, Serialize};

/// An action that is allowed now, and the fields that it still needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AllowedAction {
    pub action: Action,
    /// Name of the action in Chinese.
    pub zh: String,
    /// Row of the transition table.
    pub transition: String,
    pub to: CaseState,
    // The role in which the reader may act, or else the first whose turn it is.
    pub role: Role,
    pub role_zh: String,
    /// Roles that may perform the action now.
    pub roles: Vec<Role>,
    /// True if the caller may perform the action on this case.
    pub mine: bool,
    /// True if only an answer from a handset performs the action, never a console.
    pub by_answer: bool,
    /// For an action that needs two people: 1 for the first approval, which leaves the state unchanged, 2 for the
    /// second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<u8>,
    /// Fields that the action accepts.
    pub takes: Vec<TakenField>,
    // What is missing now: conditions that are not met as long as no field is given.
    pub asks: Vec<Asked>,
}

/// A condition of an action that is not met yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Asked {
    pub guard: Guard,
    pub zh: String,
    pub en: String,
    /// Fields of the action that can meet the condition; empty if none can.
    pub fields: Vec<Field>,
}

/// A field that an action accepts: a member of the action's body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TakenField {
    pub name: Field,
    pub zh: String,
    pub kind: FieldKind,
    /// True if a condition of the action needs the field, whether or not the case meets the condition already.
    pub required: bool,
    /// True if the field has to be given now, because the case has no value yet.
    pub missing: bool,
    /// The field that this one replaces; one of the two is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Field>,
    /// Minimum and maximum, inclusive: of a number, or of how many characters, photos, days or units the value has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u32>,
    /// Allowed values, if the field has a list of them; for a limit, its units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// A value with its display name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Choice {
    pub value: String,
    pub zh: String,
}

/// Returns the rows from the case's state for the reader `by`. `events` is its ledger.
pub(super) fn of(
    tx: &mut Tx<'_>,
    file: &CaseFile,
    events: &[LedgerEvent],
    by: &Actor<'_>,
) -> Result<Vec<AllowedAction>, Failure> {
    let mut all = Vec::new();
    let facts = GuardFacts::of(file, photos::has_before_and_after(tx, file)?);
    for row in case::allowed(file.state) {
        let fits = |guard: &Guard| !guard.is_of_kind() || facts.meet(*guard, |_| false);
        if !row.guards.iter().all(fits) {
            continue;
        }
        // Without a prior state the action would be refused, so it is not offered.
        if let Some(to) = history::target(row, events) {
            all.push(one(tx, file, facts, events, row, to, by)?);
        }
    }
    Ok(all)
}

fn one(
    tx: &mut Tx<'_>,
    file: &CaseFile,
    facts: GuardFacts,
    events: &[LedgerEvent],
    row: &'static Transition,
    to: CaseState,
    by: &Actor<'_>,
) -> Result<AllowedAction, Failure> {
    let turn = history::turn(row, events);
    let other_person = turn.approved_by != Some(by.person());
    let role = authorise(file, row.action, turn.roles, by)
        .ok()
        .filter(|_| other_person);
    let mine = role.is_some() && matches!(by, Actor::Staff(_));
    let shown = role
        .or_else(|| turn.roles.first().copied())
        .ok_or_else(|| Failure::internal("a row without a role"))?;
    let asks = rules::missing(&turn.guards, facts, |_| false);
    let mut takes = Vec::new();
    for field in turn.takes {
        takes.push(TakenField {
            name: *field,
            zh: field.zh().to_owned(),
            kind: field.kind(),
            required: turn.guards.iter().any(|g| g.fields().contains(field)),
            missing: asks.iter().any(|g| facts.lack(*g, *field)),
            instead_of: field.instead_of(),
            least: bound(field.bounds().map(|(least, _)| least)),
            most: bound(field.bounds().map(|(_, most)| most)),
            choices: if mine {
                choices(tx, file, *field)?
            } else {
                Vec::new()
            },
        });
    }
    Ok(AllowedAction {
        action: row.action,
        zh: row.action.zh().to_owned(),
        transition: row.id.to_owned(),
        to: if turn.moves { to } else { file.state },
        role: shown,
        role_zh: shown.zh().to_owned(),
        roles: turn.roles.to_vec(),
        mine,
        by_answer: turn.roles.iter().all(|role| *role == Role::Patroller),
        approval: turn.number,
        takes,
        asks: asks
            .into_iter()
            .map(|guard| Asked {
                guard,
                zh: guard.zh().to_owned(),
                en: guard.en().to_owned(),
                fields: guard
                    .fields()
                    .iter()
                    .copied()
                    .filter(|field| turn.takes.contains(field))
                    .collect(),
            })
            .collect(),
    })
}

fn bound(amount: Option<usize>) -> Option<u32> {
    amount.and_then(|n| u32::try_from(n).ok())
}

fn choices(tx: &mut Tx<'_>, file: &CaseFile, field: Field) -> Result<Vec<Choice>, Failure> {
    if field == Field::Department {
        let all = departments::all(tx, file.area)?;
        return Ok(all
            .into_iter()
            .map(|(id, name)| Choice {
                value: id.to_string(),
                zh: name,
            })
            .collect());
    }
    Ok(field
        .choices()
        .iter()
        .map(|(value, zh)| Choice {
            value: (*value).to_owned(),
            zh: (*zh).to_owned(),
        })
        .collect())
}
