//! The network as the handset sees it: one blocking exchange at a time, and a stream of hints. [`Https`] is the
//! production transport; tests and the simulator bring their own [`Transport`].

pub(crate) mod cancel;
mod connections;
pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod hints;
pub(crate) mod https;
pub(crate) mod nudge;
pub(crate) mod overhead;
pub(crate) mod pins;
pub(crate) mod request;

pub use cancel::CancelToken;
pub use error::TransportError;
pub use exchange::Transport;
pub use hints::{HintEvent, HintStream, NoHintStream};
pub use https::Https;
pub use nudge::{Nudge, NudgeReason, Nudged};
pub use request::{KEPT_HEADERS, Method, Request, Response, Traffic};
