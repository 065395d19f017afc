//! `GET /v1/field/events`: hints only ("pull now"). They may come twice, late or never.

use crate::{
    app::{mailbox::MailboxId, state::App},
    auth::{actor::FieldStream, field_tokens},
    http::body::Query,
    kernel::{
        clock::sleep,
        failure::{Failure, FailureClass},
    },
    store::{Heard, Hint},
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
    ids::StreamId,
    photo::Sha256,
    problem::Problem,
};
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};

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

/// The place of [`Hint::Ended`] among the topics of a terminal.
const ENDED: usize = 2;
/// After lost hints everybody looks: this many listeners in a second.
const LOOKS_PER_SECOND: u64 = 500;

/// Whether the terminal has to pull after these hints; false if its stream has ended.
async fn has_to_pull(app: App, stream: StreamId, heard: Heard) -> bool {
    if heard.of(ENDED) {
        return false;
    }
    if !heard.lost() {
        return true;
    }
    // Hints were lost, perhaps the one that this stream has ended. Not all listeners look and pull at the same moment.
    let spread = app.bounds.listeners.count() as u64 * 1000 / LOOKS_PER_SECOND;
    let own = Sha256::of(stream.to_string().as_bytes()).0;
    let own = own.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    sleep(Duration::from_millis(own % spread.max(1))).await;
    let (now, right) = (app.clock.now(), field_tokens::right(stream));
    let held = app.read(move |tx| right.check(tx, now)).await;
    held.is_ok() || held.is_err_and(|failure| failure.kind() != FailureClass::Refused)
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
    let topics = vec![
        Hint::Mailbox(MailboxId::Post(field.post).to_string()),
        Hint::Mailbox(MailboxId::Author(field.person).to_string()),
        Hint::Ended(field.stream.to_string()),
    ];
    let (mut hints, parts, own) = (app.store.listen(topics), app.clone(), field.stream);
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
    let first = futures_util::stream::once(futures_util::future::ready(()));
    let later = futures_util::stream::poll_fn(move |cx| hints.poll(cx).map(Some))
        .then(move |heard| has_to_pull(parts.clone(), own, heard))
        .take_while(|goes_on| futures_util::future::ready(*goes_on))
        .map(drop);
    let stream = first
        .chain(later)
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
