//! Personal data in the texts of a case (DC-05): offered to the desk when it is entered, moved to the caller's fields or
//! marked as the matter's own contact on request. Saving is never refused or delayed.

use super::{
    apply::{self, NewEvent},
    file::CaseFile,
    input::{Actor, Input},
    shape::{CaseView, KEEPERS},
    view,
};
use crate::{
    app::{audit, ctx::Ctx, state::App},
    auth::actor::Staff,
    kernel::{
        failure::{Failure, invalid},
        mask::{self, Masker},
        personal::{self, PersonalKind},
    },
    params,
    store::{error::StoreError, tx::Tx},
    tasks::privacy,
};
use protocol::{ids::CaseId, problem::ProblemCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

/// What happens to personal data in a case's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonalUse {
    /// It is the caller's: moved from text and address to the caller's fields.
    Caller,
    /// It is the matter's own contact, such as the shop's number: shown to departments and handsets.
    Contact,
    /// It is no contact after all: masked again.
    Hidden,
}

/// What happens to the named values.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonalBody {
    /// Values of `personal` in the case, 1 to 20.
    pub values: Vec<String>,
    pub to: PersonalUse,
    /// Required for `contact` and `hidden`; stands in the audit log.
    #[serde(default)]
    pub reason: String,
}

impl PersonalBody {
    /// Checks the body without the case.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.reason.trim().is_empty() && self.to != PersonalUse::Caller {
            return Err(invalid("/reason", "请填写原因", "enter the reason"));
        }
        if self.reason.chars().count() > 1000 || self.reason.contains('\0') {
            return Err(invalid("/reason", "文字过长", "the text is too long"));
        }
        let fits = |v: &String| !v.is_empty() && v.chars().count() <= 40 && !v.contains('\0');
        if self.values.is_empty() || self.values.len() > 20 || !self.values.iter().all(fits) {
            return Err(invalid("/values", "请选择要处理的号码", "name 1 to 20 values"));
        }
        Ok(())
    }
}

/// Moves or marks the values, writes an event of the case and a row of the audit log, and updates what handsets show.
pub(super) fn decide(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    case: CaseId,
    staff: &Staff,
    body: &PersonalBody,
) -> Result<CaseView, Failure> {
    let mut file = CaseFile::load(tx, case)?;
    let role = KEEPERS.iter().copied().find(|role| staff.may(*role, file.area));
    let role = role.ok_or_else(|| Failure::of(ProblemCode::OutOfScope))?;
    let action = match body.to {
        PersonalUse::Caller => {
            move_to_caller(tx, &mut file, &body.values)?;
            "case.personal_move"
        }
        PersonalUse::Contact => {
            mark(tx, ctx, case, staff, body)?;
            "case.contact_mark"
        }
        PersonalUse::Hidden => {
            for value in &body.values {
                unmark(tx, case, value)?;
            }
            "case.contact_unmark"
        }
    };
    // The audit log masks numbers itself: it says which case, by whom and why.
    let entity = format!("case:{case}");
    audit::note(tx, ctx, Some(staff.person), action, &entity, body.reason.trim())?;
    let by = Actor::Staff(staff);
    let mut facts = Map::new();
    facts.insert("values".into(), json!(body.values.len()));
    let from = Some(file.state);
    let event = NewEvent {
        transition: None,
        action: action.trim_start_matches("case."),
        from,
        by: &by,
        role: Some(role),
        input: &Input::default(),
        facts,
    };
    apply::record(tx, ctx, &mut file, event)?;
    file.update(tx, ctx)?;
    view::tell_author(tx, ctx, &file)?;
    privacy::show_again(tx, ctx, case)?;
    view::of(tx, app, file, &by)
}

fn unmark(tx: &mut Tx<'_>, case: CaseId, value: &str) -> Result<(), StoreError> {
    tx.run(
        "DELETE FROM case_contact WHERE case_id = ?1 AND value = ?2",
        params![case.to_string(), value],
    )?;
    Ok(())
}

/// Takes the values out of text and address and adds them to the caller's fields.
fn move_to_caller(tx: &mut Tx<'_>, file: &mut CaseFile, values: &[String]) -> Result<(), Failure> {
    let found: Vec<personal::Personal> = [file.text.as_str(), file.address.as_str()]
        .into_iter()
        .flat_map(personal::find)
        .collect();
    let case = file.id.to_string();
    let (mut name, mut phone, mut identity) = view::caller(tx, file.id)?.unwrap_or_default();
    for (n, value) in values.iter().enumerate() {
        let one = found.iter().find(|one| one.value == *value).ok_or_else(|| {
            invalid(
                format!("/values/{n}"),
                "案卷的描述和地址中没有这个号码",
                "neither text nor address of the case contains this value",
            )
        })?;
        let field = match one.kind {
            PersonalKind::Mobile | PersonalKind::Landline => &mut phone,
            PersonalKind::Identity => &mut identity,
            PersonalKind::Name => &mut name,
        };
        if field.is_empty() {
            field.clone_from(value);
        } else if !field.split('、').any(|known| same_number(known, value)) && one.kind != PersonalKind::Name
        {
            field.push('、');
            field.push_str(value);
        }
    }
    for value in values {
        // What is the caller's is no contact of the matter any more.
        unmark(tx, file.id, value)?;
    }
    file.text = mask::without(&file.text, values);
    file.address = mask::without(&file.address, values);
    tx.run(
        "INSERT INTO case_caller (case_id, name, phone, id_number) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (case_id) DO UPDATE SET name = ?2, phone = ?3, id_number = ?4",
        params![case, name, phone, identity],
    )?;
    Ok(())
}

/// Whether a field that a person typed names this value.
fn same_number(known: &str, value: &str) -> bool {
    known == value || personal::find(known).iter().any(|one| one.value == value)
}

fn mark(tx: &mut Tx<'_>, ctx: &Ctx, case: CaseId, staff: &Staff, body: &PersonalBody) -> Result<(), Failure> {
    let own = view::caller(tx, case)?
        .map(|(_, phone, _)| phone)
        .unwrap_or_default();
    for (n, value) in body.values.iter().enumerate() {
        let at = format!("/values/{n}");
        let numbers = personal::find(value);
        if !matches!(numbers.as_slice(), [one] if one.value == *value && one.kind != PersonalKind::Name) {
            return Err(invalid(at, "这不是号码", "this is no phone or identity number"));
        }
        if own.split('、').any(|known| same_number(known, value)) {
            return Err(invalid(
                at,
                "这是来电人的号码，不能公开给部门和终端",
                "this is the caller's own number",
            ));
        }
        tx.run(
            "INSERT INTO case_contact (case_id, value, reason, person, at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (case_id, value) DO NOTHING",
            params![
                case.to_string(),
                value,
                Masker::default().text(body.reason.trim()),
                staff.person.to_string(),
                ctx.now.0
            ],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_the_caller_is_known_however_it_was_typed() {
        assert!(same_number("139 0000-1234", "13900001234"));
        assert!(!same_number("139 0000-1234", "13900001235"));
    }
}
