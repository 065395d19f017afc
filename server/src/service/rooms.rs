//! The list of all routes and background jobs of the rooms.
//!
//! A new room is named here, in [`super::reactions`] if it follows changes of rooms below it, and in
//! `intake/apply.rs` if a kind of entry is its own.

use super::{health, jobs::BackgroundJob, openapi};
use crate::{
    activities,
    app::tally_job,
    audit, auth, cases, duty, feed, grids,
    http::{body::Json, operation::Operations},
    inspections, intake, people, photos, tasks, terminals,
};
use serde_json::Value;
use std::time::Duration;
use utoipa_axum::routes;

/// Every operation of the service.
pub(crate) fn operations() -> Operations {
    Operations::default()
        .with(health::routes())
        .open(
            "the description of the interface holds no data",
            routes!(openapi_json),
        )
        .with(people::routes::routes())
        .with(audit::routes::routes())
        .with(terminals::routes::routes())
        .with(intake::routes::routes())
        .with(feed::routes::routes())
        .with(photos::routes::routes())
        .with(grids::routes::routes())
        .with(duty::routes::routes())
        .with(tasks::routes::routes())
        .with(inspections::routes::routes())
        .with(cases::routes::routes())
        .with(activities::routes::routes())
}

/// The OpenAPI description of all rooms.
pub fn description() -> Value {
    openapi::describe(operations().into_router())
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "operation", responses((status = 200, body = Object)))]
async fn openapi_json() -> Json<Value> {
    Json(description())
}

/// All background jobs of the server. A name is the key of the job's lease in the database, so it never changes.
pub const JOBS: &[BackgroundJob] = &[
    BackgroundJob {
        name: "intake.apply",
        every: Duration::from_secs(3),
        run: |app| Box::pin(async move { intake::sweep::sweep(&app).await.map(drop) }),
    },
    BackgroundJob {
        name: "session.end",
        every: Duration::from_secs(60),
        run: |app| Box::pin(async move { auth::sessions::sweep(&app).await.map(drop) }),
    },
    BackgroundJob {
        name: "duty.end",
        every: Duration::from_secs(30),
        run: |app| Box::pin(async move { duty::presence::sweep(&app).await.map(drop) }),
    },
    BackgroundJob {
        name: "cases.deadlines",
        every: Duration::from_secs(60),
        run: |app| Box::pin(async move { cases::deadlines::sweep(&app).await.map(drop) }),
    },
    BackgroundJob {
        name: "tally.fold",
        every: Duration::from_secs(5),
        run: |app| Box::pin(async move { tally_job::fold(&app).await.map(drop) }),
    },
    BackgroundJob {
        name: "feed.history",
        every: Duration::from_secs(600),
        run: |app| {
            Box::pin(async move {
                cases::retention::sweep(&app).await?;
                activities::retention::sweep(&app).await.map(drop)
            })
        },
    },
    BackgroundJob {
        name: "photos.compare",
        every: Duration::from_secs(10),
        run: |app| Box::pin(async move { photos::alike::sweep(&app).await.map(drop) }),
    },
    BackgroundJob {
        name: "blobs.uploads",
        every: Duration::from_secs(180),
        run: |app| Box::pin(async move { photos::tus::sweep::sweep(&app).await.map(drop) }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_types_are_described_under_one_schema_name() {
        assert_eq!(operations().shared_schema_names(), BTreeSet::new());
    }
}
