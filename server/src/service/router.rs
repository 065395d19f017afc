//! The whole service: all rooms' routes under one router, with what stands around every request.

use super::{health, rooms::operations};
use crate::{
    app::state::App,
    http::{coding, edge, problem},
};
use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
};
use protocol::problem::ProblemCode;
use std::sync::{Arc, LazyLock};
use tower_http::{compression::CompressionLayer, decompression::RequestDecompressionLayer};

/// The service, ready to be served.
pub fn router(app: &App) -> Router {
    // The routes are the same for every App, and building them takes most of the time of a start.
    static ROUTES: LazyLock<Router<App>> = LazyLock::new(|| operations().into_router().split_for_parts().0);
    around(app, ROUTES.clone())
}

/// Adds the layers of every request. From the outside in: compression of answers, request id with log and metrics,
/// decompression of bodies, and the limits, which apply to the decompressed size.
pub fn around(app: &App, router: Router<App>) -> Router {
    health::recorder();
    router
        .fallback(|| async { problem::of(ProblemCode::NotFound) })
        .method_not_allowed_fallback(|| async { problem::of(ProblemCode::MethodNotAllowed) })
        .layer(Extension(Arc::new(health::Readiness::default())))
        .layer(from_fn(coding::known))
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(from_fn_with_state(app.clone(), edge::around))
        .layer(CompressionLayer::new())
        .with_state(app.clone())
}
