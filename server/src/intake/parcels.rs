//! The list of received parcels for staff: who handed over what, when and why, and the parts that are no entries.

use super::{parcel::ParcelSource, readers::INSPECTORS};
use crate::{
    app::state::App,
    auth::actor::Staff,
    http::body::{Json, Path, Query},
    kernel::{
        failure::Failure,
        page::{List, Page, Where},
    },
    params,
    store::{error::StoreError, tx::Tx, value::Row},
};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use protocol::{
    area::Area,
    ids::{EventId, StreamId},
    open::Open,
    parcel::SealedFor,
    photo::Sha256,
    problem::Problem,
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// A parcel, as shown to staff.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ParcelView {
    pub id: EventId,
    pub stream: StreamId,
    /// Label on the device.
    pub terminal: String,
    pub holder_name: String,
    pub post_name: String,
    pub sealed_for: Open<SealedFor>,
    /// Time by the handset's clock, corrected by its known offset.
    pub sealed_at: Millis,
    pub received: Millis,
    pub carried_by: ParcelSource,
    /// Number of items that the handset still had to hand over after this parcel.
    pub left: u64,
    pub entries: u32,
    pub drafts: u32,
    pub photos: u32,
    /// Number of its entries that wait in the review queue.
    pub in_review: u32,
    /// The first of the contents that were not taken as entries: drafts, and refused entries. All of them:
    /// `GET /v1/parcels/{parcel}/kept`.
    pub kept: Vec<KeptItem>,
}

/// Content of a parcel that was not taken as an entry; its bytes are read one by one.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeptItem {
    pub sha256: Sha256,
    /// `draft` or `entry`
    pub kind: String,
    /// Kind of a draft, or the code with which an entry was refused.
    pub code: String,
    /// In bytes.
    pub size: u64,
}

/// Contents that the list of parcels names of each parcel.
const FIRST: u32 = 20;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ParcelQuery {
    stream: Option<StreamId>,
    #[param(value_type = Option<EventId>)]
    after: Option<String>,
    limit: Option<u32>,
}

/// Parcels of the posts in the caller's areas, oldest first: who handed over what, when and why.
#[utoipa::path(
    get, path = "/v1/parcels", tag = "review", params(ParcelQuery),
    responses((status = 200, body = Page<ParcelView>), (status = 403, body = Problem))
)]
pub(super) async fn list(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<ParcelQuery>,
) -> Result<Json<Page<ParcelView>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    let areas = staff.areas(INSPECTORS);
    app
        .read(move |tx| {
            let mut filter = Where::default();
            filter.within("o.area", &areas);
            if let Some(stream) = query.stream {
                let stream = filter.bind(stream.to_string());
                filter.and(format!("c.stream = {stream}"));
            }
            // The second condition on the state is that of the index of unsettled entries.
            let select =
                "SELECT c.id, c.stream, c.sealed_for, c.sealed_at, c.received, c.carried_by, c.remaining, c.entries,
                        c.drafts, c.photos, t.label, h.name AS holder_name, p.name AS post_name,
                        (SELECT COUNT(*) FROM entry e WHERE e.push = c.id AND e.state = 'review'
                            AND e.state NOT IN ('applied', 'rejected')) AS in_review
                 FROM parcel c JOIN stream s ON s.id = c.stream JOIN terminal t ON t.id = s.terminal
                 JOIN post p ON p.id = s.post JOIN org o ON o.id = p.org JOIN person h ON h.id = s.person";
            let mut parcels = list.rows(tx, (select, "c.id"), &filter, view)?;
            for parcel in &mut parcels {
                parcel.kept = kept_of(tx, parcel.id)?;
            }
            list.page(parcels, |parcel| (parcel.id,))
        })
        .await
        .map(Json)
}

fn view(row: &Row) -> Result<ParcelView, StoreError> {
    let sealed_for: String = row.get("sealed_for")?;
    let left: i64 = row.get("remaining")?;
    Ok(ParcelView {
        id: row.parse("id")?,
        stream: row.parse("stream")?,
        terminal: row.get("label")?,
        holder_name: row.get("holder_name")?,
        post_name: row.get("post_name")?,
        sealed_for: sealed_for.parse().map_or(Open::Other(sealed_for), Open::Known),
        sealed_at: Millis(row.get("sealed_at")?),
        received: Millis(row.get("received")?),
        carried_by: match row.get::<Option<String>>("carried_by")?.as_deref() {
            Some("file") => ParcelSource::File,
            _ => ParcelSource::Network,
        },
        left: u64::try_from(left).unwrap_or(0),
        entries: row.get("entries")?,
        drafts: row.get("drafts")?,
        photos: row.get("photos")?,
        in_review: row.get("in_review")?,
        kept: Vec::new(),
    })
}

fn kept_of(tx: &mut Tx<'_>, parcel: EventId) -> Result<Vec<KeptItem>, StoreError> {
    tx.all(
        "SELECT sha256, kind, code, length(bytes) AS size FROM parcel_item WHERE parcel = ?1 ORDER BY sha256 LIMIT ?2",
        params![parcel.to_string(), FIRST],
        kept_row,
    )
}

fn kept_row(row: &Row) -> Result<KeptItem, StoreError> {
    Ok(KeptItem {
        sha256: row.parse("sha256")?,
        kind: row.get("kind")?,
        code: row.get("code")?,
        size: row.get("size")?,
    })
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct KeptQuery {
    #[param(value_type = Option<Sha256>)]
    after: Option<String>,
    limit: Option<u32>,
}

/// Items of the parcel, which must be of a post in one of the areas.
fn items_of(parcel: EventId, areas: &[Area]) -> Where {
    let mut filter = Where::default();
    filter.within("o.area", areas);
    let parcel = filter.bind(parcel.to_string());
    filter.and(format!("i.parcel = {parcel}"));
    filter
}

const PARCELS: &str =
    "FROM parcel c JOIN stream s ON s.id = c.stream JOIN post p ON p.id = s.post JOIN org o ON o.id = p.org";

const ITEMS: &str = "FROM parcel_item i JOIN stream s ON s.id = i.stream JOIN post p ON p.id = s.post JOIN org o ON o.id = p.org";

/// What a parcel brought that was not taken as an entry, by hash.
#[utoipa::path(
    get, path = "/v1/parcels/{parcel}/kept", tag = "review",
    params(("parcel" = EventId, Path), KeptQuery),
    responses(
        (status = 200, body = Page<KeptItem>),
        (status = 403, body = Problem),
        (status = 404, description = "no such parcel in the caller's areas", body = Problem),
    )
)]
pub(super) async fn kept(
    State(app): State<App>,
    staff: Staff,
    Path(parcel): Path<EventId>,
    Query(query): Query<KeptQuery>,
) -> Result<Json<Page<KeptItem>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    let areas = staff.areas(INSPECTORS);
    let filter = items_of(parcel, &areas);
    let mut seen = Where::default();
    seen.within("o.area", &areas);
    let id = seen.bind(parcel.to_string());
    seen.and(format!("c.id = {id}"));
    let seen_sql = format!("SELECT c.id {PARCELS} {}", seen.sql());
    let select = format!("SELECT i.sha256, i.kind, i.code, length(i.bytes) AS size {ITEMS}");
    app.read(move |tx| {
        tx.one(&seen_sql, seen.values(), |row| row.get::<String>("id"))?;
        let items = list.rows(tx, (&select, "i.sha256"), &filter, kept_row)?;
        list.page(items, |item| (item.sha256,))
    })
    .await
    .map(Json)
}

/// One of these items, unchanged, as the handset wrote it.
#[utoipa::path(
    get, path = "/v1/parcels/{parcel}/kept/{sha256}", tag = "review",
    params(("parcel" = EventId, Path), ("sha256" = Sha256, Path)),
    responses(
        (status = 200, content_type = "text/plain", body = String),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
    )
)]
pub(super) async fn kept_item(
    State(app): State<App>,
    staff: Staff,
    Path((parcel, sha256)): Path<(EventId, Sha256)>,
) -> Result<Response, Failure> {
    let mut filter = items_of(parcel, &staff.areas(INSPECTORS));
    let hash = filter.bind(sha256.to_string());
    filter.and(format!("i.sha256 = {hash}"));
    let sql = format!("SELECT i.bytes {ITEMS} {}", filter.sql());
    let bytes = app
        .read(move |tx| Ok(tx.one(&sql, filter.values(), |row| row.get::<Vec<u8>>("bytes"))?))
        .await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response())
}
