//! The position fix of a report, as the acceptor is shown it: how exact and how old it is, and the cells that it leaves
//! open.

use super::file::CaseFile;
use crate::{
    app::grid_packs::Grids,
    entries::flags::{FixContext, FixLimits},
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{codes::CellCode, entry::Entry, evidence::Position, payload::Payload, time::Millis};
use serde::{Deserialize, Serialize};

/// Largest radius of the circle in which cells are looked up, in metres. A fix that is less exact says no more.
const FARTHEST_M: f64 = 2_000.0;
/// Candidates that are listed.
const CANDIDATES: usize = 8;

/// How a report's place was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CaseFix {
    /// Radius of the accuracy circle in centimetres, as reported by the provider.
    pub accuracy_cm: u32,
    /// `gps`, `network`, `fused`, `manual` (typed or dragged), or a value of a later app.
    pub provider: String,
    /// True if the platform marked the position as a mock location.
    pub mock: bool,
    /// Time of the fix by the provider's clock.
    pub fix_time: Millis,
    /// Its age when the report was made, milliseconds, by the handset's monotonic clock if the fix says when it was
    /// measured; else by its time, and negative for a fix time in the future.
    pub age_ms: i64,
    /// True if the fix is too inexact for one cell.
    pub imprecise: bool,
    /// Cells that the worker may have been in, most likely first; only for an imprecise fix, while the case has no cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<CaseCandidate>,
}

/// A cell under the accuracy circle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CaseCandidate {
    pub cell: CellCode,
    /// Street and community of the cell.
    pub cell_name: String,
    /// Its share of the circle, 0 to 1.
    pub share: f64,
}

/// The position of the report that the case shows; `None` for a case without a report or a report without a position.
pub(super) fn of_case(
    tx: &mut Tx<'_>,
    grids: &Grids,
    limits: FixLimits,
    file: &CaseFile,
) -> Result<Option<CaseFix>, StoreError> {
    let Some(entry) = file.entry else {
        return Ok(None);
    };
    let bytes: Option<Vec<u8>> = tx.opt(
        "SELECT bytes FROM entry WHERE id = ?1",
        params![entry.to_string()],
        |row| row.get("bytes"),
    )?;
    let Some((entry, Some(Payload::Report(report)))) = bytes.and_then(|bytes| Entry::read(&bytes).ok())
    else {
        return Ok(None);
    };
    let context = FixContext {
        made: file.reported,
        wall: entry.evidence.clock.wall,
        slack_ms: 0,
        monotonic_ms: Some(entry.evidence.clock.monotonic_ms),
    };
    let position = report.place.or(entry.evidence.position);
    Ok(position.map(|position| {
        let imprecise = limits.is_imprecise(&position);
        CaseFix {
            age_ms: context.age_ms(&position),
            candidates: if imprecise && file.cell.is_none() {
                candidates(grids, &position)
            } else {
                Vec::new()
            },
            imprecise,
            accuracy_cm: position.accuracy_cm,
            provider: position.provider,
            mock: position.mock,
            fix_time: position.fix_time,
        }
    }))
}

fn candidates(grids: &Grids, position: &Position) -> Vec<CaseCandidate> {
    if !position.point.is_on_globe() {
        return Vec::new();
    }
    let radius_m = (f64::from(position.accuracy_cm) / 100.0).min(FARTHEST_M);
    let mut cells = grids.candidates(position.point, radius_m);
    cells.truncate(CANDIDATES);
    let named = |(cell, share)| {
        let (street, community) = grids.names(cell).unwrap_or_default();
        CaseCandidate {
            cell,
            cell_name: format!("{street}{community}"),
            share,
        }
    };
    cells.into_iter().map(named).collect()
}
