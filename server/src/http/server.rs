//! The whole service: all rooms' routes under one router, with what stands around every request.

use super::{coding, edge, health, operation::Operations, problem};
use crate::{activities, app::App, blobs, cases, duty, feed, grids, intake, people, tasks, terminals};
use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
};
use protocol::problem::ProblemCode;
use tower_http::{compression::CompressionLayer, decompression::RequestDecompressionLayer};
use utoipa_axum::router::OpenApiRouter;

/// Every operation of the service.
pub(super) fn operations(app: &App) -> OpenApiRouter<App> {
    Operations::new(app)
        .with(health::routes(app))
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
    around(app, router)
}

/// Puts routes into what stands around every request. From the outside in: answers are compressed, the edge
/// names, logs and counts, bodies are decompressed, and the limits hold for what comes out of that.
pub fn around(app: &App, router: Router<App>) -> Router {
    health::recorder();
    router
        .fallback(|| async { problem::of(ProblemCode::NotFound) })
        .method_not_allowed_fallback(|| async { problem::of(ProblemCode::MethodNotAllowed) })
        .layer(from_fn(coding::known))
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(from_fn_with_state(app.clone(), edge::around))
        .layer(CompressionLayer::new())
        .with_state(app.clone())
}
