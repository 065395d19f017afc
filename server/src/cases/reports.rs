//! Reports from the field (上报, T1): each becomes a case immediately, whatever its oddities; oddities become flags for
//! the acceptor. No report is refused because of its place or time.

use super::{
    apply::{NewEvent, create, record},
    file::{CaseFile, CaseSource, Opening},
    input::{Actor, Input},
    late::{accepted_by, moved_on, too_late},
    rules, view,
};
use crate::{
    app::{ctx::Ctx, state::App},
    duty::presence,
    entries::{
        flags::{FixContext, FixLimits},
        reviewer::Reviewer,
        taken::Taken,
    },
    kernel::failure::Failure,
    people::posts,
    photos::doubts,
    store::tx::Tx,
};
use protocol::{
    area::Area,
    case::{self, Action, CaseState, To},
    codes::{CellCode, GridVersion},
    entry::{Disposition, Reason, receipt_number},
    ids::EntryId,
    payload::Report,
    problem::ReasonCode,
    role::Role,
    time::Millis,
};
use serde_json::{Map, Value, json};

/// Creates a case from a report, or revises the case that the record already became. With a `reviewer`, error
/// `case.transition` for a revision of a case that is filed or closed, and of another author's case.
pub fn file(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    taken: &Taken,
    report: &Report,
    reviewer: Option<&Reviewer>,
) -> Result<Disposition, Failure> {
    match CaseFile::of_record(tx, taken.entry.record)? {
        None => open(tx, ctx, app, taken, report),
        Some(case) if case.entry == Some(taken.entry.id) => Ok(Disposition::applied()),
        Some(case) => mend(tx, ctx, app, taken, report, (case, reviewer)),
    }
}

fn open(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    taken: &Taken,
    report: &Report,
) -> Result<Disposition, Failure> {
    let entry = &taken.entry;
    let row = case::creates(Action::Report).ok_or_else(|| Failure::internal("the table has no T1"))?;
    let To::State(state) = row.to else {
        return Err(Failure::internal("T1 leads to no state"));
    };
    let mut case = CaseFile::open(Opening {
        id: ctx.case_id(),
        number: receipt_number(entry.id),
        source: CaseSource::Field,
        state,
        reported: taken.made.at,
        now: ctx.now,
    });
    case.entry = Some(entry.id);
    case.record = Some(entry.record);
    case.stream = Some(taken.stream);
    case.reporter = Some(entry.author);
    case.reporter_post = Some(entry.post);
    describe(tx, app, taken, report, &mut case)?;
    let mut facts = facts(taken, &case);
    facts.insert("received".into(), json!(taken.received));
    facts.insert("uncertainty_ms".into(), json!(taken.made.uncertainty_ms));
    let by = Actor::Field {
        person: entry.author,
        post: entry.post,
    };
    let event = NewEvent {
        transition: Some(row.id),
        action: row.action.as_str(),
        from: None,
        by: &by,
        role: Some(Role::Patroller),
        input: &said(report),
        facts,
    };
    create(tx, ctx, &mut case, event)?;
    view::tell_author_of_new(tx, ctx, &case, !report.photos.is_empty())?;
    Ok(Disposition::applied())
}

/// Applies a new version of the report: it replaces the old one while nobody has worked on it. Once the acceptor has, a
/// reviewer may accept it until the case is filed; what the acceptor added and the new version lacks stays.
fn mend(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    taken: &Taken,
    report: &Report,
    (mut case, reviewer): (CaseFile, Option<&Reviewer>),
) -> Result<Disposition, Failure> {
    let entry = &taken.entry;
    let is_author = case.reporter == Some(entry.author);
    let before = case.clone();
    if let Some(reviewer) = reviewer {
        reviewer.reach(case.area)?;
        let is_open = matches!(
            case.state,
            CaseState::Reported | CaseState::SelfHandled | CaseState::Prefiled | CaseState::SentBack
        );
        if !is_author || !is_open {
            return Err(too_late(&case));
        }
    } else if entry.supersedes.is_none() || !is_author {
        return Ok(Disposition::review(Reason::new(
            ReasonCode::CaseRecordTaken,
            format!("这条记录已是案卷 {}", case.number),
            format!(
                "The record is case {} already; a person will look at it",
                case.number
            ),
        )));
    } else if !matches!(case.state, CaseState::Reported | CaseState::SentBack) {
        return Ok(Disposition::review(moved_on(&case)));
    }
    describe(tx, app, taken, report, &mut case)?;
    if reviewer.is_some() {
        case.matter = case.matter.or(before.matter);
        if case.cell.is_none() && before.cell.is_some() {
            (case.cell, case.grid, case.place) = (before.cell, before.grid, before.place);
            case.area = before.area;
        }
    }
    let mut facts = facts(taken, &case);
    facts.insert("instead_of".into(), json!(case.entry));
    if let Some(reviewer) = reviewer {
        accepted_by(&mut facts, reviewer);
    }
    case.entry = Some(entry.id);
    case.stream = Some(taken.stream);
    let by = Actor::Field {
        person: entry.author,
        post: entry.post,
    };
    let event = NewEvent {
        transition: None,
        action: "mend",
        from: Some(case.state),
        by: &by,
        role: Some(Role::Patroller),
        input: &said(report),
        facts,
    };
    record(tx, ctx, &mut case, event)?;
    case.update(tx, ctx)?;
    view::tell_author(tx, ctx, &case)?;
    Ok(Disposition::applied())
}

/// Updates the author's mailbox with the number of the report's photos that the server holds.
pub fn photos_changed(tx: &mut Tx<'_>, ctx: &mut Ctx, _app: &App, entry: EntryId) -> Result<(), Failure> {
    match CaseFile::of_entry(tx, entry)? {
        Some(case) => view::tell_author(tx, ctx, &case),
        None => Ok(()),
    }
}

/// Flags the case of a report, or of an answer, of which another entry has a picture.
pub fn photo_doubted(tx: &mut Tx<'_>, entry: EntryId) -> Result<(), Failure> {
    let case = match CaseFile::of_entry(tx, entry)? {
        Some(case) => Some(case),
        None => CaseFile::of_answer(tx, entry)?,
    };
    let flags = doubts::flags_of(tx, entry)?;
    case.map_or(Ok(()), |mut case| case.add_flags(tx, &flags))
}

/// Stores the corrected time of the report that opened a case. The ledger keeps the time that was given at arrival.
pub fn time_corrected(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    entry: EntryId,
    was: Millis,
    at: Millis,
) -> Result<(), Failure> {
    match CaseFile::of_entry(tx, entry)? {
        Some(mut case) if case.reported == was => {
            case.correct_reported(tx, at)?;
            view::tell_author(tx, ctx, &case)
        }
        Some(_) | None => Ok(()),
    }
}

/// Stores the report's fields in the case, with the flags.
fn describe(
    tx: &mut Tx<'_>,
    app: &App,
    taken: &Taken,
    report: &Report,
    case: &mut CaseFile,
) -> Result<(), Failure> {
    let entry = &taken.entry;
    let position = report.place.as_ref().or(entry.evidence.position.as_ref());
    // A point off the globe is not a position; the entry keeps the handset's value.
    let position = position.filter(|p| p.point.is_on_globe());
    let located = position.and_then(|p| app.grids.locate(p.point));
    let known = |cell: CellCode| app.grids.knows(cell).map(|grid| (cell, grid));
    let limits = FixLimits::of(&app.settings);
    // Which cell an inexact fix is in is for the acceptor to say, unless the worker chose the cell.
    let open = !report.cell_chosen && position.is_some_and(|p| limits.is_imprecise(p));
    let place: Option<(CellCode, GridVersion)> = located
        .clone()
        .map(|l| (l.cell, l.grid))
        .or_else(|| report.cell.and_then(known))
        .filter(|_| !open);
    let areas = posts::areas(tx, entry.post)?;
    let matter_known = report.matter.is_none_or(|m| app.catalogue.find(m).is_some());
    let fixes: Vec<_> = [&report.place, &entry.evidence.position]
        .into_iter()
        .flatten()
        .collect();
    let mut flags = rules::flags(&rules::Circumstances {
        on_duty: presence::was_on_duty(tx, entry.author, entry.post, &taken.made)?,
        areas: &areas,
        position,
        fixes: &fixes,
        fix_context: FixContext::new(&taken.made, Some(&entry.evidence.clock)),
        fix_limits: limits,
        handset_cell: report.cell,
        located: located.map(|l| l.cell),
        cell: place.as_ref().map(|(cell, _)| *cell),
        basis: taken.made.basis,
        matter_known,
    });
    if !report.photos.is_empty() {
        flags.extend(doubts::flags_of(tx, entry.id)?);
    }
    case.matter = report.matter.filter(|_| matter_known);
    case.text.clone_from(&report.text);
    case.address.clone_from(&report.address);
    case.self_handled = report.self_handled;
    case.flags = flags.iter().map(|f| f.as_str().to_owned()).collect();
    case.place = position.map(|p| p.point);
    match place {
        Some((cell, grid)) => case.put_in_cell(cell, grid),
        None => {
            case.cell = None;
            case.grid = None;
            case.area = Area::common(areas);
        }
    }
    Ok(())
}

fn said(report: &Report) -> Input {
    Input::words(
        report.text.as_str(),
        report.photos.iter().map(|p| p.sha256).collect(),
    )
}

/// Returns the facts of a report for the ledger, besides its text.
fn facts(taken: &Taken, case: &CaseFile) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("entry".into(), json!(taken.entry.id));
    facts.insert("sha256".into(), json!(taken.sha256));
    facts.insert("made".into(), json!(taken.made.at));
    facts.insert("cell".into(), json!(case.cell));
    facts.insert("flags".into(), json!(case.flags));
    if case.self_handled {
        facts.insert("self_handled".into(), json!(true));
    }
    facts
}
