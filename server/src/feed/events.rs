//! `GET /v1/field/events`: hints only ("pull now"). They may come twice, late or never.

use crate::{
    app::{mailbox::MailboxId, state::App},
    auth::actor::FieldStream,
    kernel::{clock::sleep, failure::Failure},
    store::hint::Hint,
};
use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt};
use protocol::problem::Problem;
use std::{convert::Infallible, time::Duration};
use tokio_stream::wrappers::BroadcastStream;

/// Interval of comments on an idle connection, so that both ends notice a broken one.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Server-sent hints for the terminal's two mailboxes. The first hint is sent at once, because rows may have been
/// added before the connection was opened. The connection ends when the token expires or the server stops.
#[utoipa::path(
    get, path = "/v1/field/events", tag = "field",
    responses(
        (status = 200, description = "Server-sent events `pull`", content_type = "text/event-stream", body = String),
        (status = 401, body = Problem),
    )
)]
pub(super) async fn events(
    State(app): State<App>,
    field: FieldStream,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
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
        .map(|()| Ok(Event::default().event("pull").data("{}")))
        .take_until(end);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}
