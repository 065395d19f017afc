//! The case (案卷): its states and the one table of transitions T1..T15 of the requirements, as data.
//!
//! The server evaluates guards over facts; the table says which exist. Not in the table yet, so refused with
//! `case.transition`: T7/T8 缓受理, T16 无核查结案, T17/T18 作废 (two persons).

use crate::role::Role;

crate::text_enum! {
    /// Where a case stands.
    pub enum CaseState {
        /// 上报: reported from the field, waiting for an acceptor.
        Reported = "reported",
        /// 待核实: a citizen's report, sent to the inspector on duty in the cell.
        Verifying = "verifying",
        /// 属实: verified as true, waiting for an acceptor.
        Verified = "verified",
        /// 预立案: waiting for the shift leader.
        Prefiled = "prefiled",
        /// 退回受理: sent back by the shift leader to the acceptor.
        SentBack = "sent_back",
        /// 不立案
        NotFiled = "not_filed",
        /// 立案: waiting for dispatch by the command centre.
        Filed = "filed",
        /// 处置中: with a handling department, the deadline runs.
        Handling = "handling",
        /// 待批转: handled, feedback with the command centre.
        Handled = "handled",
        /// 核查栏: with the acceptor, to be sent for a check.
        CheckQueue = "check_queue",
        /// 核查中: a check task is in the field.
        Checking = "checking",
        /// 待结案: with the shift leader.
        AwaitClosing = "await_closing",
        /// 待二次派遣: closing refused, to be dispatched again.
        Redispatch = "redispatch",
        /// 结案
        Closed = "closed",
    }
}

impl CaseState {
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Reported => "上报",
            Self::Verifying => "待核实",
            Self::Verified => "属实",
            Self::Prefiled => "预立案",
            Self::SentBack => "退回受理",
            Self::NotFiled => "不立案",
            Self::Filed => "立案",
            Self::Handling => "处置中",
            Self::Handled => "待批转",
            Self::CheckQueue => "核查栏",
            Self::Checking => "核查中",
            Self::AwaitClosing => "待结案",
            Self::Redispatch => "待二次派遣",
            Self::Closed => "结案",
        }
    }
    /// No transition leads out of it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::NotFiled)
    }
}

crate::text_enum! {
    /// What is done to a case. Several actions may share one id of the requirements (T3 has two outcomes).
    pub enum Action {
        /// T1 上报
        Report = "report",
        /// T2 公众举报登记
        Register = "register",
        /// T3 核实: 属实
        ConfirmTrue = "confirm_true",
        /// T3 核实: 不属实
        ConfirmFalse = "confirm_false",
        /// T4 预立案
        Prefile = "prefile",
        /// T5 立案
        File = "file",
        /// T6 回退
        SendBack = "send_back",
        /// T6 不立案
        Decline = "decline",
        /// T9 派遣
        Dispatch = "dispatch",
        /// T10 处置反馈
        Handle = "handle",
        /// T11 批转
        Forward = "forward",
        /// T12 发核查
        SendCheck = "send_check",
        /// T13 核查反馈
        CheckResult = "check_result",
        /// T14 结案
        Close = "close",
        /// T15 回退指挥中心
        Rework = "rework",
    }
}

crate::text_enum! {
    /// A condition that a transition asks for; a case that does not meet it stays where it is, with the reason.
    pub enum Guard {
        /// 类型和位置已填写: matter code and cell are known (T4).
        TypeAndPlace = "type_and_place",
        /// 意见已填写
        Opinion = "opinion",
        /// 等级已定 (T5)
        Level = "level",
        /// 处置部门已定 (T9)
        Department = "department",
        /// 处置时限已定 (T9)
        Deadline = "deadline",
        /// 处置后照片 (T10)
        AfterPhoto = "after_photo",
        /// 核查结果为已整改 (T14)
        CheckPassed = "check_passed",
    }
}

impl Guard {
    /// What is missing, in words that say what to do.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::TypeAndPlace => "需先填写类型和位置",
            Self::Opinion => "需填写意见",
            Self::Level => "需先定等级",
            Self::Department => "需指定处置部门",
            Self::Deadline => "需给出处置时限",
            Self::AfterPhoto => "需附处置后照片",
            Self::CheckPassed => "核查未通过，不能结案",
        }
    }
    pub const fn en(self) -> &'static str {
        match self {
            Self::TypeAndPlace => "type and place must be filled first",
            Self::Opinion => "an opinion is required",
            Self::Level => "the level must be set",
            Self::Department => "a handling department must be named",
            Self::Deadline => "a deadline must be given",
            Self::AfterPhoto => "a photo after handling is required",
            Self::CheckPassed => "the check did not pass, the case cannot be closed",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The id in the requirements, `T1`..`T15`.
    pub id: &'static str,
    pub action: Action,
    /// Empty: the action creates the case.
    pub from: &'static [CaseState],
    pub by: Role,
    pub to: CaseState,
    pub guards: &'static [Guard],
}

/// The table T1..T6, T9..T15. The only place that says how a case may move.
pub const TRANSITIONS: &[Transition] = {
    use CaseState as S;
    use Guard as G;
    &[
        row("T1", Action::Report, &[], Role::Patroller, S::Reported, &[]),
        row(
            "T2",
            Action::Register,
            &[],
            Role::Acceptor,
            S::Verifying,
            &[G::TypeAndPlace],
        ),
        row(
            "T3",
            Action::ConfirmTrue,
            &[S::Verifying],
            Role::Patroller,
            S::Verified,
            &[],
        ),
        row(
            "T3",
            Action::ConfirmFalse,
            &[S::Verifying],
            Role::Patroller,
            S::NotFiled,
            &[],
        ),
        row(
            "T4",
            Action::Prefile,
            &[S::Reported, S::Verified, S::SentBack],
            Role::Acceptor,
            S::Prefiled,
            &[G::TypeAndPlace],
        ),
        row(
            "T5",
            Action::File,
            &[S::Prefiled],
            Role::ShiftLeader,
            S::Filed,
            &[G::TypeAndPlace, G::Level, G::Opinion],
        ),
        row(
            "T6",
            Action::SendBack,
            &[S::Prefiled],
            Role::ShiftLeader,
            S::SentBack,
            &[G::Opinion],
        ),
        row(
            "T6",
            Action::Decline,
            &[S::SentBack],
            Role::Acceptor,
            S::NotFiled,
            &[G::Opinion],
        ),
        row(
            "T9",
            Action::Dispatch,
            &[S::Filed, S::Redispatch],
            Role::CommandCentre,
            S::Handling,
            &[G::Department, G::Deadline],
        ),
        row(
            "T10",
            Action::Handle,
            &[S::Handling],
            Role::Department,
            S::Handled,
            &[G::Opinion, G::AfterPhoto],
        ),
        row(
            "T11",
            Action::Forward,
            &[S::Handled],
            Role::CommandCentre,
            S::CheckQueue,
            &[],
        ),
        row(
            "T12",
            Action::SendCheck,
            &[S::CheckQueue],
            Role::Acceptor,
            S::Checking,
            &[],
        ),
        row(
            "T13",
            Action::CheckResult,
            &[S::Checking],
            Role::Patroller,
            S::AwaitClosing,
            &[],
        ),
        row(
            "T14",
            Action::Close,
            &[S::AwaitClosing],
            Role::ShiftLeader,
            S::Closed,
            &[G::CheckPassed, G::Opinion],
        ),
        row(
            "T15",
            Action::Rework,
            &[S::AwaitClosing],
            Role::ShiftLeader,
            S::Redispatch,
            &[G::Opinion],
        ),
    ]
};

const fn row(
    id: &'static str,
    action: Action,
    from: &'static [CaseState],
    by: Role,
    to: CaseState,
    guards: &'static [Guard],
) -> Transition {
    Transition {
        id,
        action,
        from,
        by,
        to,
        guards,
    }
}

/// Why an action does not apply to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{action} does not lead out of {state}", action = .action.as_str(), state = .state.as_str())]
pub struct NoTransition {
    pub action: Action,
    pub state: CaseState,
}

/// The row for `action` out of `state`.
pub fn transition(state: CaseState, action: Action) -> Result<&'static Transition, NoTransition> {
    TRANSITIONS
        .iter()
        .find(|t| t.action == action && t.from.contains(&state))
        .ok_or(NoTransition { action, state })
}

/// What may be done now, with what each still asks for: the console shows only these.
pub fn allowed(state: CaseState) -> impl Iterator<Item = &'static Transition> {
    TRANSITIONS.iter().filter(move |t| t.from.contains(&state))
}

/// The diagram of the docs, as Mermaid text.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n");
    for t in TRANSITIONS {
        let froms: Vec<&str> = if t.from.is_empty() {
            vec!["[*]"]
        } else {
            t.from.iter().map(|s| s.as_str()).collect()
        };
        for from in froms {
            text.push_str(&format!(
                "    {from} --> {}: {} {} ({})\n",
                t.to,
                t.id,
                t.action,
                t.by.zh()
            ));
        }
    }
    for state in CaseState::ALL.iter().filter(|s| s.is_final()) {
        text.push_str(&format!("    {state} --> [*]\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_state_is_reached_and_only_final_ones_are_left_by_nothing() {
        let mut reached = BTreeSet::new();
        for t in TRANSITIONS {
            reached.insert(t.to);
        }
        for state in CaseState::ALL {
            assert!(reached.contains(state), "{state} is never reached");
            assert_eq!(allowed(*state).count() == 0, state.is_final(), "{state}");
        }
    }

    #[test]
    fn an_action_leads_from_a_state_to_one_place_only() {
        for state in CaseState::ALL {
            let actions: Vec<Action> = allowed(*state).map(|t| t.action).collect();
            let distinct: BTreeSet<Action> = actions.iter().copied().collect();
            assert_eq!(actions.len(), distinct.len(), "{state}");
        }
    }

    #[test]
    fn whatever_the_table_does_not_name_is_refused() {
        let mut named = 0;
        for state in CaseState::ALL {
            for action in Action::ALL {
                match transition(*state, *action) {
                    Ok(t) => {
                        assert!(t.from.contains(state));
                        named += 1;
                    }
                    Err(e) => assert_eq!(
                        e,
                        NoTransition {
                            action: *action,
                            state: *state
                        }
                    ),
                }
            }
        }
        assert_eq!(named, TRANSITIONS.iter().map(|t| t.from.len()).sum::<usize>());
    }

    #[test]
    fn a_returned_case_is_dispatched_again_by_t9() {
        let back = transition(CaseState::AwaitClosing, Action::Rework).unwrap();
        let again = transition(back.to, Action::Dispatch).unwrap();
        assert_eq!((again.id, again.to), ("T9", CaseState::Handling));
    }
}
