//! Answers from the field (核实反馈 T3, 核查反馈 T13): the first valid answer closes the task for everyone else and moves its
//! case; a late answer is stored and a person reviews it (failure story 27).

use super::{
    advance::advance,
    file::CaseFile,
    input::{Actor, Input},
};
use crate::{
    app::{ctx::Ctx, state::App},
    entries::{
        flags::{FixContext, FixLimits, fix_flags},
        reviewer::Reviewer,
        taken::Taken,
    },
    kernel::failure::Failure,
    people::posts,
    photos::{
        doubts as photo_doubts,
        view::{self, Origin},
    },
    store::tx::Tx,
    tasks::{
        assign,
        doubts::{self, AnswerLimits},
        rules::{self, AnswerContext, AnswerDecision},
        task::{self, Task},
    },
};
use protocol::{
    case::{Action, FieldValue, transition},
    duty::{Answer, TaskState},
    entry::{Disposition, Reason},
    ids::EntryId,
    open::Open,
    payload::TaskAnswer,
    problem::{ProblemCode, ReasonCode},
};
use serde_json::{Map, json};

/// Handles a new answer: applies it, sends it to review, rejects it, or holds an unknown kind of answer. Applying an
/// answer again has no further effect.
pub fn take(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    taken: &Taken,
    p: &TaskAnswer,
) -> Result<Disposition, Failure> {
    let answer = match &p.answer {
        Open::Known(answer) => *answer,
        Open::Other(word) => {
            return Ok(Disposition::held(Reason::new(
                ReasonCode::TaskAnswerUnknown,
                format!("服务器尚不认识这种回答（{word}），已保存，升级后自动处理"),
                format!("The server does not know the answer {word:?} yet; it is kept"),
            )));
        }
    };
    let Some(mut task) = Task::find(tx, p.task)? else {
        return Ok(Disposition::rejected(Reason::new(
            ReasonCode::TaskUnknown,
            "没有这项任务，请同步后查看任务列表",
            "There is no such task; sync and look at the task list",
        )));
    };
    if task.answer_entry == Some(taken.entry.id) {
        return Ok(Disposition::applied());
    }
    // The answer counts if the author holds the post now or held it when the answer was made. Otherwise the task may
    // belong to the post's new holder: no lease counts, and a person reviews the answer (`task.not_yours`).
    let (post, author) = (taken.entry.post, taken.entry.author);
    let is_holder =
        posts::holds(tx, post, author, ctx.now)? || posts::held_when(tx, post, author, &taken.made)?;
    let leases = if is_holder {
        task::leases(tx, task.id)?
    } else {
        Vec::new()
    };
    let meeting = AnswerContext {
        purpose: task.order.purpose,
        state: task.state,
        leases: &leases,
        case_waits: case_waits(tx, &task)?,
    };
    match rules::judge(&meeting, answer, taken.entry.post, &taken.made) {
        AnswerDecision::Reject(reason) => Ok(Disposition::rejected(reason)),
        AnswerDecision::Review(reason) => Ok(Disposition::review(reason)),
        AnswerDecision::Apply => {
            apply(tx, ctx, app, taken, &mut task, answer, p)?;
            Ok(Disposition::applied())
        }
    }
}

/// Applies a reviewer's decision about an answer in the review queue. An accepted answer is applied while the task is
/// open and its case still waits; otherwise the error is `task.state` with the reason.
pub fn decide(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    taken: &Taken,
    p: &TaskAnswer,
    accept: bool,
) -> Result<Disposition, Failure> {
    if !accept {
        return Ok(Disposition::rejected(Reason::new(
            ReasonCode::TaskRefused,
            "经人工核对，回答未采用，如有疑问请联系中心",
            "A reviewer checked your answer and did not accept it; contact the centre if you have questions",
        )));
    }
    let no = |why: &str| Failure::because(ProblemCode::TaskState, why);
    let answer = *p.answer.known().ok_or_else(|| no("回答无法识别"))?;
    let mut task = Task::load(tx, p.task)?;
    if task.answer_entry == Some(taken.entry.id) {
        return Ok(Disposition::applied());
    }
    match task.state {
        TaskState::Answered => return Err(no("任务已由他人办结，不能再采用")),
        TaskState::Cancelled => return Err(no("任务已取消，不能再采用")),
        TaskState::Nobody | TaskState::Assigned => {}
    }
    if !task.order.purpose.answers().contains(&answer) {
        return Err(no("回答与任务不符"));
    }
    if !case_waits(tx, &task)? {
        return Err(no("案卷已进入下一步，不能再采用"));
    }
    apply(tx, ctx, app, taken, &mut task, answer, p)?;
    Ok(Disposition::applied())
}

/// Withdraws an applied answer; `None`: the entry closed no task. Others have relied on the answer, so a person decides.
/// An accepted withdrawal opens the task again. Error with a `reviewer`: `task.state` if the answer moved a case.
pub fn withdraw(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    target: EntryId,
    reviewer: Option<&Reviewer>,
) -> Result<Option<Disposition>, Failure> {
    let Some(mut task) = Task::answered_by_entry(tx, target)? else {
        return Ok(None);
    };
    let Some(reviewer) = reviewer else {
        return Ok(Some(Disposition::review(Reason::new(
            ReasonCode::WithdrawLate,
            "回答已采用，能否撤回由中心决定",
            "Your answer was used already; the centre decides whether it can be withdrawn",
        ))));
    };
    reviewer.reach(task.order.cell.into())?;
    if task.order.drives {
        return Err(Failure::because(
            ProblemCode::TaskState,
            "案卷已按这次回答进入下一步，回答不能再撤回；请退回并向填报人说明，需要更正时在案卷中办理",
        ));
    }
    assign::reopen(tx, ctx, &mut task)?;
    Ok(Some(Disposition::applied()))
}

/// Returns true if the task does not drive a case, or if its case still waits for the answer.
fn case_waits(tx: &mut Tx<'_>, task: &Task) -> Result<bool, Failure> {
    let Some(case) = task.order.case.filter(|_| task.order.drives) else {
        return Ok(true);
    };
    let state = CaseFile::load(tx, case)?.state;
    let mut answers = task.order.purpose.answers().into_iter();
    Ok(answers.any(|answer| transition(state, step(answer).0).is_ok()))
}

/// Returns the action that corresponds to an answer, and the result of a check.
const fn step(answer: Answer) -> (Action, Option<bool>) {
    match answer {
        Answer::True => (Action::ConfirmTrue, None),
        Answer::NotTrue => (Action::ConfirmFalse, None),
        Answer::Rectified => (Action::CheckResult, Some(true)),
        Answer::NotRectified => (Action::CheckResult, Some(false)),
    }
}

fn apply(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    app: &App,
    taken: &Taken,
    task: &mut Task,
    answer: Answer,
    p: &TaskAnswer,
) -> Result<(), Failure> {
    let entry = &taken.entry;
    task.state = TaskState::Answered;
    task.answer = Some(answer);
    task.answer_text = Some(p.text.clone());
    task.answer_entry = Some(entry.id);
    task.answered_by = Some(entry.author);
    task.answered = Some(taken.made.at);
    let asked = AnswerLimits::of(&app.settings);
    task.answer_flags = doubts::answer_flags(
        task.order.purpose,
        entry.evidence.position.as_ref(),
        p.photos.len(),
        asked,
        |point| doubts::metres_to_target(&app.grids, &task.order, point),
    );
    assign::close(tx, ctx, task)?;
    let Some(case) = task.order.case.filter(|_| task.order.drives) else {
        return Ok(());
    };
    let (action, passed) = step(answer);
    let mut for_case = task.answer_flags.clone();
    for_case.extend(photo_doubts::flags_of(tx, entry.id)?);
    if !for_case.is_empty() {
        CaseFile::load(tx, case)?.add_flags(tx, &for_case)?;
    }
    let mut facts = Map::new();
    facts.insert("task".into(), json!(task.id));
    facts.insert("entry".into(), json!(entry.id));
    facts.insert("answer".into(), json!(answer));
    facts.insert("made".into(), json!(taken.made.at));
    if taken.made.at > task.order.due {
        facts.insert("late".into(), json!(true));
    }
    let fix = entry.evidence.position.as_ref();
    let context = FixContext::new(&taken.made, Some(&entry.evidence.clock));
    let mut flags = fix_flags(fix.as_slice(), &context, FixLimits::of(&app.settings));
    flags.extend(for_case);
    if !flags.is_empty() {
        let codes: Vec<_> = flags.iter().map(|flag| flag.as_str()).collect();
        facts.insert("flags".into(), json!(codes));
    }
    let photos = view::named_by(tx, entry.id, Origin::Answer)?;
    let mut input = Input::words(p.text.as_str(), photos.into_iter().map(|p| p.sha256).collect());
    input.values.extend(passed.map(FieldValue::CheckPassed));
    input.facts = facts;
    let by = Actor::Field {
        person: entry.author,
        post: entry.post,
    };
    advance(tx, ctx, app, case, action, &by, &input)?;
    Ok(())
}
