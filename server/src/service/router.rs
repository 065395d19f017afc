//! The whole service: all rooms' routes under one router, with what stands around every request.

use super::health;
use crate::{
    activities,
    app::state::App,
    cases, duty, feed, grids,
    http::{coding, edge, operation::Operations, problem},
    intake, people, photos, tasks, terminals,
};
use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
};
use protocol::problem::ProblemCode;
use std::sync::LazyLock;
use tower_http::{compression::CompressionLayer, decompression::RequestDecompressionLayer};
use utoipa_axum::router::OpenApiRouter;

/// Every operation of the service.
pub(super) fn operations() -> OpenApiRouter<App> {
    Operations::default()
        .with(health::routes())
        .with(people::routes())
        .with(terminals::routes())
        .with(intake::routes())
        .with(feed::routes())
        .with(photos::routes())
        .with(grids::routes::routes())
        .with(duty::routes::routes())
        .with(tasks::routes::routes())
        .with(cases::routes::routes())
        .with(activities::routes::routes())
        .into_router()
}

/// The service, ready to be served.
pub fn router(app: &App) -> Router {
    // The routes are the same for every App; putting them together is most of a server's start.
    static ROUTES: LazyLock<Router<App>> = LazyLock::new(|| operations().split_for_parts().0);
    around(app, ROUTES.clone())
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
