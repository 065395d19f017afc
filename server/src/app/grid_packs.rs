//! The grids in force, loaded from the object store: the cell of a point, the names of a cell.
//!
//! A pack is stored as handsets read it, and answers as it is from the moment it is loaded. A thread of its own then
//! rewrites it for many lookups ([`PackStyle::Server`]) and puts the result in its place
//! (`docs/adr/0026-second-format-of-the-pack.md`).

use super::{object_name::ObjectName, objects::Blobs};
use crate::{
    kernel::failure::Failure,
    params,
    store::{database::Store, error::StoreError, tx::Tx},
};
use bytes::Bytes;
use grid::pack::{Cell, PackBuf, PackStyle, WriteError, rewrite};
use protocol::{
    codes::{CellCode, CountyCode, GridVersion},
    geo::PointE7,
    photo::Sha256,
    problem::ProblemCode,
};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

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
    /// Held while new versions are loaded, so that none is loaded twice.
    loading: Arc<tokio::sync::Mutex<()>>,
    rewriter: Arc<Rewriter>,
}

/// A grid pack in memory.
pub(crate) struct Loaded {
    pub county: CountyCode,
    /// Of the pack as it is stored.
    pub sha256: Sha256,
    pub pack: PackBuf<Bytes>,
    form: PackForm,
}

/// Whether a pack in memory will be replaced by a faster one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PackForm {
    /// As it is stored, to be rewritten.
    Stored,
    /// For many lookups, or as it is stored because it could not be rewritten.
    Final,
}

/// The thread that rewrites packs: one at most, which rewrites one after the other.
#[derive(Default)]
struct Rewriter {
    is_running: Mutex<bool>,
    ended: Condvar,
}

impl Rewriter {
    fn is_running(&self) -> MutexGuard<'_, bool> {
        self.is_running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    pub fn version(&self) -> &GridVersion {
        &self.pack.meta().grid_version
    }

    fn rewritten(&self) -> Result<PackBuf<Bytes>, WriteError> {
        let bytes = rewrite(self.pack.view(), PackStyle::Server)?;
        Ok(PackBuf::open(Bytes::from(bytes))?)
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

    /// Loads the grids that took force since the last call, on any replica. Returns true if there were any. They answer
    /// when this returns, and faster as soon as they are rewritten.
    pub async fn renew(&self, store: &Store, blobs: &Blobs) -> Result<bool, Failure> {
        let _one_at_a_time = self.loading.lock().await;
        let wanted = store.read(in_force).await?;
        let old = self.all();
        let same = |p: &Loaded, w: &InForce| p.county == w.county && p.sha256 == w.sha256;
        if old.len() == wanted.len() && wanted.iter().all(|w| old.iter().any(|p| same(p, w))) {
            return Ok(false);
        }
        let mut new = Vec::new();
        for w in wanted.iter().filter(|w| !old.iter().any(|p| same(p, w))) {
            let found = blobs.get(&ObjectName::Reference { sha256: w.sha256 }).await;
            let bytes = found.map_err(|error| missing(w.county, error))?;
            let pack = PackBuf::open(bytes)
                .map_err(|e| Failure::internal(format!("the grid of {}: {e}", w.county)))?;
            new.push(Arc::new(Loaded {
                county: w.county,
                sha256: w.sha256,
                pack,
                form: PackForm::Stored,
            }));
        }
        {
            let mut packs = self.packs.write().unwrap_or_else(PoisonError::into_inner);
            // From the list as it is now: a pack of it may have been rewritten meanwhile.
            let both = || packs.iter().chain(&new);
            let all = wanted.iter().filter_map(|w| both().find(|p| same(p, w)));
            *packs = all.map(Arc::clone).collect();
        }
        self.start_rewriter();
        Ok(true)
    }

    /// Starts the thread that rewrites packs, unless it runs: it looks once more before it ends.
    fn start_rewriter(&self) {
        let mut is_running = self.rewriter.is_running();
        if *is_running {
            return;
        }
        let grids = self.clone();
        // Not one of the runtime's threads, which a server that stops waits for.
        let thread = std::thread::Builder::new().name("grid-rewriter".into());
        match thread.spawn(move || grids.rewrite_all()) {
            Ok(_) => *is_running = true,
            Err(error) => tracing::warn!(%error, "no thread to rewrite grid packs; lookups stay slower"),
        }
    }

    fn rewrite_all(&self) {
        while let Some(stored) = self.next_to_rewrite() {
            let pack = stored.rewritten().unwrap_or_else(|error| {
                let county = stored.county;
                tracing::warn!(%county, %error, "this grid cannot be rewritten; its lookups stay slower");
                stored.pack.clone()
            });
            self.put(&stored, pack);
        }
    }

    /// Puts a rewritten pack in the place of the stored one, unless another version took force meanwhile.
    fn put(&self, stored: &Arc<Loaded>, pack: PackBuf<Bytes>) {
        let new = Arc::new(Loaded {
            county: stored.county,
            sha256: stored.sha256,
            pack,
            form: PackForm::Final,
        });
        let mut packs = self.packs.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = packs.iter_mut().find(|p| Arc::ptr_eq(p, stored)) {
            *place = new;
        }
    }

    /// The next pack to rewrite. Without one, the thread is noted as ended in the same step: a pack that is loaded after
    /// that starts another.
    fn next_to_rewrite(&self) -> Option<Arc<Loaded>> {
        let mut is_running = self.rewriter.is_running();
        let next = self.all().into_iter().find(|p| p.form == PackForm::Stored);
        if next.is_none() {
            *is_running = false;
            self.rewriter.ended.notify_all();
        }
        next
    }

    /// Blocks until no loaded pack waits to be rewritten.
    pub fn wait_for_rewriter(&self) {
        let is_running = self.rewriter.is_running();
        let ended = self.rewriter.ended.wait_while(is_running, |running| *running);
        drop(ended.unwrap_or_else(PoisonError::into_inner));
    }

    /// The format and the bytes of each pack in memory, in the order of counties.
    pub fn in_memory(&self) -> Vec<(CountyCode, u16, usize)> {
        let all = self.all();
        let of = |p: &Arc<Loaded>| (p.county, p.pack.view().format_version(), p.pack.bytes().len());
        all.iter().map(of).collect()
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

#[cfg(test)]
mod tests;
