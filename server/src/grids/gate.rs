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
    coverage::{CountyOutlines, Coverage},
    pack::{Pack, PackBuf, PackUnit, UnitLevel},
};
use protocol::{
    codes::{CountyCode, GridVersion},
    photo::Sha256,
    problem::{FieldError, ProblemCode},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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

/// The new grid beside the county's outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OutlineComparison {
    /// Square metres of the outline.
    pub outline_m2: u64,
    /// Land of the outline that no cell covers.
    pub bare_m2: u64,
    /// Land of cells outside of the outline.
    pub beyond_m2: u64,
}

/// What the gate found out about a grid without faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Judged {
    pub compared: Option<GridComparison>,
    pub outline: Option<OutlineComparison>,
    /// Has to be confirmed by `replace`.
    pub asks: Vec<FieldError>,
    /// The pack that it was compared with.
    pub against: Option<Sha256>,
}

/// Compares a pack with the one in force in its county, and with the county's outline if there is one. A pack that is
/// missing in the object store is not compared: this import may be what puts it back. Where no grid is in force, the
/// city's own list of streets and communities (`listed`) says what the pack should cover.
pub(super) async fn judge(
    store: &Store,
    blobs: &Blobs,
    county: CountyCode,
    (sha256, pack): (Sha256, Bytes),
    outline: Option<CountyOutlines>,
    listed: &[PackUnit],
) -> Result<Judged, Failure> {
    let covered = match outline {
        Some(outline) => {
            let pack = pack.clone();
            let covered = tokio::task::spawn_blocking(move || {
                let pack = PackBuf::open(pack).map_err(Failure::internal)?;
                Ok::<_, Failure>(Coverage::of(&outline, county, pack.view()))
            });
            let covered = covered.await.map_err(Failure::internal)??;
            Some(covered.ok_or_else(|| no_outline(county))?)
        }
        None => None,
    };
    let mut judged = beside_the_one_in_force(store, blobs, county, (sha256, pack), listed).await?;
    if let Some(covered) = covered {
        judged.asks.extend(beside_outline(&covered));
        judged.outline = Some(OutlineComparison {
            outline_m2: whole(covered.outline_m2),
            bare_m2: whole(covered.bare_m2),
            beyond_m2: whole(covered.beyond_m2),
        });
    }
    Ok(judged)
}

fn no_outline(county: CountyCode) -> Failure {
    let error = field_error(
        "?outline",
        format!("边界文件中没有县区 {county}"),
        format!("the file of outlines has none of the county {county}"),
    );
    Failure::fields(ProblemCode::GridFaults, vec![error])
}

async fn beside_the_one_in_force(
    store: &Store,
    blobs: &Blobs,
    county: CountyCode,
    (sha256, pack): (Sha256, Bytes),
    listed: &[PackUnit],
) -> Result<Judged, Failure> {
    let Some((against, old)) = pack_in_force(store, blobs, county).await? else {
        let pack = PackBuf::open(pack).map_err(Failure::internal)?;
        let asks = elsewhere(pack.view()).into_iter();
        return Ok(Judged {
            asks: asks.chain(without_cells(pack.view(), county, listed)).collect(),
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
        outline: None,
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

/// Asks about land of the outline without a cell, and about cells outside of it.
fn beside_outline(found: &Coverage) -> Vec<FieldError> {
    let most = found.outline_m2 * CompareLimits::default().lost_land;
    let of = whole(found.outline_m2);
    let bare = (found.bare_m2 > most).then(|| {
        let bare = whole(found.bare_m2);
        field_error(
            "?replace",
            format!("县区边界 {of} 平方米中有 {bare} 平方米不属于任何单元网格"),
            format!("{bare} of {of} m2 of the outline belong to no cell"),
        )
    });
    let beyond = (found.beyond_m2 > most).then(|| {
        let beyond = whole(found.beyond_m2);
        field_error(
            "?replace",
            format!("单元网格有 {beyond} 平方米超出县区边界（{of} 平方米）"),
            format!("{beyond} m2 of cells lie outside of the outline ({of} m2)"),
        )
    });
    bare.into_iter().chain(beyond).collect()
}

/// Asks about the first grid of a county if it leaves out more than this share of the listed communities, or streets where
/// no communities are listed: a single cell must not come in force for a district unnoticed.
const LEFT_OUT: f64 = 0.1;
/// Names of such units that the question lists.
const NAMED: usize = 20;

fn without_cells(pack: Pack<'_>, county: CountyCode, listed: &[PackUnit]) -> Option<FieldError> {
    let of_county = |level: UnitLevel| {
        let units = listed
            .iter()
            .filter(move |unit| unit.level == level && unit.code.starts_with(county.as_str()));
        units.collect::<Vec<_>>()
    };
    let mut units = of_county(UnitLevel::Community);
    if units.is_empty() {
        units = of_county(UnitLevel::Street);
    }
    let covered: BTreeSet<String> = pack
        .cells()
        .flat_map(|cell| {
            let code = cell.code;
            [code.street().to_string(), code.community().to_string()]
        })
        .collect();
    let bare: Vec<&str> = units
        .iter()
        .filter(|unit| !covered.contains(&unit.code))
        .map(|unit| unit.name.as_str())
        .collect();
    let (n, of) = (bare.len(), units.len());
    #[expect(clippy::cast_precision_loss, reason = "numbers of communities")]
    let is_much = n as f64 > of as f64 * LEFT_OUT;
    let some: Vec<&str> = bare.into_iter().take(NAMED).collect();
    is_much.then(|| {
        field_error(
            "?replace",
            format!("名录中的 {of} 个单位有 {n} 个没有单元网格：{}", some.join("、")),
            format!("{n} of {of} listed units have no cell: {}", some.join(", ")),
        )
    })
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
