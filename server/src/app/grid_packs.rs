//! The grids in force, loaded from the object store: the cell of a point, the names of a cell.

use super::{object_name::ObjectName, objects::Blobs};
use crate::{
    kernel::failure::Failure,
    params,
    store::{database::Store, error::StoreError, tx::Tx},
};
use bytes::Bytes;
use grid::pack::{Cell, PackBuf};
use protocol::{
    codes::{CellCode, CountyCode, GridVersion},
    geo::PointE7,
    photo::Sha256,
    problem::ProblemCode,
};
use std::sync::{Arc, PoisonError, RwLock};

/// A place in the grid in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    pub cell: CellCode,
    pub grid: GridVersion,
}

/// The grids in force, by county; replaced together when a new version takes force.
#[derive(Clone, Default)]
pub struct Grids {
    packs: Arc<RwLock<Vec<Arc<Loaded>>>>,
}

/// A grid pack in memory.
pub(crate) struct Loaded {
    pub county: CountyCode,
    pub sha256: Sha256,
    pub pack: PackBuf<Bytes>,
}

impl Loaded {
    pub fn version(&self) -> &GridVersion {
        &self.pack.meta().grid_version
    }
}

/// The row of a grid in force.
struct InForce {
    county: CountyCode,
    sha256: Sha256,
}

impl Grids {
    /// Loads the grids in force. A damaged pack is an error, because a server must not start with wrong cells.
    pub async fn load(store: &Store, blobs: &Blobs) -> Result<Self, Failure> {
        let grids = Self::default();
        grids.renew(store, blobs).await?;
        Ok(grids)
    }

    /// Loads the grids that took force since the last call, on any replica. Returns true if there were any.
    pub async fn renew(&self, store: &Store, blobs: &Blobs) -> Result<bool, Failure> {
        let wanted = store.read(in_force).await?;
        let old = self.all();
        let same = |p: &Loaded, w: &InForce| p.county == w.county && p.sha256 == w.sha256;
        if old.len() == wanted.len() && wanted.iter().all(|w| old.iter().any(|p| same(p, w))) {
            return Ok(false);
        }
        let mut packs = Vec::with_capacity(wanted.len());
        for w in wanted {
            if let Some(kept) = old.iter().find(|p| same(p, &w)) {
                packs.push(Arc::clone(kept));
                continue;
            }
            let found = blobs.get(&ObjectName::Reference { sha256: w.sha256 }).await;
            let bytes = found.map_err(|error| missing(w.county, error))?;
            let pack = PackBuf::open(bytes)
                .map_err(|e| Failure::internal(format!("the grid of {}: {e}", w.county)))?;
            packs.push(Arc::new(Loaded {
                county: w.county,
                sha256: w.sha256,
                pack,
            }));
        }
        *self.packs.write().unwrap_or_else(PoisonError::into_inner) = packs;
        Ok(true)
    }

    /// The packs in force, in the order of counties.
    pub(crate) fn all(&self) -> Vec<Arc<Loaded>> {
        self.packs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, county: CountyCode) -> Option<Arc<Loaded>> {
        let packs = self.packs.read().unwrap_or_else(PoisonError::into_inner);
        packs.iter().find(|p| p.county == county).map(Arc::clone)
    }

    /// The cell that holds a WGS-84 point, in the grid in force there.
    pub fn locate(&self, point: PointE7) -> Option<Located> {
        self.all().iter().find_map(|loaded| {
            let cell = loaded.pack.view().cell_at(point)?;
            Some(Located {
                cell,
                grid: loaded.version().clone(),
            })
        })
    }
    /// The cells under a circle around a WGS-84 point, with their share of it, the greatest first.
    pub fn candidates(&self, point: PointE7, radius_m: f64) -> Vec<(CellCode, f64)> {
        let mut cells: Vec<(CellCode, f64)> = self
            .all()
            .iter()
            .flat_map(|loaded| loaded.pack.view().candidates(point, radius_m).cells)
            .map(|candidate| (candidate.cell, candidate.share))
            .collect();
        cells.sort_by(|a, b| b.1.total_cmp(&a.1));
        cells
    }
    /// Whether the code names a cell of a grid in force.
    pub fn knows(&self, cell: CellCode) -> Option<GridVersion> {
        let loaded = self.of(cell.county())?;
        loaded.pack.view().cell(cell)?;
        Some(loaded.version().clone())
    }
    /// `(street, community)` names of a cell; empty where the grid has no name.
    pub fn names(&self, cell: CellCode) -> Option<(String, String)> {
        let loaded = self.of(cell.county())?;
        let cell = loaded.pack.view().cell(cell)?;
        let name =
            |unit: Option<grid::pack::NamedUnit<'_>>| unit.map(|u| u.name.to_owned()).unwrap_or_default();
        Some((name(cell.street()), name(cell.community())))
    }
    /// The distance in metres from a WGS-84 point to the border of a cell of a grid in force, 0 inside of it.
    pub fn metres_to(&self, cell: CellCode, point: PointE7) -> Option<f64> {
        self.of(cell.county())?.pack.view().metres_to(cell, point)
    }
    /// A WGS-84 point inside the cell, for maps and distances.
    pub fn centre(&self, cell: CellCode) -> Option<PointE7> {
        let loaded = self.of(cell.county())?;
        let view = loaded.pack.view();
        let found = view.cell(cell)?;
        let inside = |point: &PointE7| view.cell_at(*point) == Some(cell);
        candidates(&found).find(inside).or_else(|| found.ring().next())
    }
}

/// Candidates for a point inside: the centroid, which may be outside of a concave cell, then the midpoints of the chords
/// between vertices. Every polygon has a diagonal that is inside.
fn candidates<'a>(cell: &Cell<'a>) -> impl Iterator<Item = PointE7> + use<'a> {
    let ring: Vec<PointE7> = cell.ring().collect();
    let chords = ring.clone().into_iter().enumerate().flat_map(move |(i, a)| {
        let rest: Vec<PointE7> = ring.iter().skip(i + 2).copied().collect();
        rest.into_iter().map(move |b| middle(a, b))
    });
    std::iter::once(cell.centroid()).chain(chords)
}

fn middle(a: PointE7, b: PointE7) -> PointE7 {
    let half = |x: i32, y: i32| i32::try_from(i64::midpoint(x.into(), y.into())).unwrap_or(x);
    PointE7 {
        lat: half(a.lat, b.lat),
        lon: half(a.lon, b.lon),
    }
}

/// The grid in force in a county: its hash, and its pack unless that is missing in the object store or damaged.
pub(crate) async fn pack_in_force(
    store: &Store,
    blobs: &Blobs,
    county: CountyCode,
) -> Result<Option<(Sha256, Option<PackBuf<Bytes>>)>, Failure> {
    let rows = store.read(in_force).await?;
    let Some(row) = rows.into_iter().find(|row| row.county == county) else {
        return Ok(None);
    };
    let found = blobs.get(&ObjectName::Reference { sha256: row.sha256 }).await;
    let pack = match found {
        Ok(bytes) => PackBuf::open(bytes).ok(),
        Err(error) if error.code() == Some(ProblemCode::NotFound) => None,
        Err(error) => return Err(error),
    };
    Ok(Some((row.sha256, pack)))
}

/// The hash of the grid in force in a county.
pub(crate) fn hash_in_force(tx: &mut Tx<'_>, county: CountyCode) -> Result<Option<Sha256>, StoreError> {
    let rows = in_force(tx)?;
    Ok(rows
        .into_iter()
        .find(|row| row.county == county)
        .map(|row| row.sha256))
}

/// Says what to do about a grid whose file is not in the object store.
fn missing(county: CountyCode, error: Failure) -> Failure {
    if error.code() != Some(ProblemCode::NotFound) {
        return error;
    }
    Failure::internal(format!(
        "{county} 的网格文件不在对象存储里，请停机后用 xunge-server grid import 重新导入 / the file of this grid is not in the \
         object store: import it again while the server is stopped"
    ))
}

/// The newest version in force of each county.
fn in_force(tx: &mut Tx<'_>) -> Result<Vec<InForce>, StoreError> {
    tx.all(
        "SELECT county, sha256 FROM (
             SELECT county, sha256,
                    ROW_NUMBER() OVER (PARTITION BY county ORDER BY in_force DESC, version DESC) AS place
             FROM grid WHERE in_force IS NOT NULL
         ) AS ranked WHERE place = 1 ORDER BY county",
        params![],
        |row| {
            Ok(InForce {
                county: row.parse("county")?,
                sha256: row.parse("sha256")?,
            })
        },
    )
}
