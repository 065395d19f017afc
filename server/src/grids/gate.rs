//! What an import changes, before it is in force: compared with the grid in force, asked where it loses something, and
//! warned of what nobody would see in the figures.

use crate::{
    app::grid_packs::pack_in_force,
    app::objects::Blobs,
    kernel::failure::{Failure, field_error},
    store::database::Store,
};
use bytes::Bytes;
use grid::{
    compare::{CompareLimits, Comparison},
    pack::{Pack, PackBuf},
};
use protocol::{
    codes::{CountyCode, GridVersion},
    photo::Sha256,
    problem::FieldError,
};
use serde::{Deserialize, Serialize};

/// The new grid beside the one in force in its county.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GridComparison {
    /// The version in force.
    pub version: GridVersion,
    pub cells_before: u64,
    pub cells_after: u64,
    /// Codes that the new grid has no more: their tasks and posts lose their place.
    pub cells_lost: u64,
    /// At most 20 of these codes.
    pub lost_codes: Vec<String>,
    pub cells_added: u64,
    /// Square metres on the ellipsoid, as all areas here.
    pub area_before_m2: u64,
    pub area_after_m2: u64,
    /// Land that the grid in force covers and the new one does not.
    pub area_lost_m2: u64,
    pub area_gained_m2: u64,
    /// Cells of the same code whose centre moved by more than a metre.
    pub cells_moved: u64,
    /// The largest of these distances, in whole metres.
    pub largest_move_m: u64,
    /// The cell that moved furthest.
    pub moved_furthest: Option<String>,
    /// Over all cells of the same code, in whole metres.
    pub median_move_m: u64,
}

/// What the gate found out about a grid without faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Judged {
    pub compared: Option<GridComparison>,
    /// Has to be confirmed by `replace`.
    pub asks: Vec<FieldError>,
    /// The pack that it was compared with.
    pub against: Option<Sha256>,
}

/// Compares a pack with the one in force in its county. A pack that is missing in the object store is not compared: this
/// import may be what puts it back.
pub(super) async fn judge(
    store: &Store,
    blobs: &Blobs,
    county: CountyCode,
    sha256: Sha256,
    pack: Bytes,
) -> Result<Judged, Failure> {
    let Some((against, old)) = pack_in_force(store, blobs, county).await? else {
        let asks = elsewhere(PackBuf::open(pack).map_err(Failure::internal)?.view());
        return Ok(Judged {
            asks: asks.into_iter().collect(),
            ..Judged::default()
        });
    };
    let Some(old) = old.filter(|_| against != sha256) else {
        return Ok(Judged {
            against: Some(against),
            ..Judged::default()
        });
    };
    let compared = tokio::task::spawn_blocking(move || {
        let new = PackBuf::open(pack).map_err(Failure::internal)?;
        let found = Comparison::of(old.view(), new.view());
        let mut asks = questions(&found);
        asks.extend(elsewhere(new.view()));
        Ok::<_, Failure>((figures(old.meta().grid_version.clone(), found), asks))
    });
    let (compared, asks) = compared.await.map_err(Failure::internal)??;
    Ok(Judged {
        compared: Some(compared),
        asks,
        against: Some(against),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "areas and distances on the globe, never negative"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

fn figures(version: GridVersion, found: Comparison) -> GridComparison {
    GridComparison {
        version,
        cells_before: found.cells_before as u64,
        cells_after: found.cells_after as u64,
        cells_lost: found.lost as u64,
        lost_codes: found.lost_codes,
        cells_added: found.added as u64,
        area_before_m2: whole(found.before_m2),
        area_after_m2: whole(found.after_m2),
        area_lost_m2: whole(found.lost_m2),
        area_gained_m2: whole(found.gained_m2),
        cells_moved: found.moved as u64,
        largest_move_m: whole(found.largest_move_m),
        moved_furthest: found.moved_furthest,
        median_move_m: whole(found.median_move_m),
    }
}

/// One question for each limit that is exceeded.
fn questions(found: &Comparison) -> Vec<FieldError> {
    let limits = CompareLimits::default();
    let mut asks = Vec::new();
    let mut ask = |zh: String, en: String| asks.push(field_error("?replace", zh, en));
    if found.lost > limits.lost_cells {
        let (lost, of, some) = (found.lost, found.cells_before, found.lost_codes.join(" "));
        ask(
            format!("现行 {of} 个单元网格中有 {lost} 个不再存在：{some}"),
            format!("{lost} of {of} cells in force exist no more: {some}"),
        );
    }
    if found.lost_m2 > found.before_m2 * limits.lost_land {
        let (lost, of) = (whole(found.lost_m2), whole(found.before_m2));
        ask(
            format!("现行范围 {of} 平方米中有 {lost} 平方米不再属于任何单元网格"),
            format!("{lost} of {of} m2 in force belong to no cell any more"),
        );
    }
    if found.largest_move_m > limits.move_m {
        let (most, median, moved) = (
            whole(found.largest_move_m),
            whole(found.median_move_m),
            found.moved,
        );
        let cell = found.moved_furthest.as_deref().unwrap_or_default();
        ask(
            format!(
                "{moved} 个单元网格移动了位置，最远 {most} 米（{cell}），中位数 {median} 米；请核对坐标系"
            ),
            format!(
                "{moved} cells moved, the furthest by {most} m ({cell}), the median by {median} m; check the datum"
            ),
        );
    }
    asks
}

/// Asks about a grid that is not in China.
fn elsewhere(pack: Pack<'_>) -> Option<FieldError> {
    let outside = pack.cells().map(|c| (c.code, c.centroid())).find(|(_, p)| {
        let (lat, lon) = p.degrees();
        !(72.0..=138.0).contains(&lon) || !(0.8..=56.0).contains(&lat)
    });
    outside.map(|(code, p)| {
        let (lat, lon) = p.degrees();
        field_error(
            "?replace",
            format!("{code} 位于纬度 {lat:.4}、经度 {lon:.4}，不在中国境内；请核对坐标"),
            format!(
                "{code} lies at latitude {lat:.4}, longitude {lon:.4}, outside China; check the coordinates"
            ),
        )
    })
}

/// Names that the font of the stamp on photos cannot print: a box would stand in their place.
pub(super) fn unprintable_names(pack: Pack<'_>) -> Vec<FieldError> {
    let unprintable = |name: &str| media::unprintable(name).unwrap_or_default();
    pack.units()
        .filter_map(|unit| {
            let missing: String = unprintable(unit.name).into_iter().collect();
            (!missing.is_empty()).then(|| {
                let name = unit.name;
                field_error(
                    unit.code.to_string(),
                    format!("照片水印的字库没有「{name}」中的「{missing}」，照片上会显示为方框"),
                    format!(
                        "the font of the stamp on photos has no {missing} of {name}; photos will show a box"
                    ),
                )
            })
        })
        .collect()
}
