//! A closure as a job of an executor: type-erased, run any number of times, answered once.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{
    error::StoreError,
    hint::Hint,
    tx::{Session, Tx},
};

/// How one run of a closure ended.
pub(super) enum Verdict {
    /// Commit its changes, then send the hints.
    Keep(Vec<Hint>),
    /// Roll back its changes: it returned an error or panicked. The answer is ready.
    Discard,
    /// Roll back its changes: a statement failed in the engine. Unless the engine runs the closure again, its answer is
    /// the error that the closure returned, if any, else this one.
    Doomed(StoreError),
}

pub(super) trait Job: Send {
    /// Runs the closure once. Never unwinds.
    fn run(&mut self, session: &mut dyn Session) -> Verdict;
    /// Answers the caller: `Ok` means that the result of the closure is committed, `Err` that it is not.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

pub(super) struct ClosureJob<F, T, E, R> {
    closure: F,
    writable: bool,
    returned: Option<Result<T, E>>,
    reply: R,
}

impl<F, T, E, R> ClosureJob<F, T, E, R> {
    pub(super) fn new(closure: F, writable: bool, reply: R) -> Self {
        Self {
            closure,
            writable,
            returned: None,
            reply,
        }
    }
}

impl<F, T, E, R> Job for ClosureJob<F, T, E, R>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    E: From<StoreError> + Send,
    T: Send,
    R: FnOnce(Result<T, E>) + Send,
{
    fn run(&mut self, session: &mut dyn Session) -> Verdict {
        let mut tx = Tx::new(session, self.writable);
        // The captured values may be inconsistent after a panic, so the closure is not run again.
        let returned = catch_unwind(AssertUnwindSafe(|| (self.closure)(&mut tx)));
        let finished = tx.finish();
        match returned {
            Err(panic) => {
                tracing::error!(panic = panic_text(panic.as_ref()), "a transaction panicked");
                self.returned = Some(Err(StoreError::Panicked.into()));
                Verdict::Discard
            }
            Ok(returned) => {
                let kept = returned.is_ok();
                self.returned = Some(returned);
                match finished {
                    Ok(hints) if kept => Verdict::Keep(hints),
                    Ok(_) => Verdict::Discard,
                    Err(error) => {
                        if kept {
                            self.returned = Some(Err(error.clone().into()));
                        }
                        Verdict::Doomed(error)
                    }
                }
            }
        }
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let answer = match (outcome, self.returned) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(returned)) => returned,
            (Ok(()), None) => Err(StoreError::commit_unknown("never run", false).into()),
        };
        (self.reply)(answer);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}
