//! The whole service: all rooms' routes under one router.

use super::{operation::Operations, problem};
use crate::{
    activities, app::App, blobs, cases, duty, feed, grids, intake, people, tasks, terminals,
};
use axum::Router;
use protocol::problem::ProblemCode;
use utoipa_axum::router::OpenApiRouter;

/// Every operation of the service.
fn operations(app: &App) -> OpenApiRouter<App> {
    Operations::new(app)
        .with(people::routes(app))
        .with(terminals::routes(app))
        .with(intake::routes(app))
        .with(feed::routes(app))
        .with(blobs::routes(app))
        .with(grids::routes(app))
        .with(duty::routes(app))
        .with(tasks::routes(app))
        .with(cases::routes(app))
        .with(activities::routes(app))
        .into_router()
}

/// The service, ready to be served.
pub fn router(app: &App) -> Router {
    let (router, _description) = operations(app).split_for_parts();
    router
        .fallback(|| async { problem::of(ProblemCode::NotFound) })
        .method_not_allowed_fallback(|| async { problem::of(ProblemCode::MethodNotAllowed) })
        .with_state(app.clone())
}
