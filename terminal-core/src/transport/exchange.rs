//! The transport as the rest of the handset sees it: one blocking exchange at a time.

use crate::transport::{
    cancel::CancelToken,
    error::TransportError,
    request::{Request, Response, Traffic},
};

/// Exchanges requests with one server. Blocking; follows no redirects; retries nothing.
pub trait Transport: Send + Sync {
    /// Sends the request and waits for the whole answer, whatever its status.
    fn exchange(&self, request: &Request) -> Result<Response, TransportError>;
    /// [`Self::exchange`] that a cancel ends in its middle, and what it cost, also when it failed.
    fn carry(&self, request: &Request, cancel: &CancelToken) -> (Result<Response, TransportError>, Traffic) {
        if cancel.is_cancelled() {
            return (Err(TransportError::Cancelled), Traffic::default());
        }
        let outcome = self.exchange(request);
        let traffic = Traffic {
            sent: request.size(),
            received: outcome.as_ref().map_or(0, Response::size),
        };
        (outcome, traffic)
    }
}
