//! For those who run the server: is it alive, can it work, what does it count, what does it offer.

use crate::{
    app::{object_name::ObjectName, state::App},
    http::{body::Json, operation::Operations},
    kernel::{clock::every, failure::Failure},
    params,
};
use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use protocol::{
    problem::{Problem, ProblemCode},
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes() -> Operations {
    Operations::default()
        .open("says only that the process lives", routes!(alive))
        .open("says only that the parts answer", routes!(ready))
        .open("checked inside: the metrics token", routes!(metrics_page))
}

/// The process is alive.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Alive {
    pub status: String,
    pub version: String,
}

/// Answers while the process runs. The database is not checked.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = Alive)))]
async fn alive() -> Json<Alive> {
    Json(Alive {
        status: "alive".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    })
}

/// How long an answer of `/readyz` is given again, in ms: anybody may ask, and each look costs a durable write.
const FRESH_MS: i64 = 5000;

/// The last look at the parts of the server: when, and what they answered.
#[derive(Default)]
pub struct Readiness(tokio::sync::Mutex<Option<(Millis, Result<(), Failure>)>>);

/// Succeeds if the database answers and the object store accepts a write, or did so in the last 5 seconds.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses((status = 200, body = Alive)))]
async fn ready(
    State(app): State<App>,
    Extension(last): Extension<Arc<Readiness>>,
) -> Result<Json<Alive>, Failure> {
    // One look at a time; those who ask meanwhile get its result.
    let mut last = last.0.lock().await;
    let now = app.clock.now();
    let is_fresh = |at: Millis| (0..FRESH_MS).contains(&now.since(at));
    match &*last {
        Some((at, looked)) if is_fresh(*at) => looked.clone()?,
        _ => {
            let looked = look(&app).await;
            *last = Some((now, looked.clone()));
            looked?;
        }
    }
    Ok(Json(Alive {
        status: "ready".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    }))
}

async fn look(app: &App) -> Result<(), Failure> {
    app.read(|tx| {
        Ok(tx.one("SELECT COUNT(*) AS n FROM meta", params![], |row| {
            row.get::<i64>("n")
        })?)
    })
    .await?;
    app.blobs
        .put_durable(&ObjectName::Probe, "ready".into())
        .await
        .map_err(|failure| {
            tracing::error!(%failure, "object store");
            // A full disk is named, so that nobody looks for the load; anything else is for the log.
            match failure.code() {
                Some(ProblemCode::Full) => failure,
                _ => Failure::later(ProblemCode::Busy, 5),
            }
        })
}

// The description calls the token optional: a request without one is refused with 403, where a required one means 401.
/// Metrics in the Prometheus text format, for whoever has the token of the settings.
#[utoipa::path(get, path = "/metrics", tag = "operation", security((), ("metrics" = [])), responses(
    (status = 200, content_type = "text/plain", body = String),
    (status = 403, body = Problem)
))]
async fn metrics_page(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    match has_token(&app, &headers) {
        Some(true) => Ok(page()),
        Some(false) | None => Err(Failure::of(ProblemCode::Forbidden)),
    }
}

/// Whether the request has the token of the settings; `None` if there is none.
fn has_token(app: &App, headers: &HeaderMap) -> Option<bool> {
    use protocol::photo::Sha256;
    let wanted = app.settings.metrics_token.as_str();
    let given = headers.get(header::AUTHORIZATION);
    // Hashes are compared, so that the time tells nothing about the token.
    let fits = |given: &HeaderValue| {
        Sha256::of(given.as_bytes()) == Sha256::of(format!("Bearer {wanted}").as_bytes())
    };
    (!wanted.is_empty()).then(|| given.is_some_and(fits))
}

fn page() -> Response {
    let handle = recorder();
    handle.run_upkeep();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, handle.render()).into_response()
}

/// The metrics on a listener of their own, which shows nothing else. Runs until the server stops.
pub async fn serve_metrics(app: App, listener: tokio::net::TcpListener) {
    let mut stopping = app.stopping.subscribe();
    let show = |State(app): State<App>, headers: HeaderMap| async move {
        match has_token(&app, &headers) {
            Some(false) => StatusCode::FORBIDDEN.into_response(),
            Some(true) | None => page(),
        }
    };
    let router = Router::new().route("/metrics", get(show)).with_state(app);
    let served = axum::serve(listener, router).with_graceful_shutdown(async move {
        // Also returns if the sender was dropped.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    });
    if let Err(error) = served.await {
        tracing::error!(%error, "the listener for metrics failed");
    }
}

/// Folds what the histograms gathered, so that a server that nobody scrapes does not grow. Runs for ever.
pub async fn upkeep() {
    let mut timer = every(std::time::Duration::from_secs(30));
    loop {
        timer.tick().await;
        recorder().run_upkeep();
    }
}

/// The process's recorder; the first call installs it.
pub fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let seconds = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];
        let builder = PrometheusBuilder::new();
        let builder = builder
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics is installed; /metrics stays empty");
        }
        handle
    })
}
