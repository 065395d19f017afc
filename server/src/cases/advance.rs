//! The one function by which a case moves. Whoever moves it, staff over HTTP, an answer from the field, comes
//! through [`advance`]: role, scope, version, table, guards, effects, ledger, mail, in this order.

use super::{
    file::{CaseFile, Source},
    ledger::{self, Event, EventActor},
    photos,
    repeat::was_done,
    rules,
    view::{self, CaseView},
};
use crate::{
    app::{ctx::Ctx, state::App},
    auth::actor::Staff,
    grids::place,
    http::idempotency::reused,
    kernel::failure::Failure,
    params,
    photos::view::is_uploaded_by,
    store::tx::Tx,
    tasks::{
        assign,
        task::{Order, Task},
    },
};
use protocol::{
    calendar::Limit,
    case::{Action, CaseState, Guard, Transition, transition},
    codes::{CellCode, MatterCode},
    duty::Purpose,
    entry::receipt_number,
    geo::PointE7,
    ids::{CaseId, EntryId, EventId, OrgId, PersonId, PostId},
    photo::Sha256,
    problem::{FieldError, ProblemCode},
    role::Role,
    time::Millis,
};
use serde_json::{Map, Value, json};

/// Who moves a case.
#[derive(Debug, Clone)]
pub enum Actor<'a> {
    Staff(&'a Staff),
    /// Somebody in the field, whom the task's rules have let through already.
    Field {
        person: PersonId,
        post: PostId,
    },
    /// The server itself: a limit that ran out, a job.
    System,
}

impl Actor<'_> {
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Self::Staff(staff) => Some(staff.person),
            Self::Field { person, .. } => Some(*person),
            Self::System => None,
        }
    }
}

/// What an actor brings along. Only what the action takes may be given ([`rules::Part`]).
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The version the actor saw; another one is `case.changed`. `None`: whatever it is now.
    pub expected_version: Option<i64>,
    /// The same request again (a lost answer) is answered again and not done twice.
    pub request: Option<EventId>,
    pub opinion: String,
    /// Photos that this person uploaded before, or that the answering entry names.
    pub attachments: Vec<Sha256>,
    pub matter: Option<MatterCode>,
    pub place: Option<PointE7>,
    pub cell: Option<CellCode>,
    pub address: Option<String>,
    pub level: Option<u8>,
    pub department: Option<OrgId>,
    pub limit: Option<Limit>,
    /// T13: whether the matter was handled.
    pub check_passed: Option<bool>,
    /// What the ledger shall hold besides.
    pub facts: Map<String, Value>,
}

impl Input {
    fn parts(&self) -> Vec<rules::Part> {
        use rules::Part;
        let mut parts = Vec::new();
        let mut part = |given: bool, part: Part| {
            if given {
                parts.push(part);
            }
        };
        part(self.matter.is_some(), Part::Matter);
        part(
            self.place.is_some() || self.cell.is_some() || self.address.is_some(),
            Part::Place,
        );
        part(self.level.is_some(), Part::Level);
        part(self.department.is_some(), Part::Department);
        part(self.limit.is_some(), Part::Limit);
        parts
    }
}

/// Moves a case by one row of the table, or says why not: `case.role`, `auth.scope`, `case.changed`,
/// `case.transition`, `case.guard`, `request.invalid`, `place.outside_grid`.
pub fn advance(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    case: CaseId,
    action: Action,
    by: &Actor<'_>,
    input: &Input,
) -> Result<CaseView, Failure> {
    let mut file = CaseFile::load(tx, case)?;
    authorise(&file, action, by)?;
    if let Some((_, said)) = was_done(tx, input, Some(case), action)? {
        // The same words: whatever else the action took stands in the case by now.
        if said.opinion != input.opinion.trim() || said.attachments != input.attachments {
            return Err(Failure::fields(ProblemCode::Invalid, vec![reused()]));
        }
        return view::of(tx, app, file, by);
    }
    if input.expected_version.is_some_and(|seen| seen != file.version) {
        return Err(Failure::because(
            ProblemCode::CaseChanged,
            format!("案卷现为第 {} 版，状态「{}」", file.version, file.state.zh()),
        ));
    }
    if file.withdrawn {
        return Err(Failure::because(
            ProblemCode::CaseTransition,
            "案卷已由上报人撤回",
        ));
    }
    let row = transition(file.state, action).map_err(|e| {
        Failure::because(
            ProblemCode::CaseTransition,
            rules::not_from_here(e.state, e.action),
        )
    })?;
    let mut facts = input.facts.clone();
    fill(app, &mut file, action, input, &mut facts)?;
    let department = check_department(tx, &file, input)?;
    let deadline = input.limit.map(|limit| app.calendar.deadline(ctx.now, limit));
    check_attachments(tx, by, input)?;
    let missing = rules::missing(
        row,
        rules::Facts {
            matter: file.matter.is_some(),
            cell: file.cell.is_some(),
            opinion: !input.opinion.trim().is_empty(),
            level: file.level.is_some(),
            department: department.is_some(),
            deadline: deadline.is_some(),
            after_photo: !input.attachments.is_empty(),
            check_passed: file.check_passed == Some(true),
        },
    );
    if !missing.is_empty() {
        return Err(unmet(&missing));
    }
    let from = file.state;
    file.state = row.to;
    match action {
        Action::Dispatch => {
            file.department = department;
            file.deadline = deadline.map(|d| d.at);
            file.deadline_provisional = deadline.is_some_and(|d| d.provisional);
            file.rounds += 1;
            file.check_passed = None;
            facts.insert("department".into(), json!(department));
            facts.insert("limit".into(), serde_json::to_value(input.limit)?);
            facts.insert("deadline".into(), json!(file.deadline));
            facts.insert("round".into(), json!(file.rounds));
        }
        Action::Handle => {
            facts.insert(
                "in_time".into(),
                json!(file.deadline.is_none_or(|d| ctx.now <= d)),
            );
        }
        Action::SendCheck => {
            file.check_passed = None;
            let task = send(tx, ctx, app, &file, Purpose::Check, by)?;
            facts.insert("task".into(), json!(task));
        }
        Action::CheckResult => {
            let passed = input
                .check_passed
                .ok_or_else(|| Failure::internal("a check without a result"))?;
            file.check_passed = Some(passed);
            facts.insert("passed".into(), json!(passed));
        }
        Action::Report
        | Action::Register
        | Action::ConfirmTrue
        | Action::ConfirmFalse
        | Action::Prefile
        | Action::File
        | Action::SendBack
        | Action::Decline
        | Action::Forward
        | Action::Close
        | Action::Rework => {}
    }
    record(
        tx,
        ctx,
        &mut file,
        Some(row),
        row.action.as_str(),
        Some(from),
        by,
        input,
        facts,
    )?;
    file.update(tx)?;
    view::tell_author(tx, ctx, &file)?;
    view::of(tx, app, file, by)
}

/// 公众举报登记 (T2): what a caller said, taken down by an acceptor.
#[derive(Debug, Clone)]
pub struct Registration {
    pub text: String,
    pub caller_name: String,
    pub caller_phone: String,
    pub input: Input,
}

/// Opens a case for a citizen's report and sends its verification (核实) to whoever is on duty in the cell (T2).
pub fn register(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    by: &Actor<'_>,
    registration: &Registration,
) -> Result<CaseView, Failure> {
    let input = &registration.input;
    if let Some((done, _)) = was_done(tx, input, None, Action::Register)? {
        let file = CaseFile::load(tx, done)?;
        authorise(&file, Action::Register, by)?;
        // Another citizen's report under a used name must not vanish into the first one.
        let phone = view::caller(tx, done)?.map(|(_, phone)| phone);
        if file.text != registration.text.trim() || phone.as_deref() != Some(registration.caller_phone.trim())
        {
            return Err(Failure::fields(ProblemCode::Invalid, vec![reused()]));
        }
        return view::of(tx, app, file, by);
    }
    let id = ctx.case_id();
    let mut file = CaseFile {
        id,
        number: receipt_number(EntryId(id.0)),
        source: Source::Citizen,
        entry: None,
        record: None,
        stream: None,
        state: CaseState::Verifying,
        version: 0,
        matter: None,
        level: None,
        text: registration.text.trim().to_owned(),
        cell: None,
        grid: None,
        place: None,
        address: String::new(),
        area: String::new(),
        reporter: None,
        reporter_post: None,
        self_handled: false,
        flags: Vec::new(),
        department: None,
        deadline: None,
        deadline_provisional: false,
        rounds: 0,
        check_passed: None,
        withdrawn: false,
        reported: ctx.now,
        created: ctx.now,
        updated: ctx.now,
    };
    let mut facts = input.facts.clone();
    fill(app, &mut file, Action::Prefile, input, &mut facts)?;
    let row = protocol::case::TRANSITIONS
        .iter()
        .find(|t| t.action == Action::Register)
        .ok_or_else(|| Failure::internal("the table has no T2"))?;
    let known = rules::Facts {
        matter: file.matter.is_some(),
        cell: file.cell.is_some(),
        ..rules::Facts::default()
    };
    let missing = rules::missing(row, known);
    if !missing.is_empty() {
        return Err(unmet(&missing));
    }
    authorise(&file, Action::Register, by)?;
    file.insert(tx)?;
    tx.execute(
        "INSERT INTO case_caller (case_id, name, phone) VALUES (?1, ?2, ?3)",
        params![
            file.id.to_string(),
            registration.caller_name.trim(),
            registration.caller_phone.trim()
        ],
    )?;
    let task = send(tx, ctx, app, &file, Purpose::Verify, by)?;
    facts.insert("task".into(), json!(task));
    record(
        tx,
        ctx,
        &mut file,
        Some(row),
        row.action.as_str(),
        None,
        by,
        input,
        facts,
    )?;
    file.update(tx)?;
    view::of(tx, app, file, by)
}

/// Role and scope: the first thing asked, so that nobody learns about a case beyond his reach.
fn authorise(file: &CaseFile, action: Action, by: &Actor<'_>) -> Result<(), Failure> {
    let role = rules::role_of(action);
    let others = || {
        Failure::because(
            ProblemCode::CaseRole,
            format!("{} 由{}办理", action.as_str(), role.zh()),
        )
    };
    match by {
        Actor::Field { .. } if role == Role::Patroller => Ok(()),
        Actor::Field { .. } | Actor::System => Err(others()),
        // What is done in the field comes as an answer to a task, never from the console.
        Actor::Staff(_) if role == Role::Patroller => Err(others()),
        Actor::Staff(staff) if role == Role::Department => {
            if !staff.grants.iter().any(|g| g.role == role) {
                return Err(others());
            }
            match file.department {
                Some(with) if staff.orgs(role).any(|org| org == with) => Ok(()),
                Some(_) => Err(Failure::because(ProblemCode::OutOfScope, "案卷由其他部门处置")),
                None => staff.require(role, &file.area),
            }
        }
        Actor::Staff(staff) => match staff.require(role, &file.area) {
            Ok(()) => Ok(()),
            Err(e) if e.code() == Some(ProblemCode::Forbidden) => Err(others()),
            Err(e) => Err(e),
        },
    }
}

/// Puts matter, place, address and level into the case, checked.
fn fill(
    app: &App,
    file: &mut CaseFile,
    action: Action,
    input: &Input,
    facts: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let mut errors = rules::strangers(action, &input.parts());
    if let Some(matter) = input.matter {
        if app.catalogue.find(matter).is_none() {
            errors.push(FieldError {
                at: "/matter".into(),
                zh: "类型不在目录中".into(),
                en: "the catalogue has no such matter".into(),
            });
        } else if file.matter != Some(matter) {
            file.matter = Some(matter);
            facts.insert("matter".into(), json!(matter));
        }
    }
    if let Some(level) = input.level {
        if (1..=3).contains(&level) {
            file.level = Some(level);
            facts.insert("level".into(), json!(level));
        } else {
            errors.push(FieldError {
                at: "/level".into(),
                zh: "等级为 1 至 3".into(),
                en: "the level is 1, 2 or 3".into(),
            });
        }
    }
    if input.limit.is_some_and(|l| !(1..=1000).contains(&l.amount)) {
        errors.push(FieldError {
            at: "/limit/amount".into(),
            zh: "时限为 1 至 1000".into(),
            en: "the limit is 1 to 1000".into(),
        });
    }
    if !errors.is_empty() {
        return Err(Failure::fields(ProblemCode::Invalid, errors));
    }
    if let Some((cell, grid)) = place::find(app, input.place, input.cell)? {
        file.put_in_cell(cell, grid);
        file.place = input.place.or_else(|| app.grids.centre(cell));
        facts.insert("cell".into(), json!(cell));
    }
    if let Some(address) = &input.address {
        file.address = address.trim().to_owned();
    }
    Ok(())
}

/// The named department, when it is one that answers for the place of the case.
fn check_department(tx: &mut Tx<'_>, file: &CaseFile, input: &Input) -> Result<Option<OrgId>, Failure> {
    let Some(department) = input.department else {
        return Ok(None);
    };
    // A unit handles cases when somebody holds the role there; whoever else it is has nobody to see the case.
    let area: Option<String> = tx.opt(
        "SELECT area FROM org WHERE id = ?1
         AND EXISTS (SELECT 1 FROM role_grant g WHERE g.org = org.id AND g.role = ?2)",
        params![department.to_string(), Role::Department.as_str()],
        |row| row.get("area"),
    )?;
    if area.is_some_and(|area| file.area.starts_with(&area)) {
        return Ok(Some(department));
    }
    Err(Failure::fields(
        ProblemCode::Invalid,
        vec![FieldError {
            at: "/department".into(),
            zh: "该单位不是这一区域的处置部门".into(),
            en: "this unit is no handling department for the place".into(),
        }],
    ))
}

/// Staff attach what they uploaded themselves; a hash alone is no proof of having the photo.
fn check_attachments(tx: &mut Tx<'_>, by: &Actor<'_>, input: &Input) -> Result<(), Failure> {
    let Actor::Staff(staff) = by else { return Ok(()) };
    let mut errors = Vec::new();
    for (i, sha256) in input.attachments.iter().enumerate() {
        if !is_uploaded_by(tx, *sha256, staff.person)? {
            errors.push(FieldError {
                at: format!("/attachments/{i}"),
                zh: "没有收到这张照片，请先上传".into(),
                en: "this photo was not received, upload it first".into(),
            });
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Failure::fields(ProblemCode::Invalid, errors))
    }
}

fn unmet(missing: &[Guard]) -> Failure {
    Failure::fields(
        ProblemCode::CaseGuard,
        missing.iter().copied().map(rules::guard_error).collect(),
    )
}

/// Issues the case's own task to its cell.
fn send(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    file: &CaseFile,
    purpose: Purpose,
    by: &Actor<'_>,
) -> Result<protocol::ids::TaskId, Failure> {
    let cell = file.cell.ok_or_else(|| unmet(&[Guard::TypeAndPlace]))?;
    let minutes = match purpose {
        Purpose::Verify => app.settings.verify_minutes,
        Purpose::Check | Purpose::Inspect => app.settings.check_minutes,
    };
    let matter = file
        .matter
        .and_then(|m| app.catalogue.find(m))
        .map_or("", |m| m.zh.as_str());
    let wording = format!("{}：{matter} {}", purpose.zh(), file.text)
        .trim()
        .to_owned();
    let task = Task::new(
        ctx,
        Order {
            purpose,
            wording,
            cell,
            grid: file.grid.clone(),
            place: file.place,
            address: file.address.clone(),
            due: ctx.now.plus(i64::from(minutes) * 60_000),
            compare: photos::to_compare(tx, file)?,
            case: Some(file.id),
            drives: true,
            issued_by: by.person(),
        },
    );
    assign::issue(tx, ctx, task)
}

/// Writes an event of the case and counts its version up; the caller writes the case.
#[allow(clippy::too_many_arguments)] // one event has that many sides, and only this room calls it
pub(super) fn record(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    file: &mut CaseFile,
    row: Option<&Transition>,
    action: &str,
    from: Option<CaseState>,
    by: &Actor<'_>,
    input: &Input,
    facts: Map<String, Value>,
) -> Result<(), Failure> {
    file.version += 1;
    file.updated = ctx.now;
    let (role, post) = match by {
        Actor::Staff(_) => (row.map(|t| t.by), None),
        Actor::Field { post, .. } => (Some(Role::Patroller), Some(*post)),
        Actor::System => (None, None),
    };
    let fresh = ctx.event_id();
    ledger::append(
        tx,
        &Event {
            case: file.id,
            seq: file.version,
            id: input.request.unwrap_or(fresh),
            transition: row.map(|t| t.id.to_owned()),
            action: action.to_owned(),
            from,
            to: file.state,
            actor: EventActor {
                person: by.person(),
                role,
                post,
            },
            at: Millis(ctx.now.0),
            opinion: input.opinion.trim().to_owned(),
            attachments: input.attachments.clone(),
            facts,
        },
    )
}
