//! The right by which a request acts, looked at again inside each of its writes.
//!
//! A request is let in before its body is read, and a body may take minutes. A stream that is revoked, a person who is
//! disabled, a session that is ended and a role that is taken meanwhile must not write any more. The check is part of the
//! writing transaction, so a person who takes the right away and gets an answer knows that nothing follows.

use crate::{
    kernel::failure::Failure,
    store::{ReadTurn, tx::Tx},
};
use protocol::time::Millis;
use std::sync::Arc;

tokio::task_local! {
    static RIGHT: Right;
}

type Check = dyn Fn(&mut Tx<'_>, Millis) -> Result<(), Failure> + Send + Sync;

/// A right that can end while a request is under way.
#[derive(Clone)]
pub struct Right(Arc<Check>);

impl Right {
    /// `check` fails if the right has ended by the given time.
    pub fn new(check: impl Fn(&mut Tx<'_>, Millis) -> Result<(), Failure> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Runs the work of a request: its writes are made by this right.
    pub async fn during<F: Future>(self, work: F) -> F::Output {
        RIGHT.scope(self, work).await
    }

    /// The right of the request that runs here; `None` outside of requests, and for those that anybody may make.
    pub(super) fn current() -> Option<Self> {
        RIGHT.try_with(Self::clone).ok()
    }

    /// Fails if the right has ended by `now`.
    pub fn check(&self, tx: &mut Tx<'_>, now: Millis) -> Result<(), Failure> {
        (self.0)(tx, now)
    }
}

/// As [`tokio::spawn`] for a part of a request that goes on when the client disconnects: it keeps the request's right and
/// its turn.
pub fn spawn<F>(work: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let work = ReadTurn::current().during(work);
    match Right::current() {
        Some(right) => tokio::spawn(right.during(work)),
        None => tokio::spawn(work),
    }
}
