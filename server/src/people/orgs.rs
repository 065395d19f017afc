//! The organisation tree: city, district, street, community, and departments beside them.

use super::scope;
use crate::{
    app::{audit, ctx::Ctx, state::App},
    auth::actor::Staff,
    http::body::{Json, Query},
    kernel::{
        failure::{Failure, invalid},
        page::{List, Page, Where},
        text,
    },
    params,
    store::{error::StoreError, tx::Tx},
};
use axum::extract::State;
use protocol::{area::Area, ids::OrgId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// True once a city was founded.
pub(crate) fn any(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    let found = tx.opt("SELECT id FROM org LIMIT 1", params![], |row| {
        row.get::<String>("id")
    })?;
    Ok(found.is_some())
}

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrgKind {
    /// 市
    City,
    /// 区县
    District,
    /// 街道/乡镇
    Street,
    /// 社区/村
    Community,
    /// 终端部门, wherever it hangs
    Department,
}

impl OrgKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::District => "district",
            Self::Street => "street",
            Self::Community => "community",
            Self::Department => "department",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewOrg {
    pub parent: OrgId,
    pub kind: OrgKind,
    pub name: String,
    /// Prefix of the cell codes of the unit's area; longer than the parent's, of a department equal or longer.
    pub area: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Org {
    pub id: OrgId,
    pub parent: Option<OrgId>,
    pub kind: String,
    pub name: String,
    #[schema(value_type = String)]
    pub area: Area,
}

#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrgQuery {
    pub kind: Option<String>,
    /// Only direct children of this unit.
    pub parent: Option<OrgId>,
    pub after: Option<String>,
    pub limit: Option<u32>,
}

/// Inserts a unit; the caller has checked the scope.
pub fn insert(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    parent: Option<OrgId>,
    (kind, name, area): (OrgKind, &str, Area),
) -> Result<OrgId, Failure> {
    let name = text::name("/name", name, 100)?;
    let id = ctx.org_id();
    tx.execute(
        "INSERT INTO org (id, parent, kind, name, area, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            id.to_string(),
            parent.map(|p| p.to_string()),
            kind.as_str(),
            name,
            area.as_str(),
            ctx.now.0
        ],
    )?;
    Ok(id)
}

/// Creates a unit below one in the administrator's area.
#[utoipa::path(post, path = "/v1/orgs", tag = "people", request_body = NewOrg,
    responses((status = 200, body = Org)))]
pub async fn create(
    State(app): State<App>,
    staff: Staff,
    Json(body): Json<NewOrg>,
) -> Result<Json<Org>, Failure> {
    app.write(move |tx, ctx| {
        scope::administers(tx, &staff, body.parent)?;
        if body.kind != OrgKind::Department && scope::in_department(tx, body.parent)? {
            return Err(invalid(
                "/kind",
                "部门下只能设部门",
                "below a department there are only departments",
            ));
        }
        let above = super::lookup::org_area(tx, body.parent)?;
        let area = scope::area_below(&body.area, above)?;
        // An administrator of a unit with the same area would be one of the caller's own level (domain row 4). A city that is
        // one county has its district.
        let is_own_county = above.digits() == 6 && scope::parent(tx, body.parent)?.is_none();
        if body.kind != OrgKind::Department && area == above && !is_own_county {
            return Err(invalid(
                "/area",
                "下级单位的区域应小于上级",
                "the area of a unit must be smaller than that of the unit above",
            ));
        }
        let id = insert(tx, ctx, Some(body.parent), (body.kind, &body.name, area))?;
        audit::note(
            tx,
            ctx,
            Some(staff.person),
            "org.create",
            &format!("org:{id}"),
            "",
        )?;
        Ok(Org {
            id,
            parent: Some(body.parent),
            kind: body.kind.as_str().to_owned(),
            name: body.name.trim().to_owned(),
            area,
        })
    })
    .await
    .map(Json)
}

/// Units in the caller's areas, in any role.
#[utoipa::path(get, path = "/v1/orgs", tag = "people", params(OrgQuery),
    responses((status = 200, body = Page<Org>)))]
pub async fn list(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<OrgQuery>,
) -> Result<Json<Page<Org>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    app.read(move |tx| {
        let mut scope = Where::default();
        let areas: Vec<Area> = staff.grants.iter().map(|g| g.area).collect();
        scope.within("area", &areas);
        if let Some(kind) = &query.kind {
            let kind = scope.bind(kind.as_str());
            scope.and(format!("kind = {kind}"));
        }
        if let Some(parent) = query.parent {
            let parent = scope.bind(parent.to_string());
            scope.and(format!("parent = {parent}"));
        }
        let select = "SELECT id, parent, kind, name, area FROM org";
        let orgs = list.rows(tx, (select, "id"), &scope, |row| {
            Ok(Org {
                id: row.parse("id")?,
                parent: row.parse_opt("parent")?,
                kind: row.get("kind")?,
                name: row.get("name")?,
                area: row.parse("area")?,
            })
        })?;
        list.page(orgs, |o| (o.id,))
    })
    .await
    .map(Json)
}
