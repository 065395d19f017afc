//! Short tokens for terminals.

use crate::{app::App, failure::Failure, http::actor::Field};
use protocol::problem::ProblemCode;

/// The stream that holds a token.
pub async fn identify(_app: &App, _token: String) -> Result<Field, Failure> {
    Err(Failure::of(ProblemCode::TokenExpired))
}
