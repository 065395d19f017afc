//! Compares the lookup (point to cell) with geo + rstar in the same run: `cargo xtask bench lookup`.
//!
//! For about 2,500 and 100,000 cells it prints a line `promise=… ours=… peer=… ratio=… goal=… ok|short` (nanoseconds
//! per lookup, medians of paired rounds, one thread) and the number of results that differ from brute force. Any
//! difference makes the run fail; a short ratio does not, because timings on a shared machine are unreliable.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use geo::{Contains, LineString, Point, Polygon};
use grid::geom::{Bounds, Pt, edges, holds};
use grid::pack::{Pack, PackBuf, PackInput, PackMeta, write};
use grid::synthetic::{SeededRandom, mesh};
use protocol::codes::{CellCode, GridVersion};
use protocol::geo::{Datum, PointE7};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

const GOAL: f64 = 5.0;
const POINTS: usize = 500_000;
const ROUNDS: usize = 5;
/// Number of points that are compared with a scan over every cell, without any index.
const SAMPLE: usize = 1_000;

type Cells = Vec<(CellCode, Vec<Pt>)>;

fn main() -> anyhow::Result<ExitCode> {
    let mut differences = 0;
    for (name, side) in [("lookup_2500", 50), ("lookup_100k", 321)] {
        differences += promise(name, side)?;
    }
    println!("differences={differences}");
    Ok(if differences == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn promise(name: &str, side: u16) -> anyhow::Result<usize> {
    let cells = mesh(side, 11);
    let buf = PackBuf::open(packed(&cells)?)?;
    let peer = Peer::of(&cells);
    let random = random_points(&cells, POINTS);
    let pack = buf.view();
    let (mut ours, mut theirs, mut handle) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // Both sides return the cell's code; the cost of the handle alone is printed separately.
        ours.push(nanoseconds(&random, |p| pack.cell_at(p)));
        theirs.push(nanoseconds(&random, |p| {
            peer.find(p).and_then(|k| cells.get(k)).map(|c| c.0)
        }));
        handle.push(nanoseconds(&random, |p| pack.find(p)));
    }
    let (ours, theirs, handle) = (median(ours), median(theirs), median(handle));
    let ratio = theirs / ours;
    let verdict = if ratio >= GOAL { "ok" } else { "short" };
    println!("promise={name} ours={ours:.0}ns peer={theirs:.0}ns ratio={ratio:.1} goal={GOAL:.0} {verdict}");
    let differences = differences(&pack, &cells, &random);
    let bytes_per_cell = buf.bytes().len() / cells.len().max(1);
    println!(
        "  cells={} handle_only={handle:.0}ns bytes_per_cell={bytes_per_cell} differences={differences}",
        cells.len()
    );
    Ok(differences)
}

fn packed(cells: &Cells) -> anyhow::Result<Vec<u8>> {
    let meta = PackMeta {
        grid_version: GridVersion("999999.1".into()),
        datum: Datum::Wgs84,
        source_datum: Datum::Wgs84,
        source_datum_verified: false,
        county: None,
        source_sha256: String::new(),
        borders: "synthetic".into(),
    };
    Ok(write(PackInput {
        meta,
        cells: cells.clone(),
        units: vec![],
    })?)
}

fn random_points(cells: &Cells, count: usize) -> Vec<PointE7> {
    let Some(all) = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())) else {
        return vec![];
    };
    let mut chance = SeededRandom::new(77);
    (0..count)
        .map(|_| PointE7 {
            lon: chance.within(all.min.x, all.max.x),
            lat: chance.within(all.min.y, all.max.y),
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn nanoseconds<T>(points: &[PointE7], ask: impl Fn(PointE7) -> T) -> f64 {
    let start = Instant::now();
    for &point in points {
        black_box(ask(black_box(point)));
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of points")]
    let n = points.len() as f64;
    start.elapsed().as_secs_f64() * 1e9 / n
}

fn median(mut v: Vec<f64>) -> f64 {
    v.sort_by(f64::total_cmp);
    v.get(v.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The usual alternative: an R*-tree of bounding boxes, then `Contains` on the polygons.
struct Peer {
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
    polygons: Vec<Polygon<f64>>,
}

impl Peer {
    fn of(cells: &Cells) -> Self {
        let degrees = |p: Pt| [f64::from(p.x) / 1e7, f64::from(p.y) / 1e7];
        let boxes = cells.iter().enumerate().filter_map(|(k, (_, ring))| {
            let b = Bounds::of(ring.iter().copied())?;
            let corners = AABB::from_corners(degrees(b.min), degrees(b.max));
            Some(GeomWithData::new(Rectangle::from_aabb(corners), k))
        });
        let polygon =
            |ring: &[Pt]| Polygon::new(LineString::from_iter(ring.iter().map(|&p| degrees(p))), vec![]);
        Self {
            tree: RTree::bulk_load(boxes.collect()),
            polygons: cells.iter().map(|(_, ring)| polygon(ring)).collect(),
        }
    }

    fn find(&self, p: PointE7) -> Option<usize> {
        let (lat, lon) = p.degrees();
        let point = Point::new(lon, lat);
        self.tree
            .locate_all_at_point(&[lon, lat])
            .map(|found| found.data)
            .find(|k| {
                self.polygons
                    .get(*k)
                    .is_some_and(|polygon| polygon.contains(&point))
            })
    }
}

/// Counts results that differ from brute force: random points, points on and beside every border, and every vertex
/// with its neighbours, against all cells whose bounding box contains the point; and a sample of points against all
/// cells.
fn differences(pack: &Pack<'_>, cells: &Cells, random: &[PointE7]) -> usize {
    let boxes = Boxes::of(cells);
    let mut chance = SeededRandom::new(5);
    let mut wrong = 0;
    let mut ask = |p: Pt| wrong += usize::from(pack.cell_at(p.into()) != boxes.owner(p));
    for &p in random {
        ask(p.into());
    }
    for (a, b) in cells.iter().flat_map(|(_, ring)| edges(ring)) {
        for (dx, dy) in [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)] {
            ask(Pt::new(a.x + dx, a.y + dy));
        }
        let t = i64::from(chance.within(0, 1_000));
        let on = |s: i32, e: i32| i32::try_from(i64::from(s) + i64::from(e - s) * t / 1_000).unwrap_or(s);
        ask(Pt::new(on(a.x, b.x), on(a.y, b.y)));
    }
    for &p in random.iter().step_by((random.len() / SAMPLE).max(1)) {
        let p = Pt::from(p);
        let owner = cells.iter().filter(|(_, ring)| holds(ring, p)).map(|c| c.0).min();
        wrong += usize::from(pack.cell_at(p.into()) != owner);
    }
    wrong
}

/// Cells by the squares that their bounding boxes intersect: an index simple enough to be the reference.
struct Boxes<'a> {
    cells: &'a Cells,
    squares: HashMap<(i32, i32), Vec<(usize, Bounds)>>,
}

impl<'a> Boxes<'a> {
    fn of(cells: &'a Cells) -> Self {
        let mut squares: HashMap<(i32, i32), Vec<(usize, Bounds)>> = HashMap::new();
        for (k, (_, ring)) in cells.iter().enumerate() {
            let Some(b) = Bounds::of(ring.iter().copied()) else {
                continue;
            };
            for x in b.min.x >> 14..=b.max.x >> 14 {
                for y in b.min.y >> 14..=b.max.y >> 14 {
                    squares.entry((x, y)).or_default().push((k, b));
                }
            }
        }
        Self { cells, squares }
    }

    fn owner(&self, p: Pt) -> Option<CellCode> {
        let near = self.squares.get(&(p.x >> 14, p.y >> 14)).into_iter().flatten();
        let cells = near
            .filter(|(_, b)| b.contains(p))
            .filter_map(|(k, _)| self.cells.get(*k));
        cells.filter(|(_, ring)| holds(ring, p)).map(|c| c.0).min()
    }
}
