//! `GET /v1/field/events`: hints only ("pull now"). They may come twice, late or never.

use crate::{
    app::{listeners::OpenListener, mailbox::MailboxId, state::App},
    auth::{actor::FieldStream, field_tokens},
    http::body::Query,
    kernel::{
        clock::{Timer, restart, sleep, timer, uptime},
        failure::FailureClass,
    },
    store::{Hint, HintListener},
};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{AppendHeaders, IntoResponse},
};
use http_body::Frame;
use protocol::{
    field::{HEARTBEAT_DEFAULT_S, HEARTBEAT_HEADER, HEARTBEATS_S},
    ids::StreamId,
    photo::Sha256,
    problem::Problem,
};
use serde::Deserialize;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

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

/// The event that tells a terminal to pull.
const PULL: &[u8] = b"event: pull\ndata: {}\n\n";
/// The comment of a heartbeat.
const BEAT: &[u8] = b":\n\n";

type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The body of the answer. One small state, not streams and futures inside each other: as many of it are open as there are
/// handsets, and each hint polls it.
struct Events {
    app: App,
    stream: StreamId,
    hints: HintListener,
    listener: OpenListener,
    /// Returns when the server stops.
    stopping: Waiting<()>,
    /// When the token expires. This and the next two in [`uptime`].
    expires: Duration,
    /// When something was sent for the last time.
    sent: Duration,
    heartbeat: Duration,
    /// Ends when the heartbeat is due, if nothing was sent since it was set, or when the token expires.
    timer: Timer,
    step: Step,
}

enum Step {
    /// The first hint is due.
    First,
    Listening,
    /// Hints were lost: it finds out whether the stream may go on.
    Looking(Waiting<bool>),
    Over,
}

impl Events {
    /// What is sent next; `None` at the end.
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<&'static [u8]>> {
        if matches!(self.step, Step::Over)
            || self.listener.poll_replaced(cx).is_ready()
            || self.stopping.as_mut().poll(cx).is_ready()
        {
            return self.end();
        }
        loop {
            match &mut self.step {
                Step::First => return self.pull(),
                Step::Listening => match self.hints.poll(cx) {
                    Poll::Ready(heard) if heard.of(ENDED) => return self.end(),
                    Poll::Ready(heard) if heard.lost() => {
                        self.step = Step::Looking(Box::pin(goes_on(self.app.clone(), self.stream)));
                    }
                    Poll::Ready(_) => return self.pull(),
                    Poll::Pending => break,
                },
                Step::Looking(look) => match look.as_mut().poll(cx) {
                    Poll::Ready(true) => return self.pull(),
                    Poll::Ready(false) => return self.end(),
                    Poll::Pending => break,
                },
                Step::Over => return self.end(),
            }
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let (now, due) = (uptime(), self.sent + self.heartbeat);
            if now >= self.expires {
                return self.end();
            }
            let is_due = now >= due;
            let next = if is_due { now + self.heartbeat } else { due };
            restart(&mut self.timer, next.min(self.expires).saturating_sub(now));
            if is_due {
                self.sent = now;
                return Poll::Ready(Some(BEAT));
            }
        }
        Poll::Pending
    }
    fn pull(&mut self) -> Poll<Option<&'static [u8]>> {
        self.step = Step::Listening;
        self.sent = uptime();
        Poll::Ready(Some(PULL))
    }
    fn end(&mut self) -> Poll<Option<&'static [u8]>> {
        self.step = Step::Over;
        Poll::Ready(None)
    }
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.next(cx);
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(Bytes::from_static(bytes)))))
    }
    fn is_end_stream(&self) -> bool {
        matches!(self.step, Step::Over)
    }
}

/// Whether the stream of a terminal may go on after lost hints: perhaps one of them was that it has ended. Not all listeners
/// look and pull at the same moment.
async fn goes_on(app: App, stream: StreamId) -> bool {
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
) -> impl IntoResponse {
    let topics = vec![
        Hint::Mailbox(MailboxId::Post(field.post).to_string()),
        Hint::Mailbox(MailboxId::Author(field.person).to_string()),
        Hint::Ended(field.stream.to_string()),
    ];
    let left = u64::try_from(field.expires.since(app.clock.now())).unwrap_or(0);
    let (left, now) = (Duration::from_millis(left), uptime());
    let seconds = heartbeat_s(query.heartbeat);
    let heartbeat = Duration::from_secs(u64::from(seconds));
    let mut stopping = app.stopping.subscribe();
    let body = Events {
        stream: field.stream,
        hints: app.store.listen(topics),
        listener: app
            .bounds
            .listeners
            .open(field.stream, app.settings.events_per_terminal),
        stopping: Box::pin(async move {
            // Also returns if the sender was dropped.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }),
        expires: now + left,
        sent: now,
        heartbeat,
        timer: timer(heartbeat.min(left)),
        step: Step::First,
        app,
    };
    (
        AppendHeaders([
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/event-stream"),
            ),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (
                HeaderName::from_static(HEARTBEAT_HEADER),
                HeaderValue::from(seconds),
            ),
        ]),
        Body::new(body),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issue_15_open_stream_is_small() {
        // Beside it: its timer, a future that waits for the server's stop, its topics and its places in two tables.
        let size = size_of::<Events>();
        assert!(size <= 256, "{size}");
    }

    #[test]
    fn w15_the_heartbeat_is_the_asked_one_within_limits_and_30_seconds_for_older_terminals() {
        for (asked, kept) in [(None, 30), (Some(240), 240), (Some(0), 15), (Some(u32::MAX), 300)] {
            assert_eq!(heartbeat_s(asked), kept, "{asked:?}");
        }
    }
}
