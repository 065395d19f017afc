//! The operations on grids and reference data.

use super::{
    import::{GridImport, GridInput, ImportWishes, answer, check, judge, keep_pack, put_in_force},
    map, reference, upload,
};
use crate::{
    app::{audit, object_name::ObjectName, state::App},
    auth::actor::{FieldStream, Staff},
    http::{
        body::{Json, Path, Query},
        operation::Operations,
        range::RangeAnswer,
    },
    kernel::failure::{Failure, invalid},
    params,
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt as _, future, stream};
use grid::source::SourceDatum;
use protocol::{
    codes::{CountyCode, GridVersion},
    manifest::SignedManifest,
    photo::Sha256,
    problem::{Problem, ProblemCode},
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use utoipa_axum::routes;

/// Bytes of a file that are in memory for one reader.
const PIECE: u64 = 512 * 1024;
/// Digits of a county's code.
const COUNTY_DIGITS: u8 = 6;

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .staff(&[Role::Admin], routes!(take))
        .staff(&[], routes!(list))
        .staff(&[], routes!(cells))
        .field(routes!(manifest))
        .field(routes!(file))
}

/// A grid version (immutable).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GridRow {
    pub version: GridVersion,
    pub county: CountyCode,
    pub sha256: Sha256,
    pub size: u64,
    pub cells: u64,
    pub imported: Millis,
    /// True if places are looked up in this version.
    pub in_force: bool,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Wishes {
    /// The version, for files that name none: letters, digits, dots, hyphens and underscores, such as `220104.1`.
    version: Option<String>,
    /// The datum of the coordinates: `wgs84`, `cgcs2000` (EPSG:4490), `gcj02` or `bd09`. Needed if the file states none, or
    /// a shifted one; refused if it contradicts the file.
    source_datum: Option<String>,
    /// Check and compare only; nothing changes.
    #[serde(default)]
    dry_run: bool,
    /// Put it in force although it loses cells or land, or moves cells.
    #[serde(default)]
    replace: bool,
}

impl Wishes {
    fn read(self) -> Result<ImportWishes, Failure> {
        let datum = |text: String| {
            let words = "wgs84、cgcs2000、gcj02 或 bd09";
            text.parse::<SourceDatum>()
                .map_err(|en| invalid("?source_datum", format!("应为 {words}"), en))
        };
        Ok(ImportWishes {
            version: self.version.map(GridVersion),
            source_datum: self.source_datum.map(datum).transpose()?,
            snap_m: None,
            outline: None,
            replace: self.replace,
            dry_run: self.dry_run,
        })
    }
}

/// Imports a grid of a county in the caller's areas: GeoJSON in which the checker finds no fault, or a pack. One at a time:
/// while another grid arrives the answer is `server.busy`.
#[utoipa::path(
    post, path = "/v1/grids", tag = "grids",
    params(Wishes),
    request_body(content((Object = "application/geo+json"), (String = "application/octet-stream"))),
    responses(
        (status = 200, body = GridImport),
        (status = 403, body = Problem),
        (status = 409, body = Problem, description = "`grid.replaces`, with the cells and the land that would be lost and \
            the distances moved: repeat it with `replace` if this is meant"),
        (status = 422, body = Problem, description = "`grid.faults`, with every finding and its position"),
    )
)]
async fn take(
    State(app): State<App>,
    staff: Staff,
    Query(wishes): Query<Wishes>,
    body: Body,
) -> Result<Json<GridImport>, Failure> {
    // Grids are those of a county: an administrator of less has no use for the body.
    let areas = staff.areas(&[Role::Admin]);
    if !areas.iter().any(|area| area.digits() <= COUNTY_DIGITS) {
        return Err(Failure::of(ProblemCode::OutOfScope));
    }
    let wishes = wishes.read()?;
    let file = upload::receive(&app, body).await?;
    let checking = app.scratch.checking.acquire().await.map_err(Failure::internal)?;
    let bytes = tokio::task::spawn_blocking(move || upload::read(file));
    let bytes = bytes.await.map_err(Failure::internal)??;
    let checked = check(&app.store, GridInput::Bytes(bytes), &wishes).await?;
    staff.require(Role::Admin, checked.imported.county)?;
    let judged = judge(&app.store, &app.blobs, &checked, &wishes).await?;
    drop(checking);
    let against = judged.against;
    let answer = answer(&app.store, &checked, judged, &wishes).await?;
    if wishes.dry_run {
        return Ok(Json(answer));
    }
    let kept = keep_pack(&app.blobs, checked).await?;
    let person = staff.person;
    app.write(move |tx, ctx| {
        put_in_force(tx, &kept, against, ctx.now)?;
        Ok(audit::note(
            tx,
            ctx,
            Some(person),
            "grid.import",
            &kept.imported.version.0,
            "",
        )?)
    })
    .await?;
    app.grids.renew(&app.store, &app.blobs).await?;
    Ok(Json(answer))
}

/// All grid versions, newest first within a county.
#[utoipa::path(get, path = "/v1/grids", tag = "grids", responses((status = 200, body = Vec<GridRow>)))]
async fn list(State(app): State<App>, _staff: Staff) -> Result<Json<Vec<GridRow>>, Failure> {
    let in_force: Vec<GridVersion> = app.grids.all().iter().map(|p| p.version().clone()).collect();
    let rows = app
        .read(move |tx| {
            Ok(tx.all(
                "SELECT version, county, sha256, size, cells, imported FROM grid
                 ORDER BY county, imported DESC, version",
                params![],
                |row| {
                    let version = GridVersion(row.get("version")?);
                    Ok(GridRow {
                        in_force: in_force.contains(&version),
                        version,
                        county: row.parse("county")?,
                        sha256: row.parse("sha256")?,
                        size: row.get("size")?,
                        cells: row.get("cells")?,
                        imported: Millis(row.get("imported")?),
                    })
                },
            )?)
        })
        .await?;
    Ok(Json(rows))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Within {
    /// County, street, community or cell code; without it, the whole grid.
    #[serde(default)]
    area: String,
}

/// Cells of a grid in force, for maps.
#[utoipa::path(
    get, path = "/v1/grids/{version}/cells", tag = "grids",
    params(("version" = String, Path), Within),
    responses((status = 200, content_type = "application/geo+json", body = Object), (status = 404, body = Problem))
)]
async fn cells(
    State(app): State<App>,
    _staff: Staff,
    Path(version): Path<String>,
    Query(within): Query<Within>,
) -> Result<Response, Failure> {
    let loaded = app
        .grids
        .all()
        .into_iter()
        .find(|loaded| loaded.version().0 == version)
        .ok_or_else(|| Failure::of(ProblemCode::NotFound))?;
    let text = map::cells(&loaded, &within.area);
    Ok(([(header::CONTENT_TYPE, "application/geo+json")], text).into_response())
}

/// The signed list of reference files for this handset.
#[utoipa::path(
    get, path = "/v1/field/manifest", tag = "field",
    responses((status = 200, body = SignedManifest), (status = 401, body = Problem))
)]
async fn manifest(State(app): State<App>, field: FieldStream) -> Result<Json<SignedManifest>, Failure> {
    Ok(Json(reference::manifest(&app, field.certificate.county).await?))
}

/// A file of the manifest. `Range` continues an interrupted download.
#[utoipa::path(
    get, path = "/v1/field/files/{sha256}", tag = "field",
    params(("sha256" = Sha256, Path)),
    responses(
        (status = 200, content_type = "application/octet-stream", body = String),
        (status = 206, content_type = "application/octet-stream", body = String), (status = 416), (status = 404, body = Problem),
    )
)]
async fn file(
    State(app): State<App>,
    field: FieldStream,
    Path(sha256): Path<Sha256>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let size = reference::listed_size(&app, field.certificate.county, sha256).await?;
    let size = size.ok_or_else(|| Failure::of(ProblemCode::NotFound))?;
    let asked = RangeAnswer::to(&headers, size, sha256, "application/octet-stream");
    let Some(span) = asked.span() else {
        return Ok(asked.with(Bytes::new()));
    };
    let (length, end) = (span.end - span.start, span.end);
    let next = move |at: u64| at..(at + PIECE).min(end);
    let first = next(span.start);
    let bytes = piece(&app, sha256, first.clone()).await?;
    if first.end == end {
        return Ok(asked.with(bytes));
    }
    // The rest is read while the client takes it: a file in memory for each slow reader would be most of the memory.
    let rest = stream::try_unfold(first.end, move |at| {
        let app = app.clone();
        async move {
            let span = next(at);
            let bytes = match span.is_empty() {
                true => None,
                false => Some(piece(&app, sha256, span.clone()).await?),
            };
            Ok::<_, Failure>(bytes.map(|bytes| (bytes, span.end)))
        }
    });
    let whole = stream::once(future::ready(Ok(bytes))).chain(rest);
    Ok(asked.with_body(Body::from_stream(whole), length))
}

/// A part of a reference file.
async fn piece(app: &App, sha256: Sha256, span: Range<u64>) -> Result<Bytes, Failure> {
    let wanted = span.end - span.start;
    let bytes = app
        .blobs
        .get_part(&ObjectName::Reference { sha256 }, span)
        .await?;
    if bytes.len() as u64 != wanted {
        let what = format!("reference file {sha256} is shorter than its row says");
        return Err(Failure::internal(what));
    }
    Ok(bytes)
}
