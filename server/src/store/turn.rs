//! Whose read runs next: each caller's reads wait behind their own, so that nobody's long lists delay everybody.

use std::hash::{DefaultHasher, Hash, Hasher as _};

tokio::task_local! {
    static TURN: ReadTurn;
}

/// A caller, as far as the order of reads is concerned. Work that belongs to no caller shares the default one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ReadTurn(u64);

impl ReadTurn {
    /// The turn of this caller. Two callers with one turn only wait for each other.
    pub fn of(caller: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        caller.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// Does the work of a request: its reads take this turn.
    pub async fn during<F: Future>(self, work: F) -> F::Output {
        TURN.scope(self, work).await
    }

    /// The turn of the request that runs here.
    pub fn current() -> Self {
        TURN.try_with(|turn| *turn).unwrap_or_default()
    }
}
