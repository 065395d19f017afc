//! Both steps, one after the other.

use super::repaired::Repaired;
use super::{junctions, snap};
use crate::check::finding::FindingKind;
use crate::geom::{LocalFrame, Pt};
use crate::loose::{LooseFile, without_doubles};

/// Rounds of adding vertices: the parts of a border that got a vertex may meet another one.
const ROUNDS: usize = 4;

/// Repairs the areas of the file. `tolerance_m` 0 moves nothing, and adds only vertices that lie exactly on a border.
pub(crate) fn repair(file: &mut LooseFile, tolerance_m: f64) -> Repaired {
    let mut done = Repaired::default();
    let Some(&origin) = file.areas.iter().find_map(|a| a.area.ring.first()) else {
        return done;
    };
    let frame = LocalFrame::new(origin);
    if tolerance_m > 0.0 {
        snap::snap(&mut file.areas, &frame, tolerance_m, &mut done);
        shorten(file);
    }
    for _ in 0..ROUNDS {
        if junctions::insert(&mut file.areas, &frame, tolerance_m, &mut done) == 0 {
            break;
        }
    }
    done
}

/// Removes vertices that became equal; an area that has no ring any more is a fault.
fn shorten(file: &mut LooseFile) {
    let mut short: Vec<(String, Option<Pt>)> = Vec::new();
    file.areas.retain_mut(|loose| {
        without_doubles(&mut loose.area.ring);
        let is_ring = loose.area.ring.len() >= 3;
        if !is_ring {
            short.push((loose.area.code.clone(), loose.area.ring.first().copied()));
        }
        is_ring
    });
    for (code, place) in short {
        let detail = "smaller than the tolerance".into();
        file.fault(FindingKind::RingShort, code, place, detail);
    }
}
