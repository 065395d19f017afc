//! The plan of a district: its streets, communities and cells, their sizes and the order in which they are cut.
//!
//! The density model is assumed, not surveyed. An urban community (居委会) gets 0.42 to 0.76 km² and never more than
//! 0.9; villages (村委会) take the rest. Pure town streets are cut first and are nearest the seat; mixed ones place
//! their urban block on the side that faces the seat; a township's urban block is in its middle.

#![expect(
    clippy::indexing_slicing,
    reason = "indices of lists that were made here from the same list"
)]

use super::error::CutError;
use super::numbering::Numbering;
use super::source::{CommunityUnit, CountyUnits, StreetUnits};
use super::split::CutWish;
use super::store::{Ring, VertexStore};
use crate::geojson::GridFeature;
use crate::geom::{Metres, Pt};
use crate::level::Level;
use crate::synthetic::SeededRandom;

/// Parameters of a cut.
#[derive(Clone, Copy, Debug)]
pub struct Measures {
    /// Seed of all random choices.
    pub seed: u64,
    /// Minimum and maximum target area of an urban community, square metres.
    pub urban_m2: (f64, f64),
    /// An urban community above this area is cut again, square metres (the requirement is 0.9 km²).
    pub urban_cap_m2: f64,
    /// Minimum target area of a cell: a hectare (万米单元网格), square metres.
    pub cell_m2: f64,
    /// Target maximum number of cells in a community; two digits end at 99 (SJ-05).
    pub most_cells: f64,
    /// Distance in metres between the vertices of a border in town.
    pub spacing_m: f64,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            seed: 1,
            urban_m2: (420_000.0, 760_000.0),
            urban_cap_m2: 890_000.0,
            cell_m2: 10_000.0,
            most_cells: 95.0,
            spacing_m: 25.0,
        }
    }
}

/// How many random streams are tried when an urban community is too large.
const ATTEMPTS: u64 = 12;

/// Cuts one repaired outline. Returns the county, then each street followed by its communities, each followed by its
/// cells.
pub fn cut_outline(
    outline: &[Pt],
    units: &CountyUnits,
    numbering: &Numbering,
    seat: Option<Pt>,
    measures: &Measures,
) -> Result<Vec<GridFeature>, CutError> {
    for attempt in 0..ATTEMPTS {
        let seed = measures.seed.wrapping_add(attempt * 1_000_003);
        let plan = DistrictPlan::new(units, numbering, Measures { seed, ..*measures });
        if let Some(areas) = plan.cut(outline, seat)? {
            return Ok(areas);
        }
    }
    Err(CutError::NoCut(format!(
        "{}: an urban community above its limit in every attempt",
        units.code
    )))
}

struct DistrictPlan<'a> {
    units: &'a CountyUnits,
    numbering: &'a Numbering,
    measures: Measures,
    /// Area in square metres of a village of weight 1.
    village_m2: f64,
    /// Distance in metres between the vertices of a border between villages.
    village_spacing: f64,
}

impl<'a> DistrictPlan<'a> {
    fn new(units: &'a CountyUnits, numbering: &'a Numbering, measures: Measures) -> Self {
        Self {
            units,
            numbering,
            measures,
            village_m2: 0.0,
            village_spacing: measures.spacing_m,
        }
    }

    /// Returns the target area of an urban community, from a separate random stream.
    fn urban_wish(&self, c: &CommunityUnit) -> f64 {
        let (low, high) = self.measures.urban_m2;
        low + (high - low) * f64::midpoint(1.0, self.chance(&c.code).signed())
    }

    fn village_weight(&self, c: &CommunityUnit) -> f64 {
        1.0 + 0.35 * self.chance(&c.code).signed()
    }

    fn wish_m2(&self, c: &CommunityUnit) -> f64 {
        if c.is_urban() {
            self.urban_wish(c)
        } else {
            self.village_weight(c) * self.village_m2
        }
    }

    fn chance(&self, code: &str) -> SeededRandom {
        SeededRandom::named(self.measures.seed, code)
    }

    fn base(&self, near: Metres) -> CutWish {
        CutWish {
            tolerance: 0.04,
            spacing: self.measures.spacing_m,
            bow: 0.05,
            jitter: 0.05,
            direction: 0.15,
            nearness: 1.2,
            through: 0.0,
            near,
        }
    }

    /// Sort key: town streets first, then subdistricts, then by share of urban communities, then by code.
    fn order_key(s: &StreetUnits) -> (bool, bool, usize, &str) {
        let (town, all) = (s.urban_count(), s.communities.len());
        (
            town < all,
            !s.is_subdistrict(),
            1000 - 1000 * town / all.max(1),
            &s.code,
        )
    }

    /// Returns true for a subdistrict with an urban part: its borders get dense vertices.
    fn is_fine(s: &StreetUnits) -> bool {
        s.is_subdistrict() && s.urban_count() > 0
    }

    /// Cuts the outline; `None` when an urban community is too large.
    fn cut(mut self, outline: &[Pt], seat: Option<Pt>) -> Result<Option<Vec<GridFeature>>, CutError> {
        let (mut store, ring) = VertexStore::new(outline);
        let total = store.area_m2(&ring);
        let communities = || self.units.streets.iter().flat_map(|s| &s.communities);
        let town: f64 = communities()
            .filter(|c| c.is_urban())
            .map(|c| self.urban_wish(c))
            .sum();
        let villages: f64 = communities()
            .filter(|c| !c.is_urban())
            .map(|c| self.village_weight(c))
            .sum();
        if villages == 0.0 || town > 0.9 * total {
            let why = "no room for its urban communities, or no village to take the rest";
            return Err(CutError::NoCut(format!("{}: {why}", self.units.code)));
        }
        self.village_m2 = (total - town) / villages;
        let village_cell = (self.village_m2 / self.measures.most_cells).max(self.measures.cell_m2);
        self.village_spacing = (village_cell.sqrt() / 4.0).clamp(self.measures.spacing_m, 120.0);

        let mut order: Vec<&StreetUnits> = self
            .units
            .streets
            .iter()
            .filter(|s| !s.communities.is_empty())
            .collect();
        order.sort_by_key(|s| Self::order_key(s));
        let near = seat.map_or_else(|| store.centroid(&ring), |p| store.place(p));
        let county = GridFeature {
            level: Level::County,
            code: self.units.code.clone(),
            stat: self.units.code.clone(),
            name: self.units.name.clone(),
            is_urban: false,
            ring: store.points(&ring),
        };
        let (rings, seat) = self.streets(&mut store, ring, &order, near)?;

        let mut out = vec![county];
        for (street, ring) in order.iter().zip(rings) {
            if !self.street(&mut store, street, ring, seat, &mut out)? {
                return Ok(None);
            }
        }
        Ok(Some(out))
    }

    /// Returns the rings of the streets in their order, and the town's position.
    fn streets(
        &self,
        store: &mut VertexStore,
        ring: Ring,
        order: &[&StreetUnits],
        near: Metres,
    ) -> Result<(Vec<Ring>, Metres), CutError> {
        let core = order
            .iter()
            .take_while(|s| s.urban_count() == s.communities.len())
            .count();
        let weights: Vec<f64> = order
            .iter()
            .map(|s| s.communities.iter().map(|c| self.wish_m2(c)).sum())
            .collect();
        let base = self.base(near);
        let wish = |from: usize, to: usize| {
            let is_fine = order[from..to].iter().any(|s| Self::is_fine(s));
            CutWish {
                spacing: if is_fine {
                    self.measures.spacing_m
                } else {
                    self.village_spacing
                },
                bow: if is_fine { 0.03 } else { 0.07 },
                jitter: if is_fine { 0.04 } else { 0.15 },
                nearness: if is_fine || core > 0 { 1.2 } else { 0.2 },
                ..base
            }
        };
        let mut chance = self.chance(&self.units.code);
        if core == 0 || core == order.len() {
            let rings = store.partition(ring, &weights, &wish, &mut chance)?;
            let seat = if core > 0 {
                near
            } else {
                self.meeting_place(store, order, &rings).unwrap_or(near)
            };
            return Ok((rings, seat));
        }
        let share = weights[..core].iter().sum::<f64>() / weights.iter().sum::<f64>();
        let first = CutWish {
            nearness: 3.0,
            tolerance: 0.04,
            ..wish(0, order.len())
        };
        let no_core = || CutError::NoCut(format!("{}: no cut around its core", self.units.code));
        let (inner, outer) = store
            .split(&ring, share, &first, &mut chance)
            .ok_or_else(no_core)?;
        let mut rings = store.partition(inner, &weights[..core], &wish, &mut chance)?;
        let behind = |from: usize, to: usize| wish(from + core, to + core);
        rings.extend(store.partition(outer, &weights[core..], &behind, &mut chance)?);
        Ok((rings, near))
    }

    /// The centre of a county town is where its subdistricts meet: the vertex with the smallest sum of distances to
    /// them.
    fn meeting_place(&self, store: &VertexStore, order: &[&StreetUnits], rings: &[Ring]) -> Option<Metres> {
        let fine: Vec<Vec<Metres>> = order
            .iter()
            .zip(rings)
            .filter(|(s, _)| Self::is_fine(s))
            .map(|(_, r)| store.places(r))
            .collect();
        let mut best: Option<(f64, Metres)> = None;
        for &at in fine.iter().flat_map(|r| r.iter().step_by(4)) {
            let mut sum = 0.0;
            for ring in &fine {
                sum += ring
                    .iter()
                    .map(|m| m.minus(at))
                    .map(|d| d.dot(d))
                    .fold(f64::INFINITY, f64::min)
                    .sqrt();
                if best.is_some_and(|b| sum >= b.0) {
                    break;
                }
            }
            if best.is_none_or(|b| sum < b.0) {
                best = Some((sum, at));
            }
        }
        best.map(|b| b.1)
    }

    /// Cuts a street into communities, and each community into cells. False when an urban community is too large.
    fn street(
        &self,
        store: &mut VertexStore,
        street: &StreetUnits,
        ring: Ring,
        seat: Metres,
        out: &mut Vec<GridFeature>,
    ) -> Result<bool, CutError> {
        out.push(GridFeature {
            level: Level::Street,
            code: self.numbering.street(&street.code)?.to_string(),
            stat: street.code.clone(),
            name: street.name.clone(),
            is_urban: Self::is_fine(street),
            ring: store.points(&ring),
        });
        let mut communities = self.communities(store, street, ring, seat)?;
        communities.sort_by(|a, b| a.0.code.cmp(&b.0.code));
        for (community, ring) in communities {
            let area = store.area_m2(&ring);
            if community.is_urban() && area > self.measures.urban_cap_m2 {
                return Ok(false);
            }
            self.community(store, community, ring, area, out)?;
        }
        Ok(true)
    }

    fn communities<'s>(
        &self,
        store: &mut VertexStore,
        street: &'s StreetUnits,
        ring: Ring,
        seat: Metres,
    ) -> Result<Vec<(&'s CommunityUnit, Ring)>, CutError> {
        let mut chance = self.chance(&street.code);
        let mut all: Vec<&CommunityUnit> = street.communities.iter().collect();
        all.sort_by(|a, b| a.code.cmp(&b.code));
        let (town, villages): (Vec<_>, Vec<_>) = all.iter().copied().partition(|c| c.is_urban());
        if town.is_empty() || villages.is_empty() {
            return self.share_out(store, ring, &all, &mut chance);
        }
        let town_m2: f64 = town.iter().map(|c| self.wish_m2(c)).sum();
        let weight = |l: &[&CommunityUnit]| l.iter().map(|c| self.wish_m2(c)).sum::<f64>();
        let no_cut = |what: &str| CutError::NoCut(format!("{}: {what}", street.code));
        // The urban block of a subdistrict is on the side of the seat. A township is first halved through its middle,
        // and its urban block is placed on that line.
        let (ring, near, here, beyond) = if Self::is_fine(street) || villages.len() < 2 {
            (ring, seat, villages, None)
        } else {
            let middle = store.centroid(&ring);
            let (here, there) = villages.split_at(villages.len() / 2);
            let (a, b) = (weight(here) + town_m2, weight(there));
            let wish = CutWish {
                spacing: self.measures.spacing_m,
                bow: 0.04,
                jitter: 0.08,
                direction: 0.0,
                ..self.village_wish(seat)
            };
            let halves = store.split(&ring, a / (a + b), &wish, &mut chance);
            let (first, second) = halves.ok_or_else(|| no_cut("no first cut of a township"))?;
            (first, middle, here.to_vec(), Some((second, there.to_vec())))
        };
        let wish = self.base(near);
        let (town_ring, rest) = match store.pocket(&ring, town_m2, &wish, &mut chance) {
            Some(parts) => parts,
            None => {
                let share = town_m2 / store.area_m2(&ring);
                let wish = CutWish {
                    nearness: 3.0,
                    ..wish
                };
                store
                    .split(&ring, share, &wish, &mut chance)
                    .ok_or_else(|| no_cut("no place for its town"))?
            }
        };
        let mut out = self.share_out(store, town_ring, &town, &mut chance)?;
        out.extend(self.share_out(store, rest, &here, &mut chance)?);
        if let Some((ring, there)) = beyond {
            out.extend(self.share_out(store, ring, &there, &mut chance)?);
        }
        Ok(out)
    }

    fn village_wish(&self, near: Metres) -> CutWish {
        CutWish {
            tolerance: 0.08,
            spacing: self.village_spacing,
            bow: 0.08,
            jitter: 0.16,
            direction: 0.15,
            nearness: 0.0,
            ..self.base(near)
        }
    }

    /// Cuts a ring into these communities, each by its target area.
    fn share_out<'s>(
        &self,
        store: &mut VertexStore,
        ring: Ring,
        list: &[&'s CommunityUnit],
        chance: &mut SeededRandom,
    ) -> Result<Vec<(&'s CommunityUnit, Ring)>, CutError> {
        let near = store.centroid(&ring);
        let wish = if list.iter().all(|c| c.is_urban()) {
            CutWish {
                tolerance: 0.03,
                bow: 0.02,
                jitter: 0.03,
                direction: 0.6,
                nearness: 0.05,
                through: 0.06,
                ..self.base(near)
            }
        } else {
            self.village_wish(near)
        };
        let weights: Vec<f64> = list.iter().map(|c| self.wish_m2(c)).collect();
        let rings = store.partition(ring, &weights, &|_, _| wish, chance)?;
        Ok(list.iter().copied().zip(rings).collect())
    }

    /// Cuts a community into cells of at least a hectare, numbered from west to east in rows from the north.
    fn community(
        &self,
        store: &mut VertexStore,
        unit: &CommunityUnit,
        ring: Ring,
        area: f64,
        out: &mut Vec<GridFeature>,
    ) -> Result<(), CutError> {
        let code = self.numbering.community(&unit.code)?;
        let is_urban = unit.is_urban();
        out.push(GridFeature {
            level: Level::Community,
            code: code.to_string(),
            stat: unit.code.clone(),
            name: unit.name.clone(),
            is_urban,
            ring: store.points(&ring),
        });
        let hectares = area / self.measures.cell_m2;
        let wanted = if is_urban {
            hectares.round()
        } else {
            hectares.floor()
        };
        let count = wanted.clamp(1.0, self.measures.most_cells.min(99.0));
        let side = (area / count).sqrt();
        let wish = CutWish {
            tolerance: 0.14,
            spacing: if is_urban {
                self.measures.spacing_m
            } else {
                (side / 4.0).clamp(self.measures.spacing_m, 120.0)
            },
            bow: if is_urban { 0.012 } else { 0.04 },
            jitter: if is_urban { 0.03 } else { 0.1 },
            direction: 1.0,
            nearness: 0.0,
            through: if is_urban { 0.22 } else { 0.1 },
            ..self.base(store.centroid(&ring))
        };
        let weights = vec![1.0; whole(count)];
        let cells = store.partition(ring, &weights, &|_, _| wish, &mut self.chance(&unit.code))?;
        let mut rows: Vec<((i64, i64), Ring)> = cells
            .into_iter()
            .map(|r| {
                let at = store.centroid(&r);
                ((steps(-at.y / side), steps(at.x * 100.0)), r)
            })
            .collect();
        rows.sort_by_key(|r| r.0);
        for (serial, (_, ring)) in (1u8..).zip(rows) {
            out.push(GridFeature {
                level: Level::Cell,
                code: code
                    .cell(serial)
                    .map_err(|e| CutError::Numbering(e.to_string()))?
                    .to_string(),
                stat: unit.code.clone(),
                name: String::new(),
                is_urban,
                ring: store.points(&ring),
            });
        }
        Ok(())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "metres inside a district; it saturates"
)]
fn steps(v: f64) -> i64 {
    v.floor() as i64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 1 and 99"
)]
fn whole(v: f64) -> usize {
    v as usize
}
