//! `GET /v1/field/events`: hints only ("pull now"). They may come twice, late or never.

use crate::{
    app::{mailbox::MailboxId, state::App},
    auth::actor::FieldStream,
    http::body::Query,
    kernel::{clock::sleep, failure::Failure},
    store::hint::Hint,
};
use axum::{
    extract::State,
    http::HeaderValue,
    response::{
        AppendHeaders, IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::StreamExt;
use protocol::{
    field::{HEARTBEAT_DEFAULT_S, HEARTBEAT_HEADER, HEARTBEATS_S},
    problem::Problem,
};
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};
use tokio_stream::wrappers::BroadcastStream;

/// What the terminal asks of the stream.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Seconds between two comments on an idle stream, by which both ends notice a broken connection. The
    /// server takes the nearest value from 15 to 300 and names it in the header `xunge-heartbeat`; 30 if
    /// absent.
    heartbeat: Option<u32>,
}

/// The interval that the server keeps, in seconds.
fn heartbeat_s(asked: Option<u32>) -> u32 {
    asked
        .unwrap_or(HEARTBEAT_DEFAULT_S)
        .clamp(*HEARTBEATS_S.start(), *HEARTBEATS_S.end())
}

/// Server-sent hints for the terminal's two mailboxes. The first hint is sent at once, because rows may have been
/// added before the connection was opened. The connection ends when the token expires or the server stops.
#[utoipa::path(
    get, path = "/v1/field/events", tag = "field",
    params(EventsQuery),
    responses(
        (status = 200, description = "Server-sent events `pull`", content_type = "text/event-stream", body = String),
        (status = 401, body = Problem),
    )
)]
pub(super) async fn events(
    State(app): State<App>,
    field: FieldStream,
    Query(query): Query<EventsQuery>,
) -> Result<impl IntoResponse, Failure> {
    let boxes = [
        MailboxId::Post(field.post).to_string(),
        MailboxId::Author(field.person).to_string(),
    ];
    let hints = BroadcastStream::new(app.store.hints()).filter_map(move |hint| {
        let concerns = match hint {
            Ok(Hint::Mailbox(id)) => boxes.contains(&id),
            Ok(Hint::All) => true,
            Ok(Hint::Jobs | Hint::Grids) => false,
            // The receiver lagged: one of the dropped hints may have named these mailboxes.
            Err(_lagged) => true,
        };
        futures_util::future::ready(concerns.then_some(()))
    });
    let left = u64::try_from(field.expires.since(app.clock.now())).unwrap_or(0);
    let mut stopping = app.stopping.subscribe();
    let end = async move {
        tokio::select! {
            () = sleep(Duration::from_millis(left)) => {}
            // Also returns if the sender was dropped.
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    };
    let stream = futures_util::stream::once(futures_util::future::ready(()))
        .chain(hints)
        .map(|()| Ok::<_, Infallible>(Event::default().event("pull").data("{}")))
        .take_until(end);
    let seconds = heartbeat_s(query.heartbeat);
    let every = KeepAlive::new().interval(Duration::from_secs(u64::from(seconds)));
    Ok((
        AppendHeaders([(HEARTBEAT_HEADER, HeaderValue::from(seconds))]),
        Sse::new(stream).keep_alive(every),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w15_the_heartbeat_is_the_asked_one_within_limits_and_30_seconds_for_older_terminals() {
        for (asked, kept) in [(None, 30), (Some(240), 240), (Some(0), 15), (Some(u32::MAX), 300)] {
            assert_eq!(heartbeat_s(asked), kept, "{asked:?}");
        }
    }
}
