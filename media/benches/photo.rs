//! What a photo costs on a handset: memory by its size, and processor time beside `vipsthumbnail` (libvips) in the same
//! run: `cargo xtask bench photo`.
//!
//! Prints lines `promise=… ours=… goal=… ok|MISSED`. Each photo is prepared by a process of its own: rotated, scaled,
//! stamped, with its thumbnail and both hashes. vipsthumbnail makes the two pictures alone, one process each, and uses
//! all processors, so processor time is compared and not the clock. A real photograph is enlarged, and noise added as
//! a sensor does.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};
use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};
use media::{PhotoLimits, PrepareOptions, Stamp};

/// Processor time against two runs of vipsthumbnail, at most.
const GOAL: f64 = 0.35;
const ROUNDS: usize = 7;
/// Width, height, and MiB above the idle process, at most.
const MEMORY: [(u16, u16, f64); 3] = [(4_000, 3_000, 10.0), (8_160, 6_144, 60.0), (16_320, 12_240, 60.0)];
const SOURCES: [&str; 3] = ["path.jpg", "meadow.jpg", "fruit.jpg"];

fn main() -> Result<ExitCode> {
    let mut args = std::env::args().skip_while(|arg| arg != "--one").skip(1);
    if let Some(path) = args.next() {
        return one(Path::new(&path));
    }
    let folder = std::env::temp_dir().join(format!("xunge-bench-photo-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let met = measure(&folder);
    fs::remove_dir_all(&folder)?;
    Ok(if met? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn measure(folder: &Path) -> Result<bool> {
    let mut met = true;
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/photos");
    for (width, height, goal) in MEMORY {
        let file = folder.join("large.jpg");
        enlarge(&photos.join("path.jpg"), &file, width, height)?;
        let said = Command::new(std::env::current_exe()?)
            .arg("--one")
            .arg(&file)
            .output()?;
        ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let ours: f64 = String::from_utf8_lossy(&said.stdout).trim().parse()?;
        let megapixels = u32::from(width) * u32::from(height) / 1_000_000;
        let bytes = fs::metadata(&file)?.len();
        met &= report(&format!("photo_memory_{megapixels}mp"), ours, "MiB", goal);
        println!("  {width} x {height}, {bytes} bytes");
    }
    let files = SOURCES.map(|name| (photos.join(name), folder.join(name)));
    for (from, to) in &files {
        enlarge(from, to, 4_000, 3_000)?;
    }
    let mut ratios = Vec::new();
    let (mut ours_all, mut theirs_all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut ours, mut theirs) = (0.0, 0.0);
        for (_, file) in &files {
            ours += cpu(Command::new(std::env::current_exe()?).arg("--one").arg(file))?;
            for (side, quality) in [(1600, 80), (320, 80)] {
                let mut vips = Command::new("vipsthumbnail");
                vips.arg(file).args(["--size", &side.to_string()]);
                vips.arg("-o")
                    .arg(folder.join(format!("out-{side}.jpg[Q={quality},strip]")));
                theirs += cpu(&mut vips)?;
            }
        }
        ratios.push(ours / theirs);
        ours_all.push(ours * 1000.0 / files.len() as f64);
        theirs_all.push(theirs * 1000.0 / files.len() as f64);
    }
    met &= report("photo_cpu_12mp", median(&mut ratios), "x", GOAL);
    let (ours, theirs) = (median(&mut ours_all), median(&mut theirs_all));
    println!(
        "  ours {ours:.0} ms, vipsthumbnail twice {theirs:.0} ms of processor time, median of {ROUNDS} rounds"
    );
    Ok(met)
}

fn report(promise: &str, ours: f64, unit: &str, goal: f64) -> bool {
    let verdict = if ours <= goal { "ok" } else { "MISSED" };
    println!("promise={promise} ours={ours:.2}{unit} goal={goal}{unit} {verdict}");
    ours <= goal
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prepares one photo and prints the memory it took above the process before, in MiB.
fn one(path: &Path) -> Result<ExitCode> {
    let stamp = Stamp {
        lines: vec![
            "2026-11-22 08:15:03 本机时间".into(),
            "220104-05-03-17 桂林路街道 ±8 米".into(),
        ],
    };
    let before = status("VmRSS:")?;
    let file = File::open(path)?;
    let prepared = media::prepare_from(file, &PhotoLimits::default(), &stamp, &PrepareOptions::default())?;
    let used = status("VmHWM:")?.saturating_sub(before);
    ensure!(prepared.jpeg.len() > 1000, "no picture");
    if let Some(kept) = std::env::args().skip_while(|arg| arg != "--keep").nth(1) {
        fs::write(PathBuf::from(kept), &prepared.jpeg)?;
    }
    println!("{:.3}", used as f64 / f64::from(1 << 20));
    Ok(ExitCode::SUCCESS)
}

/// A value of `/proc/self/status` in bytes.
fn status(name: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("only Linux tells what a process uses")?;
    let line = status.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(value.with_context(|| format!("no {name}"))?.parse::<u64>()? * 1024)
}

/// Runs a program and returns its processor time in seconds.
fn cpu(command: &mut Command) -> Result<f64> {
    let before = children()?;
    let status = command.stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(children()? - before)
}

/// Processor time of all children that ended, in seconds, from the scheduler's ticks (100 a second).
fn children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("no program name")?;
    let ticks = fields.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

/// Enlarges a photograph, adds noise, and writes it as a camera does. Row by row, as a large one would not fit.
fn enlarge(from: &Path, to: &Path, width: u16, height: u16) -> Result<()> {
    let mut decoder = zune_jpeg::JpegDecoder::new(std::io::Cursor::new(fs::read(from)?));
    let rgb = decoder.decode().map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let (from_width, from_height) = decoder.dimensions().context("no size")?;
    let picture = Enlarged {
        rgb,
        from: (from_width, from_height),
        size: (width, height),
    };
    let mut file = BufWriter::new(File::create(to)?);
    let mut encoder = Encoder::new(&mut file, 92);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.encode_image(picture)?;
    file.flush()?;
    Ok(())
}

struct Enlarged {
    rgb: Vec<u8>,
    from: (usize, usize),
    size: (u16, u16),
}

impl ImageBuffer for Enlarged {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.size.0
    }

    fn height(&self) -> u16 {
        self.size.1
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::indexing_slicing
    )]
    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let (from_width, from_height) = self.from;
        let place = |at: u16, of: u16, from: usize| {
            let place = f32::from(at) * (from - 1) as f32 / f32::from(of);
            (place as usize, place.fract())
        };
        let (top, down) = place(y, self.size.1, from_height);
        let mut state = u32::from(y).wrapping_mul(2_654_435_761) | 1;
        for x in 0..self.size.0 {
            let (left, right) = place(x, self.size.0, from_width);
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let noise = ((state & 15) + (state >> 4 & 15)) as f32 / 3.0 - 5.0;
            let sample = |channel: usize| {
                let at = |x: usize, y: usize| f32::from(self.rgb[(y * from_width + x) * 3 + channel]);
                let above = at(left, top) * (1.0 - right) + at(left + 1, top) * right;
                let below = at(left, top + 1) * (1.0 - right) + at(left + 1, top + 1) * right;
                above * (1.0 - down) + below * down
            };
            let (r, g, b) = (sample(0), sample(1), sample(2));
            buffers[0].push((0.299 * r + 0.587 * g + 0.114 * b + noise) as u8);
            buffers[1].push((128.0 - 0.168_7 * r - 0.331_3 * g + 0.5 * b) as u8);
            buffers[2].push((128.0 + 0.5 * r - 0.418_7 * g - 0.081_3 * b) as u8);
        }
    }
}
