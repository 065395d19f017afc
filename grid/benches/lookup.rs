//! Compares the lookup (point to cell) with geo + rstar in the same run: `cargo xtask bench lookup`.
//!
//! Also what comes before the lookups ([`opening`]): opening a file with the first answer beside flatgeobuf, and rewriting a
//! pack.
//!
//! For about 2,500, 100,000 and 1,000,000 cells it prints lines `promise=… ours=… peer=… ratio=… goal=… ok|MISSED` (medians
//! of paired rounds, one thread) and the number of results that differ from brute force. Any difference makes the run
//! fail; a missed ratio does not, because timings on a shared machine are unreliable. `--only NAME` runs one size.

#[path = "lookup/opening.rs"]
mod opening;

use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use geo::{Contains, LineString, Point, Polygon};
use grid::geom::{Bounds, Pt, edges, holds};
use grid::pack::{Pack, PackBuf, PackInput, PackMeta, PackStyle, write_as};
use grid::synthetic::{SeededRandom, mesh};
use protocol::codes::{CellCode, GridVersion};
use protocol::geo::{Datum, PointE7};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

const POINTS: usize = 500_000;
const ROUNDS: usize = 7;
/// Points of a batch.
const BATCH: usize = 4_096;
/// Most points that are compared with a scan over every cell, without any index, and most cells scanned for all of them.
const SAMPLE: usize = 1_000;
const SCANNED: usize = 100_000_000;
/// Radius of the accuracy circle, in metres: a good fix in a street.
const RADIUS_M: f64 = 30.0;
const CIRCLES: usize = 5_000;

type Cells = Vec<(CellCode, Vec<Pt>)>;

/// A size that is measured, and what is owed.
struct Size {
    name: &'static str,
    /// Cells in either direction, before the lakes are left out.
    side: u16,
    single: f64,
    batch: f64,
    /// Every how many cells the borders are compared with brute force.
    step: usize,
    /// Format 1 is measured too.
    with_first: bool,
}

const SIZES: [Size; 3] = [
    Size {
        name: "lookup_2500",
        side: 50,
        single: 10.0,
        batch: 12.0,
        step: 1,
        with_first: true,
    },
    Size {
        name: "lookup_100k",
        side: 321,
        single: 8.0,
        batch: 25.0,
        step: 10,
        with_first: true,
    },
    Size {
        name: "lookup_1m",
        side: 1016,
        single: 10.0,
        batch: 20.0,
        step: 100,
        with_first: false,
    },
];

fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().collect();
    let only = args
        .iter()
        .position(|a| a == "--only")
        .and_then(|k| args.get(k + 1));
    let mut differences = 0;
    for size in SIZES.iter().filter(|s| only.is_none_or(|only| only == s.name)) {
        differences += promise(size)?;
    }
    println!("differences={differences}");
    Ok(if differences == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints one line. A ratio is owed from `goal` on, a cost up to it.
fn line(name: &str, what: &str, figures: &str, value: f64, goal: f64, is_cost: bool) {
    let is_met = if is_cost { value <= goal } else { value >= goal };
    let verdict = if is_met { "ok" } else { "MISSED" };
    println!("promise={name}{what} {figures} goal={goal} {verdict}");
}

fn promise(size: &Size) -> anyhow::Result<usize> {
    let name = size.name;
    let cells = mesh(size.side, 11);
    let open = |style| -> anyhow::Result<PackBuf<Vec<u8>>> { Ok(PackBuf::open(packed(&cells, style)?)?) };
    let start = now();
    let server = open(PackStyle::Server)?;
    let built = start.elapsed().as_secs_f64();
    let handset = open(PackStyle::Handset)?;
    let first = if size.with_first {
        Some(open(PackStyle::First)?)
    } else {
        None
    };
    let random = random_points(&cells, POINTS);
    let (pack, small) = (server.view(), handset.view());
    let chase = Chase::of(server.bytes().len());
    let mut peer = Some(Peer::of(&cells));
    let mut times: [Vec<f64>; 8] = Default::default();
    for _ in 0..ROUNDS {
        let round = [
            // Both sides return the cell's code.
            nanoseconds(&random, |p| pack.cell_at(p)),
            peer.as_ref().map_or(f64::NAN, |peer| {
                nanoseconds(&random, |p| peer.find(p).and_then(|k| cells.get(k)).map(|c| c.0))
            }),
            per_point(&random, || {
                for points in random.chunks(BATCH) {
                    black_box(pack.cells_at(black_box(points)));
                }
            }),
            nanoseconds(&random, |p| small.cell_at(p)),
            first.as_ref().map_or(f64::NAN, |first| {
                let first = first.view();
                nanoseconds(&random, |p| first.cell_at(p))
            }),
            chase.nanoseconds(),
            per_point(&random, || one_after_another(&pack, &random)),
            nanoseconds(&random, |p| pack.find(p)),
        ];
        times.iter_mut().zip(round).for_each(|(all, ns)| all.push(ns));
    }
    drop(peer.take());
    let [single, theirs, batch, small_ns, first_ns, miss, chained, handle] = times.map(median);
    let ratio = |what: &str, ours: f64, goal: f64| {
        let ratio = theirs / ours;
        line(
            name,
            what,
            &format!("ours={ours:.0}ns peer={theirs:.0}ns ratio={ratio:.1}"),
            ratio,
            goal,
            false,
        );
    };
    ratio("", single, size.single);
    ratio("_batch", batch, size.batch);
    if first.is_some() {
        let ratio = first_ns / small_ns;
        let figures = format!("ours={small_ns:.0}ns format_1={first_ns:.0}ns ratio={ratio:.2}");
        line(name, "_handset", &figures, ratio, 1.0, false);
    }
    #[expect(clippy::cast_precision_loss, reason = "a length of a file")]
    let per_cell = |pack: &PackBuf<Vec<u8>>| pack.bytes().len() as f64 / cells.len().max(1) as f64;
    for (what, pack, goal) in [
        ("_bytes_server", &server, 350.0),
        ("_bytes_handset", &handset, 200.0),
    ] {
        let ours = per_cell(pack);
        line(name, what, &format!("ours={ours:.0}B/cell"), ours, goal, true);
    }
    let to_miss = single / miss;
    line(
        name,
        "_miss",
        &format!("ours={single:.0}ns miss={miss:.1}ns ratio={to_miss:.2}"),
        to_miss,
        1.2,
        true,
    );
    let circles = random.get(..CIRCLES).unwrap_or(&random);
    let circle = |pack: &Pack<'_>| {
        median(
            (0..ROUNDS)
                .map(|_| nanoseconds(circles, |p| pack.candidates(p, RADIUS_M)))
                .collect(),
        ) / 1e3
    };
    for (what, pack) in [("_circle", &pack), ("_circle_handset", &small)] {
        let ours = circle(pack);
        line(
            name,
            what,
            &format!("ours={ours:.1}us radius={RADIUS_M:.0}m"),
            ours,
            5.0,
            true,
        );
    }
    let mut differences = differences(&[pack, small], &cells, &random, size.step);
    differences += opening::opening(name, &cells, &handset, &random)?;
    let stored = match &first {
        Some(first) => first,
        None => &open(PackStyle::First)?,
    };
    opening::rewriting(name, stored.view(), stored.bytes().len())?;
    println!(
        "  cells={} one_alone={chained:.0}ns handle_only={handle:.0}ns handset={small_ns:.0}ns built_in={built:.1}s \
         differences={differences}",
        cells.len()
    );
    println!("  server {}", pack.sizes());
    println!("  handset {}", small.sizes());
    if let Some(first) = &first {
        println!(
            "  format_1 {} bytes_per_cell={:.0}",
            first.view().sizes(),
            per_cell(first)
        );
    }
    Ok(differences)
}

/// Looks up every point only after the one before is known: the time of one lookup on its own.
fn one_after_another(pack: &Pack<'_>, points: &[PointE7]) -> u32 {
    let mut known = 0u32;
    for &point in points {
        let found = pack.cell_at(PointE7 {
            // Adds nothing, but neither compiler nor processor knows before the answer is there.
            lon: point.lon ^ black_box(known & 0x100).cast_signed(),
            ..point
        });
        known = found.map_or(1, |code| code.as_str().bytes().map(u32::from).sum::<u32>() & 0xff);
    }
    known
}

/// Dependent cache misses: a random cycle through the lines of a buffer.
struct Chase {
    next: Vec<u32>,
}

impl Chase {
    const WORDS: usize = 16;

    fn of(bytes: usize) -> Self {
        let lines = (bytes / 64).max(2);
        let mut order: Vec<usize> = (0..lines).collect();
        let mut chance = SeededRandom::new(3);
        for k in (1..lines).rev() {
            let at = i32::try_from(k).map_or(0, |k| chance.within(0, k));
            order.swap(k, usize::try_from(at).unwrap_or_default());
        }
        let mut next = vec![0; lines * Self::WORDS];
        for (from, to) in order.iter().zip(order.iter().cycle().skip(1)) {
            if let (Some(place), Ok(to)) = (next.get_mut(from * Self::WORDS), u32::try_from(to * Self::WORDS))
            {
                *place = to;
            }
        }
        Self { next }
    }

    fn nanoseconds(&self) -> f64 {
        const STEPS: u32 = 1_000_000;
        let start = now();
        let mut at = 0u32;
        for _ in 0..STEPS {
            at = self.next.get(at as usize).copied().unwrap_or_default();
        }
        black_box(at);
        start.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS)
    }
}

fn packed(cells: &Cells, style: PackStyle) -> anyhow::Result<Vec<u8>> {
    let meta = PackMeta {
        grid_version: GridVersion("999999.1".into()),
        datum: Datum::Wgs84,
        source_datum: Datum::Wgs84,
        source_datum_verified: false,
        county: None,
        source_sha256: String::new(),
        borders: "synthetic".into(),
    };
    let input = PackInput {
        meta,
        cells: cells.clone(),
        units: vec![],
    };
    Ok(write_as(input, style)?)
}

fn random_points(cells: &Cells, count: usize) -> Vec<PointE7> {
    random_points_of(cells, count, 77)
}

fn random_points_of(cells: &Cells, count: usize, seed: u64) -> Vec<PointE7> {
    let Some(all) = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())) else {
        return vec![];
    };
    let mut chance = SeededRandom::new(seed);
    (0..count)
        .map(|_| PointE7 {
            lon: chance.within(all.min.x, all.max.x),
            lat: chance.within(all.min.y, all.max.y),
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

fn nanoseconds<T>(points: &[PointE7], ask: impl Fn(PointE7) -> T) -> f64 {
    per_point(points, || {
        for &point in points {
            black_box(ask(black_box(point)));
        }
    })
}

fn per_point<T>(points: &[PointE7], ask: impl FnOnce() -> T) -> f64 {
    let start = now();
    black_box(ask());
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

/// Counts results that differ from brute force: random points, points on and beside the borders of every `step`-th cell,
/// and its vertices with their neighbours, against all cells whose bounding box contains the point; and a sample of
/// points against all cells. Each point is looked up on its own and in a batch.
fn differences(packs: &[Pack<'_>], cells: &Cells, random: &[PointE7], step: usize) -> usize {
    let boxes = Boxes::of(cells);
    let mut chance = SeededRandom::new(5);
    let mut points = random.to_vec();
    points.extend(random_points_of(cells, random.len(), 78));
    for (a, b) in cells.iter().step_by(step).flat_map(|(_, ring)| edges(ring)) {
        for (dx, dy) in [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)] {
            points.push(Pt::new(a.x + dx, a.y + dy).into());
        }
        let t = i64::from(chance.within(0, 1_000));
        let on = |s: i32, e: i32| i32::try_from(i64::from(s) + i64::from(e - s) * t / 1_000).unwrap_or(s);
        points.push(Pt::new(on(a.x, b.x), on(a.y, b.y)).into());
    }
    let owners: Vec<Option<CellCode>> = points.iter().map(|&p| boxes.owner(p.into())).collect();
    let mut wrong = 0;
    for pack in packs {
        let single = points
            .iter()
            .zip(&owners)
            .filter(|(p, owner)| pack.cell_at(**p) != **owner);
        wrong += single.count();
        wrong += pack
            .cells_at(&points)
            .iter()
            .zip(&owners)
            .filter(|(a, b)| a != b)
            .count();
    }
    let sample = (SCANNED / cells.len().max(1)).clamp(1, SAMPLE);
    for (p, owner) in points.iter().zip(&owners).step_by((points.len() / sample).max(1)) {
        let p = Pt::from(*p);
        let all = cells.iter().filter(|(_, ring)| holds(ring, p)).map(|c| c.0).min();
        wrong += usize::from(all != *owner);
    }
    println!(
        "  compared={} points of which random={}",
        points.len(),
        random.len() * 2
    );
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
