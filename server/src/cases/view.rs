//! A case for its readers: the whole case for staff, its state for the author's mailbox.

use super::{
    allowed,
    file::CaseFile,
    fix,
    input::Actor,
    ledger::{self, LedgerEvent},
    photos,
    reader::Reader,
    shape::{CaseLine, CaseTask, CaseView, EventView, MAX_LINE_TEXT, MaskedCaller, MatterName, Named},
};
use crate::{
    app::{ctx::Ctx, mailbox::MailboxId, state::App},
    auth::actor::Staff,
    entries::flags::{FixLimits, FlagName},
    kernel::{failure::Failure, mask},
    params,
    store::tx::Tx,
    tasks::privacy,
};
use protocol::{
    case::CaseState,
    feed::{CaseRow, MAX_ROW_REASON, kind, row_words},
    ids::CaseId,
    time::Millis,
};
use std::collections::{BTreeMap, btree_map::Entry};

/// Returns the case as `by` may see it.
pub fn of(tx: &mut Tx<'_>, app: &App, file: CaseFile, by: &Actor<'_>) -> Result<CaseView, Failure> {
    let sealed = ledger::load(tx, file.id)?;
    let verified = ledger::verify(file.id, file.version, file.state, &sealed);
    if let Err(broken) = &verified {
        tracing::error!(case = %file.id, %broken, "ledger");
    }
    let ledger_ok = verified.is_ok();
    // A broken ledger is shown as far as it can be parsed: hiding it would help an attacker.
    let events: Vec<(LedgerEvent, String)> = sealed
        .iter()
        .filter_map(|s| Some((serde_json::from_str(&s.body).ok()?, s.hash.clone())))
        .collect();
    let plain: Vec<LedgerEvent> = events.iter().map(|(e, _)| e.clone()).collect();
    let photos = photos::all(tx, &file, &plain)?;
    let allowed = allowed::of(tx, &file, &plain, by)?;
    let names = names(tx, &plain)?;
    let ledger = events
        .into_iter()
        .map(|(event, hash)| EventView {
            actor_name: actor_name(&names, &event),
            to_zh: event.to.zh().to_owned(),
            event,
            hash,
        })
        .collect();
    let cell_name = file
        .cell
        .and_then(|c| app.grids.names(c))
        .map_or(String::new(), |(street, community)| {
            format!("{street}{community}")
        });
    let post_name = match file.reporter_post {
        Some(post) => name_of(tx, "post", post.to_string())?.map(|name| Named { id: post, name }),
        None => None,
    };
    let department = match file.department {
        Some(org) => name_of(tx, "org", org.to_string())?.map(|name| Named { id: org, name }),
        None => None,
    };
    let reader = Reader::of(by, &file);
    let masker = privacy::masker(tx, Some(file.id))?;
    let limits = FixLimits::of(&app.settings);
    let withdrawn = file.is_withdrawn();
    let whole = CaseView {
        fix: fix::of_case(tx, &app.grids, limits, &file)?,
        personal: Vec::new(),
        caller: caller(tx, file.id)?.map(|(name, phone, _)| MaskedCaller {
            name: mask::masked_name(&name),
            phone: mask::masked_phone(&phone),
        }),
        tasks: tasks(tx, file.id)?,
        matter: file.matter.map(|code| {
            let item = app.catalogue.find(code);
            MatterName {
                code,
                zh: item.map_or(String::new(), |i| i.zh.clone()),
                en: item.map_or(String::new(), |i| i.en.clone()),
            }
        }),
        flags: file.flags.iter().map(|code| FlagName::of(code)).collect(),
        id: file.id,
        number: file.number,
        source: file.source,
        state: file.state,
        state_zh: file.state.zh().to_owned(),
        version: file.version,
        level: file.level,
        text: file.text,
        cell: file.cell,
        grid: file.grid,
        cell_name,
        place: file.place,
        address: file.address,
        area: file.area,
        reporter_post: post_name,
        self_handled: file.self_handled,
        department,
        deadline: file.deadline,
        deadline_provisional: file.deadline_provisional,
        rounds: file.rounds,
        check_passed: file.check_passed,
        withdrawn,
        reported: file.reported,
        created: file.created,
        updated: file.updated,
        photos,
        allowed,
        ledger,
        ledger_ok,
    };
    Ok(reader.case(tx, whole, &masker)?)
}

fn names(tx: &mut Tx<'_>, events: &[LedgerEvent]) -> Result<BTreeMap<String, String>, Failure> {
    let mut names = BTreeMap::new();
    for event in events {
        let (table, id) = match (event.actor.post, event.actor.person) {
            (Some(post), _) => ("post", post.to_string()),
            (None, Some(person)) => ("person", person.to_string()),
            (None, None) => continue,
        };
        if let Entry::Vacant(slot) = names.entry(id) {
            let name = name_of(tx, table, slot.key().clone())?.unwrap_or_default();
            slot.insert(name);
        }
    }
    Ok(names)
}

fn actor_name(names: &BTreeMap<String, String>, event: &LedgerEvent) -> String {
    let id = match (event.actor.post, event.actor.person) {
        (Some(post), _) => post.to_string(),
        (None, Some(person)) => person.to_string(),
        (None, None) => return "系统".to_owned(),
    };
    names.get(&id).cloned().unwrap_or_default()
}

/// `table` must be a literal of this module, never input.
fn name_of(tx: &mut Tx<'_>, table: &str, id: String) -> Result<Option<String>, Failure> {
    let sql = format!("SELECT name FROM {table} WHERE id = ?1");
    Ok(tx.opt(&sql, params![id], |row| row.get("name"))?)
}

/// Returns name, phone numbers and identity numbers of the caller, unmasked: only for the logged view in
/// [`super::routes`].
pub(super) fn caller(tx: &mut Tx<'_>, case: CaseId) -> Result<Option<(String, String, String)>, Failure> {
    Ok(tx.opt(
        "SELECT name, phone, id_number FROM case_caller WHERE case_id = ?1",
        params![case.to_string()],
        |row| Ok((row.get("name")?, row.get("phone")?, row.get("id_number")?)),
    )?)
}

fn tasks(tx: &mut Tx<'_>, case: CaseId) -> Result<Vec<CaseTask>, Failure> {
    Ok(tx.all(
        "SELECT id, purpose, state, due, answer, answer_text, answered FROM task WHERE case_id = ?1 ORDER BY issued, id",
        params![case.to_string()],
        |row| {
            let due = Millis(row.get("due")?);
            let answered: Option<i64> = row.get("answered")?;
            Ok(CaseTask {
                task: row.parse("id")?,
                purpose: row.parse("purpose")?,
                state: row.parse("state")?,
                due,
                answered_late: answered.is_some_and(|at| Millis(at) > due),
                answer: row.parse_opt("answer")?,
                answer_text: row.get("answer_text")?,
            })
        },
    )?)
}

/// Writes the current state of the case to the mailbox of the report's author.
pub(super) fn tell_author(tx: &mut Tx<'_>, ctx: &mut Ctx, file: &CaseFile) -> Result<(), Failure> {
    let photos = photos::photo_counts(tx, file)?;
    let masker = privacy::masker(tx, Some(file.id))?;
    match row(tx, file, photos, &masker)? {
        Some((author, row)) => ctx.mail.put(author, kind::CASE, file.id, &row),
        None => Ok(()),
    }
}

/// As [`tell_author`] for the case that a report with or without photos has just opened: it has no caller and no contacts.
pub(super) fn tell_author_of_new(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    file: &CaseFile,
    has_photos: bool,
) -> Result<(), Failure> {
    let photos = if has_photos {
        photos::photo_counts(tx, file)?
    } else {
        (0, 0)
    };
    match row(tx, file, photos, &mask::Masker::default())? {
        Some((author, row)) => ctx.mail.put_first(author, kind::CASE, file.id, &row),
        None => Ok(()),
    }
}

/// The author's row of a case, and his mailbox; `None` if no handset reported it.
fn row(
    tx: &mut Tx<'_>,
    file: &CaseFile,
    (photos_named, photos_held): (u32, u32),
    masker: &mask::Masker,
) -> Result<Option<(MailboxId, CaseRow)>, Failure> {
    let (Some(author), Some(record)) = (file.reporter, file.record) else {
        return Ok(None);
    };
    let address = beginning(masker, &file.address);
    let text = match address {
        Some(_) => None,
        None => beginning(masker, &file.text),
    };
    let row = CaseRow {
        case: file.id,
        record,
        number: file.number.clone(),
        state: file.state.into(),
        photos_held,
        photos_named,
        at: file.updated,
        made: Some(file.reported),
        matter: file.matter,
        cell: file.cell,
        text,
        address,
        withdrawn: file.is_withdrawn(),
        reason: why_not_filed(tx, file, masker)?,
    };
    Ok(Some((MailboxId::Author(author), row)))
}

/// The beginning of the opinion with which the case was not filed, for its author.
fn why_not_filed(tx: &mut Tx<'_>, file: &CaseFile, masker: &mask::Masker) -> Result<Option<String>, Failure> {
    if file.state != CaseState::NotFiled {
        return Ok(None);
    }
    let events = ledger::events(&ledger::load(tx, file.id)?);
    let opinion = events.last().map_or("", |event| event.opinion.as_str());
    let start: String = opinion.chars().take(LOOKED_AT).collect();
    let words: String = masker.text(&start).chars().take(MAX_ROW_REASON).collect();
    Ok(Some(words).filter(|words| !words.is_empty()))
}

/// Characters of a text that are masked for a row: more than its words can come from, because what hides the longest number
/// is a tenth of its length.
pub(super) const LOOKED_AT: usize = 1000;

/// The masked beginning of a text for a row. This runs where everybody's writes wait, and a text may have 250 kB.
fn beginning(masker: &mask::Masker, text: &str) -> Option<String> {
    let words = text.split_whitespace().flat_map(|word| word.chars().chain([' ']));
    let start: String = words.take(LOOKED_AT).collect();
    row_words(&masker.text(&start))
}

/// At most the first `most` characters of the text, the last one an ellipsis if there are more.
fn cut(text: String, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text;
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Returns the case as a line of a list, as this reader may see it.
pub fn line(tx: &mut Tx<'_>, app: &App, staff: &Staff, file: CaseFile) -> Result<CaseLine, Failure> {
    let reader = Reader::staff(staff, &file);
    let masker = privacy::masker(tx, Some(file.id))?;
    let (photos_named, photos_held) = photos::photo_counts(tx, &file)?;
    let withdrawn = file.is_withdrawn();
    let whole = CaseLine {
        matter: file.matter.map(|code| {
            let item = app.catalogue.find(code);
            MatterName {
                code,
                zh: item.map_or(String::new(), |i| i.zh.clone()),
                en: item.map_or(String::new(), |i| i.en.clone()),
            }
        }),
        id: file.id,
        number: file.number,
        source: file.source,
        state: file.state,
        state_zh: file.state.zh().to_owned(),
        version: file.version,
        level: file.level,
        text: cut(file.text, LOOKED_AT),
        cell: file.cell,
        address: cut(file.address, LOOKED_AT),
        department: file.department,
        deadline: file.deadline,
        flags: file.flags,
        withdrawn,
        rounds: file.rounds,
        photos_named,
        photos_held,
        reported: file.reported,
        updated: file.updated,
    };
    let mut line = reader.line(whole, &masker);
    line.text = cut(line.text, MAX_LINE_TEXT);
    line.address = cut(line.address, MAX_LINE_TEXT);
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::feed::MAX_ROW_WORDS;

    #[test]
    fn sec_a05_row_of_a_long_text_is_its_masked_beginning() {
        let masker = mask::Masker::default();
        let whole = |text: &str| row_words(&masker.text(text));
        for unit in ["张先生13800138000，", "1 3 8 0 0 1 3 8 0 0 0 ", "垃圾堆放\n\n\n"] {
            let text = unit.repeat(10_000);
            let row = beginning(&masker, &text);
            assert_eq!(row, whole(&unit.repeat(200)), "{unit}");
            assert_eq!(row.map(|row| row.chars().count()), Some(MAX_ROW_WORDS), "{unit}");
        }
        assert_eq!(beginning(&masker, "路口 13800138000"), whole("路口 13800138000"));
        assert_eq!(beginning(&masker, " \n"), None);
    }

    #[test]
    fn text_of_a_line_ends_with_an_ellipsis_only_where_it_was_cut() {
        assert_eq!(cut("桂林路口".into(), 4), "桂林路口");
        assert_eq!(cut("桂林路口东".into(), 4), "桂林路…");
        assert_eq!(cut(String::new(), 4), "");
    }
}
