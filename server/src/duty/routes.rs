//! The operation that lists who is on duty.

use super::on_duty::{self, OnDuty};
use crate::{
    app::state::App,
    auth::actor::Staff,
    http::{
        body::{Json, Query},
        operation::Operations,
    },
    kernel::{
        failure::Failure,
        page::{List, Page},
    },
};
use axum::extract::State;
use protocol::{problem::Problem, role::Role};
use serde::Deserialize;
use utoipa_axum::routes;

/// Roles that see who is on duty.
const READERS: &[Role] = &[
    Role::Supervisor,
    Role::ShiftLeader,
    Role::Acceptor,
    Role::CommandCentre,
];

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default().staff(READERS, routes!(duty))
}

/// Which part of the list to read.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DutyQuery {
    /// Prefix of cell codes. Only posts with an area there are listed.
    pub area: Option<String>,
    pub after: Option<String>,
    pub limit: Option<u32>,
}

/// People on duty now whose posts have an area inside the caller's areas.
#[utoipa::path(get, path = "/v1/duty", tag = "duty", params(DutyQuery),
    responses((status = 200, body = Page<OnDuty>), (status = "4XX", body = Problem)))]
async fn duty(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<DutyQuery>,
) -> Result<Json<Page<OnDuty>>, Failure> {
    let list = List::new(query.limit, query.after.as_deref())?;
    let now = app.clock.now();
    let areas = staff.areas(READERS);
    app.read(move |tx| {
        let page = on_duty::list(tx, now, (&areas, query.area.as_deref()), &list)?;
        Ok(page)
    })
    .await
    .map(Json)
}
