//! For those who run the server: is it alive, can it work, what does it count, what does it offer.

use crate::{
    app::{object_name::ObjectName, state::App},
    http::{body::Json, operation::Operations},
    kernel::{clock::every, failure::Failure},
    params,
};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use protocol::problem::{Problem, ProblemCode};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, sync::OnceLock};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes() -> Operations {
    Operations::default()
        .open("says only that the process lives", routes!(alive))
        .open("says only that the parts answer", routes!(ready))
        .open(
            "checked inside: the metrics token, or a peer on loopback",
            routes!(metrics_page),
        )
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

/// Succeeds if the database answers and the object store accepts a write.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses((status = 200, body = Alive)))]
async fn ready(State(app): State<App>) -> Result<Json<Alive>, Failure> {
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
            Failure::later(ProblemCode::Busy, 5)
        })?;
    Ok(Json(Alive {
        status: "ready".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    }))
}

/// Metrics in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, content_type = "text/plain", body = String),
    (status = 403, body = Problem)
))]
async fn metrics_page(State(app): State<App>, request: Request) -> Result<Response, Failure> {
    let wanted = app.settings.metrics_token.as_str();
    let allowed = if wanted.is_empty() {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        peer.is_some_and(|peer| peer.0.ip().is_loopback())
    } else {
        use protocol::photo::Sha256;
        let given = request.headers().get(header::AUTHORIZATION);
        // Hashes are compared, so that the time tells nothing about the token.
        given.is_some_and(|g| Sha256::of(g.as_bytes()) == Sha256::of(format!("Bearer {wanted}").as_bytes()))
    };
    if !allowed {
        return Err(Failure::of(ProblemCode::Forbidden));
    }
    let handle = recorder();
    handle.run_upkeep();
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        handle.render(),
    )
        .into_response())
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
