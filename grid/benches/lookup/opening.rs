//! What a pack costs before its lookups are fast: opening a file with the first answer beside flatgeobuf, and rewriting
//! a pack in another style.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use flatgeobuf::geozero::error::Result as GeozeroResult;
use flatgeobuf::geozero::{ColumnValue, GeomProcessor, PropertyProcessor};
use flatgeobuf::{
    ColumnType, FallibleStreamingIterator, FeatureProperties, FgbReader, FgbWriter, GeometryType,
    GeozeroGeometry,
};
use geo::{Contains, Coord, LineString, Point, Polygon};
use grid::geom::Pt;
use grid::pack::{Pack, PackBuf, PackFile, PackStyle, rewrite};
use protocol::codes::CellCode;
use protocol::geo::PointE7;

use crate::{Cells, line, median, now};

/// Openings with one answer each.
const OPENINGS: usize = 200;
/// Openings that read and check all of the file.
const WHOLE: usize = 3;
/// Opening and first answer may take this share of flatgeobuf's time in a pack of a million cells; smaller ones owe
/// nothing, because there both are a few calls of the system.
const GOAL: f64 = 0.4;
const OWED_FROM: usize = 1_000_000;

/// Files that are deleted afterwards.
struct Files {
    pack: PathBuf,
    theirs: PathBuf,
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = (fs::remove_file(&self.pack), fs::remove_file(&self.theirs));
    }
}

/// Prints the line of an opening with the first answer; both files are in the cache of the system. Returns the number of
/// answers that differ from those of the pack in memory.
pub fn opening(
    name: &str,
    cells: &Cells,
    pack: &PackBuf<Vec<u8>>,
    random: &[PointE7],
) -> anyhow::Result<usize> {
    // The folder of the built program: on the disk, which the temporary folder may not be.
    let folder = std::env::current_exe()?.with_file_name("");
    let path = |end: &str| folder.join(format!("opening-{}.{end}", std::process::id()));
    let files = Files {
        pack: path("pack"),
        theirs: path("fgb"),
    };
    fs::write(&files.pack, pack.bytes())?;
    write_theirs(&files.theirs, cells)?;
    let mut times: [Vec<f64>; 3] = Default::default();
    let (mut wrong, mut theirs_differ) = (0, 0);
    let microseconds = |start: std::time::Instant| start.elapsed().as_secs_f64() * 1e6;
    let [ours, theirs, whole] = &mut times;
    for (k, &point) in random.iter().take(OPENINGS).enumerate() {
        let want = pack.view().cell_at(point);
        let start = now();
        let found = first_answer(&files.pack, point)?;
        ours.push(microseconds(start));
        wrong += usize::from(found != want);
        let start = now();
        let found = their_first_answer(&files.theirs, point)?;
        theirs.push(microseconds(start));
        // On a border their floating point may decide otherwise.
        theirs_differ += usize::from(found != want.map(|code| code.to_string()));
        if k < WHOLE {
            let start = now();
            let found = PackBuf::open(fs::read(&files.pack)?)?.view().cell_at(point);
            whole.push(microseconds(start));
            wrong += usize::from(found != want);
        }
    }
    let [ours, theirs, whole] = times.map(median);
    let ratio = ours / theirs;
    let figures = format!("ours={ours:.1}us flatgeobuf={theirs:.1}us ratio={ratio:.2}");
    if cells.len() >= OWED_FROM {
        line(name, "_opening", &figures, ratio, GOAL, true);
    } else {
        println!("  figure={name}_opening {figures}");
    }
    println!(
        "  opening: all read and checked {:.1}ms; flatgeobuf's file {} bytes, ours {}; its answers differ {theirs_differ} of {OPENINGS}",
        whole / 1e3,
        fs::metadata(&files.theirs)?.len(),
        pack.bytes().len()
    );
    Ok(wrong)
}

fn first_answer(path: &Path, point: PointE7) -> anyhow::Result<Option<CellCode>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok(PackFile::open_verified(file, size)?.cell_at(point)?)
}

/// As its documentation reads: the features whose boxes contain the point, then which polygon does.
fn their_first_answer(path: &Path, point: PointE7) -> anyhow::Result<Option<String>> {
    let (lat, lon) = point.degrees();
    let reader = FgbReader::open(BufReader::new(File::open(path)?))?;
    let mut near = reader.select_bbox(lon, lat, lon, lat)?;
    while let Some(feature) = near.next()? {
        let mut ring = Ring::default();
        feature.process_geom(&mut ring)?;
        let polygon = Polygon::new(LineString::new(ring.0), vec![]);
        if polygon.contains(&Point::new(lon, lat)) {
            return Ok(Some(feature.property_n(0)?));
        }
    }
    Ok(None)
}

/// Collects the vertices of a polygon.
#[derive(Default)]
struct Ring(Vec<Coord<f64>>);

impl GeomProcessor for Ring {
    fn xy(&mut self, x: f64, y: f64, _: usize) -> GeozeroResult<()> {
        self.0.push(Coord { x, y });
        Ok(())
    }
}

/// A ring as a polygon.
struct Outline<'a>(&'a [Pt]);

impl GeozeroGeometry for Outline<'_> {
    fn process_geom<P: GeomProcessor>(&self, to: &mut P) -> GeozeroResult<()> {
        to.polygon_begin(true, 1, 0)?;
        to.linestring_begin(false, self.0.len() + 1, 0)?;
        for (k, p) in self.0.iter().chain(self.0.first()).enumerate() {
            to.xy(f64::from(p.x) / 1e7, f64::from(p.y) / 1e7, k)?;
        }
        to.linestring_end(false, 0)?;
        to.polygon_end(true, 0)
    }
}

fn write_theirs(path: &Path, cells: &Cells) -> anyhow::Result<()> {
    let mut writer = FgbWriter::create("cells", GeometryType::Polygon)?;
    writer.add_column("code", ColumnType::String, |_, _| {});
    for (code, ring) in cells {
        writer.add_feature_geom(Outline(ring), |feature| {
            // Only a receiver that stops early would fail.
            let _ = feature.property(0, "code", &ColumnValue::String(code.as_str()));
        })?;
    }
    writer.write(BufWriter::new(File::create(path)?))?;
    Ok(())
}

/// Prints what rewriting a pack of format 1 takes, as a server does when it loads one and at an import.
pub fn rewriting(name: &str, first: Pack<'_>, stored: usize) -> anyhow::Result<()> {
    for (what, style) in [("server", PackStyle::Server), ("handset", PackStyle::Handset)] {
        let before = memory("VmRSS").unwrap_or_default();
        let is_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
        let start = now();
        let bytes = rewrite(first, style)?;
        let written = start.elapsed().as_secs_f64() * 1e3;
        let opened = PackBuf::open(bytes)?;
        let all = start.elapsed().as_secs_f64() * 1e3;
        let peak = memory("VmHWM").filter(|_| is_reset).map_or_else(
            || "unknown".into(),
            |peak| format!("{:.0}MB", peak.saturating_sub(before) as f64 / 1e3),
        );
        println!(
            "  figure={name}_rewrite_{what} written={written:.0}ms and_opened={all:.0}ms peak_above={peak} bytes={} \
             format_1={stored}",
            opened.bytes().len()
        );
    }
    Ok(())
}

/// A figure of this process in kB.
fn memory(which: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(which))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
