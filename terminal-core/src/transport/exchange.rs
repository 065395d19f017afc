//! The transport trait: one blocking exchange at a time.

use crate::transport::{
    cancel::CancelToken,
    error::TransportError,
    request::{Request, Response, Traffic},
};

/// Exchanges requests with one server. Blocking; follows no redirects; retries nothing.
pub trait Transport: Send + Sync {
    /// Sends the request and waits for the whole response, whatever its status.
    fn exchange(&self, request: &Request) -> Result<Response, TransportError>;
    /// As [`Self::exchange`], but `cancel` can interrupt it. Also returns the bytes used, including for a
    /// failed exchange.
    fn carry(&self, request: &Request, cancel: &CancelToken) -> (Result<Response, TransportError>, Traffic) {
        if cancel.is_cancelled() {
            return (Err(TransportError::Cancelled), Traffic::default());
        }
        let outcome = self.exchange(request);
        let received = outcome.as_ref().map_or(0, Response::size);
        let traffic = Traffic::exchange(request.size(), received);
        (outcome, traffic)
    }
}
