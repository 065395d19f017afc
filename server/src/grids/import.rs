//! Import of grids: GeoJSON that passes the checker, or a pack, which contains its own proof. An imported version never
//! changes.

use super::{
    gate::{self, GridComparison, Judged, OutlineComparison},
    reference::put_file,
    second::{self, SecondPack},
};
use crate::{
    app::{grid_packs::hash_in_force, object_name::ObjectName, objects::Blobs},
    kernel::failure::{Failure, field_error},
    params,
    store::{database::Store, error::StoreError, hint::Hint, tx::Tx},
};
use bytes::Bytes;
use grid::{
    check::{CheckLimits, CheckReport, Finding, check_pack},
    coverage::CountyOutlines,
    import::{ImportError, ImportOptions, Source, pack_source, read_bytes},
    pack::{PackBuf, PackStyle, PackUnit, UnitLevel, rewrite},
    source::SourceDatum,
};
use protocol::{
    area::Area,
    codes::{CountyCode, GridVersion},
    manifest::FileName,
    photo::Sha256,
    problem::{FieldError, ProblemCode},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// A grid that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImportedGrid {
    pub version: GridVersion,
    pub county: CountyCode,
    pub sha256: Sha256,
    pub size: u64,
    pub cells: u64,
}

/// Findings that a refusal lists at most; it gives the number of the others.
const LISTED: usize = 100;

/// How a grid is imported: what the operator states about it, and whether it may replace the one in force.
#[derive(Debug, Clone, Default)]
pub struct ImportWishes {
    /// The version; needed if the file names none. A pack has its own.
    pub version: Option<GridVersion>,
    /// The datum of the coordinates; needed if the file states none, or a shifted one.
    pub source_datum: Option<SourceDatum>,
    /// Tolerance in metres below which vertices and borders are joined; `None`: the default of the check.
    pub snap_m: Option<f64>,
    /// The outlines of counties, the grid's among them, to compare with.
    pub outline: Option<CountyOutlines>,
    /// Put it in force even if cells or land are lost, or cells move.
    pub replace: bool,
    /// Check and compare only.
    pub dry_run: bool,
}

/// What is imported.
#[derive(Debug)]
pub enum GridInput {
    /// GeoJSON or a pack.
    Bytes(Bytes),
    /// A file that was read by its name: a Shapefile or a GeoPackage.
    Source(Box<Source>),
}

/// The answer to an import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GridImport {
    #[serde(flatten)]
    pub grid: ImportedGrid,
    /// False after a dry run: nothing has changed.
    pub in_force: bool,
    /// The grid in force beside this one; none if there is none, or if it is this one.
    pub compared: Option<GridComparison>,
    /// The grid beside the county's outline, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<OutlineComparison>,
    /// What `replace` has to confirm.
    pub asks: Vec<FieldError>,
    /// What was put right in the file, and names that photos cannot show.
    pub warnings: Vec<FieldError>,
}

/// Imports a grid, as GeoJSON or as a pack, and puts it in force at `now`, whatever it replaces. Importing the same file
/// again changes nothing.
///
/// # Errors
/// As [`import_as`].
pub async fn import(
    store: &Store,
    blobs: &Blobs,
    bytes: Bytes,
    now: Millis,
) -> Result<ImportedGrid, Failure> {
    let wishes = ImportWishes {
        replace: true,
        ..ImportWishes::default()
    };
    let input = GridInput::Bytes(bytes);
    Ok(import_as(store, blobs, input, &wishes, now).await?.grid)
}

/// Imports a grid and puts it in force at `now` unless it is a dry run.
///
/// # Errors
/// `grid.faults` with the checker's findings and their places (WGS-84 degrees), or if the datum is not known, or if the
/// version exists with other content; `grid.replaces` with the figures if the wishes do not allow what it changes.
pub async fn import_as(
    store: &Store,
    blobs: &Blobs,
    input: GridInput,
    wishes: &ImportWishes,
    now: Millis,
) -> Result<GridImport, Failure> {
    let checked = check(store, input, wishes).await?;
    let judged = judge(store, blobs, &checked, wishes).await?;
    let answer = answer(store, &checked, judged.clone(), wishes).await?;
    if !wishes.dry_run {
        let kept = keep_pack(blobs, checked).await?;
        store
            .write(move |tx| put_in_force(tx, &kept, judged.against, now))
            .await?;
    }
    Ok(answer)
}

/// A grid that passed the checks and is not stored yet, and its pack.
pub(super) struct Checked {
    pub imported: ImportedGrid,
    pack: Bytes,
    warnings: Vec<FieldError>,
}

/// Reads and checks a grid; errors as in [`import_as`].
pub(super) async fn check(
    store: &Store,
    input: GridInput,
    wishes: &ImportWishes,
) -> Result<Checked, Failure> {
    let names = store.read(city_names).await?;
    let wishes = wishes.clone();
    // Checking a county takes 1 to 2 s of one processor.
    tokio::task::spawn_blocking(move || read(input, wishes, names))
        .await
        .map_err(Failure::internal)?
}

/// Compares a checked grid with the one in force, with the outline of the wishes, and with the city's list.
pub(super) async fn judge(
    store: &Store,
    blobs: &Blobs,
    checked: &Checked,
    wishes: &ImportWishes,
) -> Result<Judged, Failure> {
    let Checked { imported, pack, .. } = checked;
    let pack = (imported.sha256, pack.clone());
    let listed = store.read(city_names).await?;
    gate::judge(
        store,
        blobs,
        imported.county,
        pack,
        wishes.outline.clone(),
        &listed,
    )
    .await
}

/// The answer, unless the grid may not come in force.
pub(super) async fn answer(
    store: &Store,
    checked: &Checked,
    judged: Judged,
    wishes: &ImportWishes,
) -> Result<GridImport, Failure> {
    let row = checked.imported.clone();
    // A dry run says what the import would say.
    store.read(move |tx| may_be(tx, &row).map(|_| ())).await?;
    if !judged.asks.is_empty() && !wishes.replace && !wishes.dry_run {
        return Err(Failure::fields(ProblemCode::GridReplaces, judged.asks));
    }
    Ok(GridImport {
        grid: checked.imported.clone(),
        in_force: !wishes.dry_run,
        compared: judged.compared,
        outline: judged.outline,
        asks: judged.asks,
        warnings: checked.warnings.clone(),
    })
}

/// A checked grid whose packs are stored.
pub(super) struct KeptGrid {
    pub imported: ImportedGrid,
    second: Option<SecondPack>,
}

/// Stores the packs of a checked grid, in both formats; nothing names them yet.
pub(super) async fn keep_pack(blobs: &Blobs, checked: Checked) -> Result<KeptGrid, Failure> {
    let Checked { imported, pack, .. } = checked;
    let name = ObjectName::Reference {
        sha256: imported.sha256,
    };
    blobs.put_durable(&name, pack.clone()).await?;
    let second = second::keep(blobs, pack).await?;
    Ok(KeptGrid { imported, second })
}

/// Names of districts, streets and communities from the city's own list, for files that name none.
fn city_names(tx: &mut Tx<'_>) -> Result<Vec<PackUnit>, StoreError> {
    let rows: Vec<(String, String)> = tx.all(
        "SELECT area, name FROM org WHERE kind IN ('district', 'street', 'community') ORDER BY area, created, id",
        params![],
        |row| Ok((row.get("area")?, row.get("name")?)),
    )?;
    let unit = |(code, name): (String, String)| {
        let level = match code.len() {
            6 => UnitLevel::County,
            8 => UnitLevel::Street,
            10 => UnitLevel::Community,
            _ => return None,
        };
        Some(PackUnit {
            level,
            is_urban: !name.ends_with(['村', '乡', '镇', '县']),
            code,
            name,
            stat: String::new(),
        })
    };
    Ok(rows.into_iter().filter_map(unit).collect())
}

/// Refuses a county of another city: its grid would be in force for nobody, and a second city may come later (A2).
fn in_the_city(tx: &mut Tx<'_>, county: CountyCode) -> Result<(), Failure> {
    let cities: Vec<Area> = tx.all(
        "SELECT area FROM org WHERE parent IS NULL ORDER BY id",
        params![],
        |row| row.parse("area"),
    )?;
    if cities.is_empty() || cities.iter().any(|city| city.covers(county.into())) {
        return Ok(());
    }
    Err(faults(vec![(
        "/county".into(),
        format!("{county} 不在本市范围内"),
        format!("the county {county} does not lie in this city"),
    )]))
}

/// Returns true if this version is imported already.
///
/// # Errors
/// `grid.faults` for another city's county, and for a version that exists with other content.
fn may_be(tx: &mut Tx<'_>, row: &ImportedGrid) -> Result<bool, Failure> {
    in_the_city(tx, row.county)?;
    let stands: Option<Sha256> = tx.opt(
        "SELECT sha256 FROM grid WHERE version = ?1",
        params![&row.version.0],
        |row| row.parse("sha256"),
    )?;
    match stands {
        Some(sha256) if sha256 == row.sha256 => Ok(true),
        Some(_) => {
            let (zh, en) = (
                "该版本已存在，内容不同",
                "this version already exists with different content",
            );
            Err(faults(vec![("/version".into(), zh.into(), en.into())]))
        }
        None => Ok(false),
    }
}

/// Puts a grid in force whose packs are stored, if the one that it was compared with is still in force.
pub(super) fn put_in_force(
    tx: &mut Tx<'_>,
    kept: &KeptGrid,
    against: Option<Sha256>,
    now: Millis,
) -> Result<(), Failure> {
    let row = &kept.imported;
    if may_be(tx, row)? {
        return name_second(tx, kept, now);
    }
    if hash_in_force(tx, row.county)? != against {
        let (zh, en) = (
            "另一个网格刚刚生效，请重新导入",
            "another grid came in force meanwhile; import again",
        );
        let errors = vec![field_error("?replace", zh, en)];
        return Err(Failure::fields(ProblemCode::GridReplaces, errors));
    }
    tx.execute(
        "INSERT INTO grid (version, county, sha256, size, cells, imported, in_force)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        params![
            &row.version.0,
            row.county.as_str(),
            row.sha256.to_string(),
            i64::try_from(row.size).unwrap_or(i64::MAX),
            i64::try_from(row.cells).unwrap_or(i64::MAX),
            now.0
        ],
    )?;
    put_file(
        tx,
        FileName::Grid,
        row.county.as_str(),
        &row.version.0,
        row.sha256,
        row.size,
        now,
    )?;
    name_second(tx, kept, now)?;
    tx.after_commit(Hint::Grids);
    Ok(())
}

fn name_second(tx: &mut Tx<'_>, kept: &KeptGrid, now: Millis) -> Result<(), Failure> {
    if let Some(second) = &kept.second {
        second::put(tx, kept.imported.sha256, second, now)?;
    }
    Ok(())
}

fn faults(errors: Vec<(String, String, String)>) -> Failure {
    let errors = errors
        .into_iter()
        .map(|(at, zh, en)| field_error(at, zh, en))
        .collect();
    Failure::fields(ProblemCode::GridFaults, errors)
}

/// The format in which an imported pack is kept: older handsets fetch this file and read no other. Newer ones are offered
/// another beside it ([`second`]).
const READ_BY_EVERY_HANDSET: u16 = 1;

fn read(input: GridInput, wishes: ImportWishes, names: Vec<PackUnit>) -> Result<Checked, Failure> {
    let mut limits = CheckLimits::default();
    limits.snap_m = wishes.snap_m.unwrap_or(limits.snap_m);
    let mut warnings = Vec::new();
    let source = match input {
        GridInput::Bytes(bytes) if bytes.starts_with(b"XGPACK") => Err(bytes),
        GridInput::Bytes(bytes) => Ok(read_bytes(&bytes).map_err(|e| refused(e.into()))?),
        GridInput::Source(source) => Ok(*source),
    };
    let bytes = match source {
        Err(pack) => pack,
        Ok(source) => {
            let options = ImportOptions {
                grid_version: wishes.version.clone(),
                source_datum: wishes.source_datum,
                limits,
                names,
            };
            let packed = pack_source(source, &options).map_err(refused)?;
            warnings.extend(repaired(packed.datum, &packed.report));
            Bytes::from(packed.bytes)
        }
    };
    let open = |bytes: Bytes| {
        PackBuf::open(bytes)
            .map_err(|e| faults(vec![("/".into(), "不是完好的网格文件".into(), e.to_string())]))
    };
    let (mut bytes, mut pack) = (bytes.clone(), open(bytes)?);
    if pack.view().format_version() > READ_BY_EVERY_HANDSET {
        let written = rewrite(pack.view(), PackStyle::First).map_err(Failure::internal)?;
        bytes = Bytes::from(written);
        pack = open(bytes.clone())?;
    }
    let bounds = check_pack(pack.view(), &limits);
    if !bounds.is_valid() {
        return Err(refused(ImportError::Refused(Box::new(bounds))));
    }
    if wishes.version.is_some_and(|v| v != pack.meta().grid_version) {
        let (zh, en) = (
            "网格包已有版本号，不能改",
            "a pack has its version, which cannot be changed",
        );
        return Err(faults(vec![("?version".into(), zh.into(), en.into())]));
    }
    warnings.extend(gate::unprintable_names(pack.view()));
    let meta = pack.meta();
    let county = meta.county.ok_or_else(|| {
        faults(vec![(
            "/".into(),
            "网格须属同一县区".into(),
            "the cells lie in several counties".into(),
        )])
    })?;
    let imported = ImportedGrid {
        version: meta.grid_version.clone(),
        county,
        sha256: Sha256::of(&bytes),
        size: bytes.len() as u64,
        cells: pack.view().len() as u64,
    };
    Ok(Checked {
        imported,
        pack: bytes,
        warnings,
    })
}

/// Says what was put right in the file, if anything was.
fn repaired(datum: SourceDatum, report: &CheckReport) -> Option<FieldError> {
    let counts = [report.turned, report.doubled, report.snapped, report.inserted];
    if counts.iter().all(|n| *n == 0) && datum == SourceDatum::Wgs84 {
        return None;
    }
    let [turned, doubled, snapped, inserted] = counts;
    let most = report.largest_move_m * 100.0;
    Some(field_error(
        "/",
        format!(
            "按 {datum} 读取；改正：反向边界 {turned} 个、重复顶点 {doubled} 个、合并顶点 {snapped} 个、补顶点 {inserted} 个，最大移动 \
             {most:.1} 厘米"
        ),
        format!(
            "read as {datum}; {turned} clockwise rings turned, {doubled} doubled vertices left out, {snapped} vertices \
             joined, {inserted} added to borders, largest move {most:.1} cm"
        ),
    ))
}

fn refused(error: ImportError) -> Failure {
    match error {
        ImportError::Refused(report) => {
            let total = report.findings.len() + report.unlisted;
            let mut errors: Vec<_> = report.findings.iter().take(LISTED).map(finding).collect();
            if total > errors.len() {
                let rest = total - errors.len();
                errors.push((
                    "…".into(),
                    format!("另有 {rest} 处问题"),
                    format!("{rest} more findings"),
                ));
            }
            faults(errors)
        }
        ImportError::Datum(error) => {
            let zh = format!(
                "坐标系不明或矛盾（{}），请用 source_datum 指明 wgs84、cgcs2000、gcj02 或 bd09",
                error.code()
            );
            faults(vec![("?source_datum".into(), zh, error.to_string())])
        }
        ImportError::NoVersion | ImportError::Version => {
            let zh = "请给出版本号，如 220104.1".into();
            faults(vec![("?version".into(), zh, error.to_string())])
        }
        other => faults(vec![("/".into(), "网格数据无法导入".into(), other.to_string())]),
    }
}

/// Cell and place of a finding, latitude first, WGS-84: `220104050317 @ 43.8800000,125.3200000`.
fn finding(finding: &Finding) -> (String, String, String) {
    let mut at = finding.codes.join(",");
    if let Some(place) = finding.place {
        let (lat, lon) = place.degrees();
        at.push_str(&format!(" @ {lat:.7},{lon:.7}"));
    }
    let code = finding.kind.code();
    (
        at,
        format!("网格检查：{}（{code}）", finding.kind.zh()),
        format!("{code}: {}", finding.detail),
    )
}
