//! Checks codes: well formed, of their level, unique, without serial 00, with their parent in the file.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, FindingKind};
use crate::level::{Level, parent_code};
use crate::loose::LooseArea;

pub(super) fn check(areas: &[LooseArea], findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let levels: BTreeSet<Level> = areas.iter().map(|a| a.area.level).collect();
    for LooseArea { area, .. } in areas {
        let mut bad = |kind, detail: String| {
            let place = area.ring.first().map(|&p| p.into());
            findings.push(Finding {
                kind,
                codes: vec![area.code.clone()],
                place,
                detail,
            });
        };
        if Level::of_code(&area.code) != Some(area.level) {
            let digits = area.level.digits();
            bad(
                FindingKind::CodeMalformed,
                format!("a code of this level has {digits} decimal digits"),
            );
            continue;
        }
        let times = seen.entry(&area.code).or_default();
        *times += 1;
        if *times == 2 {
            bad(FindingKind::CodeTwice, "the code occurs more than once".into());
        }
        // Check every serial, not only the last: 220104000101 has no street.
        let serials = area.code.as_bytes().get(6..).unwrap_or_default();
        if serials.as_chunks::<2>().0.contains(b"00") {
            bad(FindingKind::CodeZero, "serials run from 01 to 99".into());
        }
    }
    for LooseArea { area, .. } in areas {
        let Some(parent) = parent_code(&area.code) else {
            continue;
        };
        let is_level_there = area.level.parent().is_some_and(|l| levels.contains(&l));
        if is_level_there && !seen.contains_key(parent) {
            findings.push(Finding {
                kind: FindingKind::ParentMissing,
                codes: vec![area.code.clone()],
                place: area.ring.first().map(|&p| p.into()),
                detail: format!("{parent} is not in the file"),
            });
        }
    }
}
