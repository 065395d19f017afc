//! The operation on the audit log.

use super::log::{self, AuditLine, AuditQuery, AuditScope};
use crate::{
    app::state::App,
    auth::actor::Staff,
    http::{
        body::{Json, Query},
        operation::Operations,
    },
    kernel::{failure::Failure, page::Page},
};
use axum::extract::State;
use protocol::{problem::Problem, role::Role};
use utoipa_axum::routes;

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default().staff(&[Role::Auditor], routes!(audit))
}

/// The audit log, oldest row first: acts of the people of the caller's units and of units below. Each reading is a row of
/// the log itself (DC-05).
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = Page<AuditLine>), (status = "4XX", body = Problem)))]
async fn audit(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditLine>>, Failure> {
    app.write(move |tx, ctx| {
        let reach = AuditScope::of(tx, &staff)?;
        log::read(tx, ctx, Some(staff.person), &reach, &query)
    })
    .await
    .map(Json)
}
