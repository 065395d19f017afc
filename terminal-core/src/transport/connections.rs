//! Counts the connections that the HTTP client begins, because each costs bytes that no request shows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// Connections begun since the last [`Self::take`].
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionCount(Arc<AtomicU64>);

impl ConnectionCount {
    pub(super) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl<S> Layer<S> for ConnectionCount {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            count: self.clone(),
        }
    }
}

/// The client's connector.
#[derive(Debug, Clone)]
pub(super) struct Counted<S> {
    inner: S,
    count: ConnectionCount,
}

impl<R, S: Service<R>> Service<R> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }
    fn call(&mut self, request: R) -> S::Future {
        self.count.0.fetch_add(1, Ordering::Relaxed);
        self.inner.call(request)
    }
}
