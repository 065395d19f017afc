//! Choice of a task's holder and effect of an answer, as plain functions over plain data.

use crate::duty::presence_rules::{Candidate, covers};
use protocol::{
    duty::{Answer, Purpose, TaskState},
    entry::Reason,
    evidence::TrustedTime,
    ids::{PersonId, PostId},
    problem::ReasonCode,
    sabotage::{self, Defect},
    time::Millis,
};

/// Chooses the holder of a task: the present holder while on duty, otherwise the candidate with the latest contact, and
/// the lower id of two with the same. `None` if there is no candidate.
pub fn choose(candidates: &[Candidate], holder: Option<(PostId, PersonId)>) -> Option<Candidate> {
    candidates
        .iter()
        .find(|c| Some((c.post, c.person)) == holder)
        .or_else(|| {
            candidates
                .iter()
                .min_by_key(|c| (std::cmp::Reverse(c.last_contact), c.person, c.post))
        })
        .copied()
}

/// A period in which a post and a person had a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskLease {
    pub post: PostId,
    pub person: PersonId,
    pub since: Millis,
    /// `None` while it lasts.
    pub until: Option<Millis>,
}

/// The state of a task and its case when an answer arrives.
#[derive(Debug, Clone, Copy)]
pub struct AnswerContext<'a> {
    pub purpose: Purpose,
    pub state: TaskState,
    pub leases: &'a [TaskLease],
    /// False if the task drives a case that does not wait for this answer any more.
    pub case_waits: bool,
}

/// How an answer is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerDecision {
    Apply,
    Review(Reason),
    Reject(Reason),
}

/// Decides about an answer. It is applied while the task is open if the author's post had the task when the answer was
/// made (within its uncertainty) or has it now. A late answer, or one from another post, goes to review (failure
/// story 27); an answer that the purpose does not allow is rejected with `task.answer_kind`.
pub fn judge(
    context: &AnswerContext<'_>,
    answer: Answer,
    post: PostId,
    made: &TrustedTime,
) -> AnswerDecision {
    if !context.purpose.answers().contains(&answer) {
        return AnswerDecision::Reject(Reason::new(
            ReasonCode::TaskAnswerKind,
            format!(
                "「{}」不是{}任务的回答，请重新回答",
                answer.zh(),
                context.purpose.zh()
            ),
            format!(
                "{} does not answer a task of the kind {}",
                answer.as_str(),
                context.purpose.as_str()
            ),
        ));
    }
    match context.state {
        TaskState::Answered | TaskState::Cancelled if sabotage::is(Defect::LateAnswerApplied) => {}
        TaskState::Answered => {
            return AnswerDecision::Review(late(
                "任务已由他人办结",
                "someone else has already answered the task",
            ));
        }
        TaskState::Cancelled => {
            return AnswerDecision::Review(late("任务已取消", "the task was cancelled"));
        }
        TaskState::Nobody | TaskState::Assigned => {}
    }
    if !context.case_waits {
        return AnswerDecision::Review(late("案卷已进入下一步", "the case has moved on"));
    }
    let had = context
        .leases
        .iter()
        .any(|l| l.post == post && (l.until.is_none() || covers(l.since, l.until.unwrap_or(l.since), made)));
    if had {
        AnswerDecision::Apply
    } else {
        AnswerDecision::Review(Reason::new(
            ReasonCode::TaskNotYours,
            "回答时任务不在您的岗位，由中心决定是否采用您的回答",
            "The task did not belong to your post when you answered; the centre decides whether your answer is used",
        ))
    }
}

/// The review reason `task.late`.
pub fn late(zh: &str, en: &str) -> Reason {
    Reason::new(
        ReasonCode::TaskLate,
        format!("{zh}，由中心决定是否采用您的回答"),
        format!("Too late: {en}; a person will look at your answer"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::evidence::TimeBasis;

    fn post(n: u8) -> PostId {
        PostId::from_parts(1, [n; 10])
    }
    fn person(n: u8) -> PersonId {
        PersonId::from_parts(1, [n; 10])
    }
    fn candidate(n: u8, last_contact: i64) -> Candidate {
        Candidate {
            person: person(n),
            post: post(n),
            last_contact: Millis(last_contact),
        }
    }
    fn made(at: i64) -> TrustedTime {
        TrustedTime {
            at: Millis(at),
            uncertainty_ms: 0,
            basis: TimeBasis::Monotonic,
        }
    }
    fn lease(n: u8, since: i64, until: Option<i64>) -> TaskLease {
        TaskLease {
            post: post(n),
            person: person(n),
            since: Millis(since),
            until: until.map(Millis),
        }
    }

    #[test]
    fn the_latest_contact_gets_the_task_and_ties_are_stable() {
        let both = [candidate(2, 5), candidate(1, 5), candidate(3, 4)];
        assert_eq!(choose(&both, None), Some(candidate(1, 5)));
        assert_eq!(choose(&[], None), None);
    }

    #[test]
    fn the_holder_keeps_the_task_while_on_duty() {
        let both = [candidate(1, 9), candidate(2, 5)];
        assert_eq!(choose(&both, Some((post(2), person(2)))), Some(candidate(2, 5)));
        assert_eq!(choose(&both, Some((post(3), person(3)))), Some(candidate(1, 9)));
    }

    fn open(leases: &[TaskLease]) -> AnswerContext<'_> {
        AnswerContext {
            purpose: Purpose::Check,
            state: TaskState::Assigned,
            leases,
            case_waits: true,
        }
    }

    #[test]
    fn an_answer_made_while_the_task_was_ours_counts_even_after_it_went_on() {
        let leases = [lease(1, 10, Some(20)), lease(2, 20, None)];
        let verdict = |n, at| judge(&open(&leases), Answer::Rectified, post(n), &made(at));
        assert_eq!(verdict(1, 15), AnswerDecision::Apply);
        assert_eq!(verdict(2, 25), AnswerDecision::Apply);
        assert!(matches!(verdict(1, 25), AnswerDecision::Review(r) if r.code == "task.not_yours"));
        assert!(matches!(verdict(3, 15), AnswerDecision::Review(_)));
    }

    #[test]
    fn a_late_answer_is_reviewed_and_never_applied() {
        let leases = [lease(1, 10, None)];
        for (state, case_waits) in [
            (TaskState::Answered, true),
            (TaskState::Cancelled, true),
            (TaskState::Assigned, false),
        ] {
            let context = AnswerContext {
                state,
                case_waits,
                ..open(&leases)
            };
            let verdict = judge(&context, Answer::NotRectified, post(1), &made(15));
            assert!(
                matches!(verdict, AnswerDecision::Review(r) if r.code == "task.late"),
                "{state}"
            );
        }
    }

    #[test]
    fn a_check_cannot_be_answered_like_a_verification() {
        let leases = [lease(1, 10, None)];
        let verdict = judge(&open(&leases), Answer::True, post(1), &made(15));
        assert!(matches!(verdict, AnswerDecision::Reject(r) if r.code == "task.answer_kind"));
    }

    proptest! {
        #[test]
        fn the_choice_does_not_depend_on_the_order(mut all in proptest::collection::vec((0u8..6, 0i64..4), 0..6), seed: u8) {
            let mut list: Vec<Candidate> = all.drain(..).map(|(n, t)| candidate(n, t)).collect();
            let first = choose(&list, None);
            let by = usize::from(seed) % list.len().max(1);
            list.rotate_left(by);
            prop_assert_eq!(choose(&list, None), first);
            if let Some(first) = first {
                prop_assert!(list.iter().all(|c| c.last_contact <= first.last_contact));
            }
        }
    }
}
