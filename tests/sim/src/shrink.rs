//! From a day that breaks to the few events that break it.

use super::{judge::Rule, plan::Plan, world::live};

/// The rule that a plan breaks, if any.
fn breaks(plan: &Plan) -> Option<Rule> {
    live(plan, false).0.err().map(|broken| broken.rule)
}

/// Drops events as long as the same rule breaks; at most `tries` days are lived for it.
pub fn shrink(plan: &Plan, rule: Rule, tries: usize) -> Plan {
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
