//! Reduces a failing plan to the few events that make it fail.

use super::{judge::Invariant, plan::DayPlan, world::run_plan};

/// The invariant that a plan violates, if any.
fn breaks(plan: &DayPlan) -> Option<Invariant> {
    run_plan(plan, false).0.err().map(|violation| violation.rule)
}

/// Removes events while the same invariant stays violated; runs at most `tries` days.
pub fn shrink(plan: &DayPlan, rule: Invariant, tries: usize) -> DayPlan {
    let mut least = plan.clone();
    let mut left = tries;
    let mut size = least.events.len().div_ceil(2);
    while size > 0 && left > 0 {
        let mut at = 0;
        let mut dropped = false;
        while at < least.events.len() && left > 0 {
            let mut fewer = least.clone();
            let end = (at + size).min(fewer.events.len());
            fewer.events.drain(at..end);
            left -= 1;
            if breaks(&fewer) == Some(rule) {
                least = fewer;
                dropped = true;
            } else {
                at = end;
            }
        }
        if !dropped || size > 1 {
            size /= 2;
        }
    }
    least
}
