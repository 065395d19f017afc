//! Where the worker is: cells of the grid (网格), with and without a fix.

use crate::{
    handset::Handset,
    types::{all, count},
    words::{Words, both},
};
use terminal_core::{
    grid::{
        BorderKind, CandidateCell, CellName, ListedCommunity, ListedStreet, MapArea, MapBorder, MapCell,
        MapDetail, NearCell, PlaceAnswer,
    },
    protocol::{
        codes::{CellCode, CommunityCode, StreetCode},
        evidence::Position,
        geo::PointE7,
    },
    store,
    words::fix::FixDoubt,
    work,
};

record! {
    /// A cell with the names of its street and community.
    Cell from CellName as cell {
        /// Code and names in one line.
        line: String = cell.words(),
        code: CellCode = cell.code,
        street: Option<String> = cell.street,
        community: Option<String> = cell.community,
    }
}

record! {
    /// A cell that the worker may be in, with its share of the accuracy circle.
    Candidate from CandidateCell as candidate {
        cell: Cell = candidate.cell.into(),
        share: f64 = candidate.share,
    }
}

record! {
    /// A cell near a point; the distance to its border in metres.
    CellNearby from NearCell as near {
        cell: Cell = near.cell.into(),
        metres: f64 = near.metres,
    }
}

record! {
    /// A street (街道) that has cells.
    Street from ListedStreet as street {
        code: StreetCode = street.code,
        name: Option<String> = street.name,
        cells: u32 = count(street.cells),
    }
}

record! {
    /// A community (社区) that has cells.
    Community from ListedCommunity as community {
        code: CommunityCode = community.code,
        name: Option<String> = community.name,
        cells: u32 = count(community.cells),
    }
}

record! {
    /// The last fix that was used; its age in milliseconds, null if the phone was restarted since.
    UsedFix from store::LastFix as fix {
        position: Position = fix.position,
        age_ms: Option<i64> = fix.age_ms,
    }
}

record! {
    /// Why the centre will doubt a fix, with a stable code: what to do about it, and of an item that was filed, what it is.
    PlaceDoubt from FixDoubt as doubt {
        code: String = doubt.code().into(),
        words: Words = both(|lang| doubt.words(lang)),
        fact: Words = both(|lang| doubt.fact(lang)),
    }
}

record! {
    /// How good a fix is. Null for a place chosen by hand: its age in milliseconds.
    Fix from work::FixView as fix {
        /// 「卫星定位 · ±8 米 · 12 秒前」
        line: Words = both(|lang| fix.line(lang)),
        age_ms: Option<i64> = fix.age_ms,
        mock: bool = fix.mock,
        doubts: Vec<PlaceDoubt> = all(fix.doubts),
    }
}

/// What a border of a map divides: two communities of one street, two streets, or the grid and what is outside it.
#[uniffi::remote(Enum)]
pub enum BorderKind {
    Community,
    Street,
    Outer,
}

/// The finest that a map's area contains; everything coarser is in it too.
#[uniffi::remote(Enum)]
pub enum MapDetail {
    Outline,
    Streets,
    Communities,
    Cells,
}

record! {
    /// A cell of a map. Points cross as one list: latitude, longitude, latitude and so on, WGS-84 in 10^-7 degrees.
    CellOnMap from MapCell as cell {
        cell: Cell = cell.cell.into(),
        /// Its vertices counter-clockwise, the first not repeated.
        ring: Vec<i32> = flat(&cell.ring),
        centre: PointE7 = cell.centre,
    }
}

record! {
    /// A border of a map, with its points as in a cell of a map.
    BorderOnMap from MapBorder as border {
        kind: BorderKind = border.kind,
        points: Vec<i32> = flat(&border.points),
    }
}

record! {
    /// What a map draws inside a rectangle. `is_generated`: the borders were not surveyed, which the map has to say.
    GridOnMap from MapArea as area {
        is_generated: bool = area.generated,
        detail: MapDetail = area.detail,
        /// At most 2,000; empty if the detail is coarser.
        cells: Vec<CellOnMap> = all(area.cells),
        borders: Vec<BorderOnMap> = all(area.borders),
    }
}

fn flat(points: &[PointE7]) -> Vec<i32> {
    points.iter().flat_map(|point| [point.lat, point.lon]).collect()
}

variants! {
    /// What the grid says about a point. Distances in metres, shares from 0 to 1.
    Place from PlaceAnswer {
        /// The next sync fetches the grid.
        NoGrid from PlaceAnswer::NoGrid,
        In {
            grid: String = grid.0,
            cell: Cell = cell.into(),
            candidates: Vec<Candidate> = all(candidates),
            outside: f64 = outside,
        } from PlaceAnswer::In { grid, cell, candidates, outside },
        Outside {
            grid: String = grid.0,
            nearest: Option<CellNearby> = nearest.map(|(cell, metres)| NearCell { cell, metres }.into()),
            candidates: Vec<Candidate> = all(candidates),
        } from PlaceAnswer::Outside { grid, nearest, candidates },
    }
}

calls! { self: Handset,
    /// Looks a point up. Unit of the accuracy: centimetres.
    where_is(point: PointE7, accuracy_cm: Option<u32>) -> Place =
        self.core.where_is(point, accuracy_cm)?.answer.into();
    /// Judges a fix of this boot as the centre will.
    judge_fix(fix: Position) -> Fix = self.core.judge_fix(&fix)?.into();
    last_fix() -> Option<UsedFix> = self.core.last_fix()?.map(Into::into);
    /// The nearest cells, nearest first.
    cells_near(point: PointE7, limit: u32) -> Vec<CellNearby> =
        all(self.core.cells_near(point, limit as usize)?);
    /// The cells and borders inside the rectangle with these opposite corners; null without a grid.
    map_area(corner: PointE7, opposite: PointE7) -> Option<GridOnMap> =
        self.core.map_area(corner, opposite)?.map(Into::into);
    streets() -> Vec<Street> = all(self.core.streets()?);
    communities(street: StreetCode) -> Vec<Community> = all(self.core.communities(street)?);
    cells_of(community: CommunityCode) -> Vec<Cell> = all(self.core.cells_of(community)?);
}
