//! `xunge-server grid …`: files in, files out, and import into a server's data.

use super::data_location::DataLocation;
use crate::{
    grids::{GridImport, GridInput, ImportWishes, import_as},
    http::problem,
    kernel::clock::{MachineClock, ServerClock},
    service::run,
};
use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use grid::{
    command::{GridCommand, parse_point},
    coverage::CountyOutlines,
    formats::read_path,
    source::SourceDatum,
};
use protocol::{
    codes::{CountyCode, GridVersion},
    geo::Datum,
    problem::FieldError,
    text::for_terminal,
};
use std::{
    io::BufWriter,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub enum GridTool {
    /// 划分一个区 / Cut a district into streets, communities and cells
    Cut {
        /// GeoJSON of district outlines
        districts: PathBuf,
        /// JSON list of streets and communities
        divisions: PathBuf,
        #[arg(long)]
        county: CountyCode,
        /// Version to give the grid, such as 220104.1
        #[arg(long)]
        grid_version: String,
        /// Datum of the outlines: wgs84, gcj02 or bd09
        #[arg(long, default_value = "gcj02", value_parser = datum)]
        datum: Datum,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The stored numbering table: read when it is there, extended, written
        #[arg(long)]
        numbering: PathBuf,
        /// GeoJSON to write
        #[arg(long)]
        out: PathBuf,
    },
    /// 检查网格文件 / Report gaps, overlaps, slivers and wrong codes, with positions
    Check {
        file: PathBuf,
        #[command(flatten)]
        reading: CoordinateReading,
        #[arg(long)]
        json: bool,
    },
    /// 打包 / Check a GeoJSON file and pack it for handsets
    Pack {
        file: PathBuf,
        #[command(flatten)]
        reading: CoordinateReading,
        #[arg(long)]
        grid_version: Option<String>,
        #[arg(long)]
        out: PathBuf,
    },
    /// 查询位置 / Show the cell that contains a WGS-84 point; with --stdin, print a code or - for each `lat,lon` line
    Where {
        pack: PathBuf,
        /// LAT,LON in decimal degrees
        #[arg(required_unless_present = "stdin", allow_hyphen_values = true)]
        point: Option<String>,
        #[arg(long, conflicts_with = "point")]
        stdin: bool,
    },
    /// 导入服务器 / Import GeoJSON or a pack into a server's data and put it in force
    Import {
        #[command(flatten)]
        place: DataLocation,
        file: PathBuf,
        #[command(flatten)]
        reading: CoordinateReading,
        /// 版本号 / Version, for files that name none
        #[arg(long)]
        grid_version: Option<String>,
        /// 县区边界文件 / Outlines of counties to compare with: GeoJSON, Shapefile or GeoPackage; the feature of the grid's
        /// county has its `code`
        #[arg(long, value_name = "FILE")]
        outline: Option<PathBuf>,
        /// 边界的坐标系 / Datum of the outlines, as --source-datum: needed if their file states none
        #[arg(long, requires = "outline")]
        outline_datum: Option<SourceDatum>,
        /// 只检查和比较，不导入 / Check and compare only
        #[arg(long)]
        dry_run: bool,
        /// 确认替换 / Put it in force although it loses cells or land, or moves cells
        #[arg(long)]
        replace: bool,
    },
}

/// How the coordinates of a file are read.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct CoordinateReading {
    /// 坐标系 / Datum of the coordinates: wgs84, cgcs2000 (EPSG:4490), gcj02 or bd09; needed if the file states none,
    /// refused if it contradicts the file
    #[arg(long)]
    source_datum: Option<SourceDatum>,
    /// 吸附容差（米）/ Vertices and borders of different areas that are closer than this are joined; 0 for none
    #[arg(long, value_name = "METRES", default_value_t = 0.05, value_parser = tolerance)]
    snap: f64,
}

/// More than a metre would move borders that people can tell apart.
fn tolerance(text: &str) -> Result<f64, String> {
    let metres: f64 = text.parse().map_err(|_| "a number of metres".to_owned())?;
    if (0.0..=1.0).contains(&metres) {
        Ok(metres)
    } else {
        Err("0 to 1 metre".into())
    }
}

fn datum(text: &str) -> Result<Datum, String> {
    match text {
        "wgs84" => Ok(Datum::Wgs84),
        "gcj02" => Ok(Datum::Gcj02),
        "bd09" => Ok(Datum::Bd09),
        _ => Err("wgs84, gcj02 or bd09".into()),
    }
}

impl GridTool {
    /// The call, when it needs no server's data.
    pub fn offline(&self) -> Result<Option<GridCommand>> {
        Ok(Some(match self {
            Self::Cut {
                districts,
                divisions,
                county,
                grid_version,
                datum,
                seed,
                numbering,
                out,
            } => GridCommand::Cut {
                districts: districts.clone(),
                divisions: divisions.clone(),
                county: *county,
                grid_version: GridVersion(grid_version.clone()),
                source_datum: *datum,
                seed: *seed,
                numbering: numbering.clone(),
                out: out.clone(),
            },
            Self::Check { file, reading, json } => GridCommand::Check {
                file: file.clone(),
                source_datum: reading.source_datum,
                snap_m: reading.snap,
                json: *json,
            },
            Self::Pack {
                file,
                reading,
                grid_version,
                out,
            } => GridCommand::Pack {
                file: file.clone(),
                source_datum: reading.source_datum,
                snap_m: reading.snap,
                grid_version: grid_version.clone().map(GridVersion),
                out: out.clone(),
            },
            Self::Where { pack, point, .. } => {
                let point = point
                    .as_ref()
                    .map(|text| {
                        parse_point(text).ok_or_else(|| anyhow!("{text}: not LAT,LON in decimal degrees"))
                    })
                    .transpose()?;
                GridCommand::Where {
                    pack: pack.clone(),
                    point,
                }
            }
            Self::Import { .. } => return Ok(None),
        }))
    }
    /// What works on a server's data.
    pub async fn online(self) -> Result<()> {
        let Self::Import {
            place,
            file,
            reading,
            grid_version,
            outline,
            outline_datum,
            dry_run,
            replace,
        } = self
        else {
            return Ok(());
        };
        let input = input(&file)?;
        let wishes = ImportWishes {
            version: grid_version.map(GridVersion),
            source_datum: reading.source_datum,
            snap_m: Some(reading.snap),
            outline: outline.map(|file| outlines(&file, outline_datum)).transpose()?,
            replace,
            dry_run,
        };
        let mut opened = run::open_city(&place.options()?).await?;
        opened.settle_objects(false).await?;
        let now = MachineClock.now();
        let imported = import_as(&opened.store, &opened.blobs, input, &wishes, now).await;
        opened.store.close().await;
        match imported {
            Ok(answer) => {
                report(&answer);
                Ok(())
            }
            Err(failure) => {
                let (problem, _) = problem::of_failure(&failure);
                notes(&problem.errors);
                Err(anyhow!("{} {} ({})", problem.title, problem.detail, problem.code))
            }
        }
    }
}

fn outlines(file: &Path, datum: Option<SourceDatum>) -> Result<CountyOutlines> {
    let source = read_path(file).map_err(|e| anyhow!("{}: {e} ({})", file.display(), e.code()))?;
    CountyOutlines::of(source, datum).map_err(|e| anyhow!("{}: {e} ({})", file.display(), e.code()))
}

/// Shapefile and GeoPackage are read by their name, GeoJSON and packs by their bytes.
fn input(file: &Path) -> Result<GridInput> {
    let ending = file.extension().map(|e| e.to_string_lossy().to_lowercase());
    Ok(match ending.as_deref() {
        Some("shp" | "gpkg") => {
            let source = read_path(file).map_err(|e| anyhow!("{e} ({})", e.code()))?;
            GridInput::Source(Box::new(source))
        }
        _ => GridInput::Bytes(
            std::fs::read(file)
                .with_context(|| file.display().to_string())?
                .into(),
        ),
    })
}

/// Says what was imported, or would be.
fn report(answer: &GridImport) {
    notes(&answer.warnings);
    notes(&answer.asks);
    if let Some(c) = &answer.compared {
        println!(
            "与 {0} 相比：单元网格 {1} → {2}，失去 {3}、新增 {4}；面积 {5} → {6} 平方米，失去 {7}、新增 {8}；移动 {9} 个，最远 {10} 米 / \
             compared with {0}: cells {1} to {2}, {3} lost, {4} added; area {5} to {6} m2, {7} lost, {8} gained; {9} moved, at \
             most {10} m",
            c.version,
            c.cells_before,
            c.cells_after,
            c.cells_lost,
            c.cells_added,
            c.area_before_m2,
            c.area_after_m2,
            c.area_lost_m2,
            c.area_gained_m2,
            c.cells_moved,
            c.largest_move_m,
        );
    }
    if let Some(o) = &answer.outline {
        println!(
            "与县区边界相比：边界 {0} 平方米，其中 {1} 没有单元网格；单元网格超出 {2} / compared with the outline: {0} m2, {1} \
             without a cell; {2} of cells outside",
            o.outline_m2, o.bare_m2, o.beyond_m2,
        );
    }
    let done = if answer.in_force {
        "已导入"
    } else {
        "检查通过，未导入（dry run）"
    };
    let grid = &answer.grid;
    println!(
        "{done} {}：{} 个单元网格，{} 字节",
        grid.version, grid.cells, grid.size
    );
}

/// Writes places and reasons to the standard error, without control characters of the file.
fn notes(errors: &[FieldError]) {
    for error in errors {
        let line = format!("{}: {} / {}", error.at, error.zh, error.en);
        eprintln!("{}", for_terminal(&line));
    }
}

/// Runs a call over the process's own streams.
pub fn run(command: GridCommand) -> Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let done = grid::command::run(command, &mut std::io::stdin().lock(), &mut out);
    std::io::Write::flush(&mut out)?;
    done.map_err(|error| anyhow!("{error} ({})", error.code()))
}
