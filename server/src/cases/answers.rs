//! Answers from the field (核实反馈 T3, 核查反馈 T13): the first that counts closes the task for everyone else
//! and moves its case; what comes late is kept and looked at by a person (failure story 27).

use super::{
    advance::advance,
    file::CaseFile,
    input::{Actor, Input},
};
use crate::{
    app::{ctx::Ctx, state::App},
    entries::{flags::fix_flags, taken::Taken},
    kernel::failure::Failure,
    people::posts,
    photos::view::{self, Origin},
    store::tx::Tx,
    tasks::{
        assign,
        rules::{self, AnswerContext, AnswerDecision},
        task::{self, Task},
    },
};
use protocol::{
    case::{Action, FieldValue, transition},
    duty::{Answer, TaskState},
    entry::{Disposition, Reason},
    open::Open,
    payload::TaskAnswer,
    problem::{ProblemCode, ReasonCode},
};
use serde_json::{Map, json};

/// What becomes of an answer.
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
            "没有这项任务",
            "There is no such task",
        )));
    };
    if task.answer_entry == Some(taken.entry.id) {
        return Ok(Disposition::applied());
    }
    // Whoever was relieved speaks for the post no more: the task may have gone to its new holder.
    let (post, author) = (taken.entry.post, taken.entry.author);
    let speaks = posts::holds(tx, post, author, ctx.now)? || posts::held_when(tx, post, author, &taken.made)?;
    let leases = if speaks {
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
            apply(tx, ctx, app, taken, &mut task, answer, &p.text)?;
            Ok(Disposition::applied())
        }
    }
}

/// A reviewer's decision about an answer in the review lane. Accepting applies it while the task is still open
/// and its case still waits, else `task.state` says why not.
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
            "经人工核对，回答未采用",
            "A person has looked at the answer; it was not taken",
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
    apply(tx, ctx, app, taken, &mut task, answer, &p.text)?;
    Ok(Disposition::applied())
}

/// Whether the case of a task that drives one still waits for its answer.
fn case_waits(tx: &mut Tx<'_>, task: &Task) -> Result<bool, Failure> {
    let Some(case) = task.order.case.filter(|_| task.order.drives) else {
        return Ok(true);
    };
    let state = CaseFile::load(tx, case)?.state;
    let mut answers = task.order.purpose.answers().into_iter();
    Ok(answers.any(|answer| transition(state, step(answer).0).is_ok()))
}

/// The action that an answer is, and the result of a check.
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
    text: &str,
) -> Result<(), Failure> {
    let entry = &taken.entry;
    task.state = TaskState::Answered;
    task.answer = Some(answer);
    task.answer_text = Some(text.to_owned());
    task.answer_entry = Some(entry.id);
    task.answered_by = Some(entry.author);
    task.answered = Some(taken.made.at);
    assign::close(tx, ctx, task)?;
    let Some(case) = task.order.case.filter(|_| task.order.drives) else {
        return Ok(());
    };
    let (action, passed) = step(answer);
    let mut facts = Map::new();
    facts.insert("task".into(), json!(task.id));
    facts.insert("entry".into(), json!(entry.id));
    facts.insert("answer".into(), json!(answer));
    facts.insert("made".into(), json!(taken.made.at));
    let fix = entry.evidence.position.as_ref();
    let flags = fix_flags(&fix.into_iter().collect::<Vec<_>>());
    if !flags.is_empty() {
        let codes: Vec<_> = flags.iter().map(|flag| flag.as_str()).collect();
        facts.insert("flags".into(), json!(codes));
    }
    let photos = view::named_by(tx, entry.id, Origin::Answer)?;
    let mut input = Input::words(text, photos.into_iter().map(|p| p.sha256).collect());
    input.values.extend(passed.map(FieldValue::CheckPassed));
    input.facts = facts;
    let by = Actor::Field {
        person: entry.author,
        post: entry.post,
    };
    advance(tx, ctx, app, case, action, &by, &input)?;
    Ok(())
}
