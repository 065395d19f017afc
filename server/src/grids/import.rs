//! Import of grids: GeoJSON that passes the checker, or a pack, which contains its own proof. An imported version never
//! changes.

use super::reference::put_file;
use crate::{
    app::{object_name::ObjectName, objects::Blobs},
    kernel::failure::{Failure, field_error},
    params,
    store::{database::Store, hint::Hint, tx::Tx},
};
use bytes::Bytes;
use grid::{
    check::Finding,
    import::{ImportError, ImportOptions, pack_file},
    pack::PackBuf,
};
use protocol::{
    area::Area,
    codes::{CountyCode, GridVersion},
    manifest::FileName,
    photo::Sha256,
    problem::ProblemCode,
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

/// Imports a grid, as GeoJSON or as a pack, and puts it in force at `now`. Importing the same file again changes nothing.
///
/// # Errors
/// `grid.faults` with the checker's findings and their places (WGS-84 degrees); a version that exists with other content
/// is refused.
pub async fn import(
    store: &Store,
    blobs: &Blobs,
    bytes: Bytes,
    now: Millis,
) -> Result<ImportedGrid, Failure> {
    let imported = keep_pack(blobs, check(bytes).await?).await?;
    let row = imported.clone();
    store.write(move |tx| put_in_force(tx, &row, now)).await?;
    Ok(imported)
}

/// A grid that passed the checks and is not stored yet, and its pack.
pub(super) struct Checked {
    pub imported: ImportedGrid,
    pack: Bytes,
}

/// Reads and checks a grid; errors as in [`import`].
pub(super) async fn check(bytes: Bytes) -> Result<Checked, Failure> {
    // Checking a county takes 1 to 2 s of one processor.
    let (imported, pack) = tokio::task::spawn_blocking(move || read(bytes))
        .await
        .map_err(Failure::internal)??;
    Ok(Checked { imported, pack })
}

/// Stores the pack of a checked grid, which nothing names yet.
pub(super) async fn keep_pack(blobs: &Blobs, checked: Checked) -> Result<ImportedGrid, Failure> {
    let Checked { imported, pack } = checked;
    blobs
        .put_durable(
            &ObjectName::Reference {
                sha256: imported.sha256,
            },
            pack,
        )
        .await?;
    Ok(imported)
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

/// Puts a grid in force whose pack is stored.
pub(super) fn put_in_force(tx: &mut Tx<'_>, row: &ImportedGrid, now: Millis) -> Result<(), Failure> {
    in_the_city(tx, row.county)?;
    let stands: Option<Sha256> = tx.opt(
        "SELECT sha256 FROM grid WHERE version = ?1",
        params![&row.version.0],
        |row| row.parse("sha256"),
    )?;
    match stands {
        Some(sha256) if sha256 == row.sha256 => return Ok(()),
        Some(_) => {
            let (zh, en) = (
                "该版本已存在，内容不同",
                "this version already exists with different content",
            );
            return Err(faults(vec![("/version".into(), zh.into(), en.into())]));
        }
        None => {}
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
    tx.after_commit(Hint::Grids);
    Ok(())
}

fn faults(errors: Vec<(String, String, String)>) -> Failure {
    let errors = errors
        .into_iter()
        .map(|(at, zh, en)| field_error(at, zh, en))
        .collect();
    Failure::fields(ProblemCode::GridFaults, errors)
}

fn read(bytes: Bytes) -> Result<(ImportedGrid, Bytes), Failure> {
    let bytes = if bytes.starts_with(b"XGPACK") {
        bytes
    } else {
        Bytes::from(
            pack_file(&bytes, &ImportOptions::default())
                .map_err(refused)?
                .bytes,
        )
    };
    let pack = PackBuf::open(bytes.clone())
        .map_err(|e| faults(vec![("/".into(), "不是完好的网格文件".into(), e.to_string())]))?;
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
    Ok((imported, bytes))
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
