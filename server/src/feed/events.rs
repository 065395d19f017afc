//! `GET /v1/field/events`: hints only ("pull now"). They may come twice, late or never.

use crate::{
    app::{mailbox::MailboxId, state::App},
    auth::{actor::FieldStream, field_tokens},
    http::body::Query,
    kernel::{
        clock::sleep,
        failure::{Failure, FailureClass},
    },
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

/// What a hint means for one terminal.
enum Heard {
    /// It has new rows.
    Pull,
    /// Its stream has ended.
    End,
    /// Hints were lost.
    Look,
}

/// Server-sent hints for the terminal's two mailboxes. The first hint is sent at once, because rows may have been
/// added before the connection was opened. The connection ends when the token expires, when the stream is revoked, when
/// the terminal opens more than a few of them (the oldest one ends), or when the server stops.
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
    let own = field.stream.to_string();
    let right = field_tokens::right(field.stream);
    let parts = app.clone();
    // `None` ends the stream.
    let hints = BroadcastStream::new(app.store.hints()).filter_map(move |hint| {
        let heard = match hint {
            Ok(Hint::Mailbox(id)) => boxes.contains(&id).then_some(Heard::Pull),
            Ok(Hint::Ended(id)) => (id == own).then_some(Heard::End),
            Ok(Hint::All) => Some(Heard::Look),
            Ok(Hint::Jobs | Hint::Grids) => None,
            // The receiver lagged: one of the dropped hints may have been for this stream.
            Err(_lagged) => Some(Heard::Look),
        };
        let (parts, right) = (parts.clone(), right.clone());
        async move {
            match heard? {
                Heard::Pull => Some(Some(())),
                Heard::End => Some(None),
                // Hints were lost, perhaps the one that this stream has ended.
                Heard::Look => {
                    let now = parts.clock.now();
                    let held = parts.read(move |tx| right.check(tx, now)).await;
                    let has_ended = held.is_err_and(|failure| failure.kind() == FailureClass::Refused);
                    Some((!has_ended).then_some(()))
                }
            }
        }
    });
    let left = u64::try_from(field.expires.since(app.clock.now())).unwrap_or(0);
    let mut stopping = app.stopping.subscribe();
    let mut listener = app
        .bounds
        .listeners
        .open(field.stream, app.settings.events_per_terminal);
    let end = async move {
        tokio::select! {
            () = listener.replaced() => {}
            () = sleep(Duration::from_millis(left)) => {}
            // Also returns if the sender was dropped.
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    };
    let stream = futures_util::stream::once(futures_util::future::ready(Some(())))
        .chain(hints)
        .take_while(|heard| futures_util::future::ready(heard.is_some()))
        .map(|_| Ok::<_, Infallible>(Event::default().event("pull").data("{}")))
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
