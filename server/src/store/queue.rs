//! A bounded queue between callers and worker threads.
//!
//! `push` never blocks (its callers are async). After closing, the workers finish the accepted items. Callers take turns,
//! and one item of a caller is worked on at a time: whoever has many long ones keeps one worker busy, not all.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::turn::ReadTurn;

pub(super) struct JobQueue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    limit: usize,
}

struct State<T> {
    /// The waiting items of each caller that has any; no list is empty.
    items: HashMap<ReadTurn, VecDeque<T>>,
    /// Each key of `items` once, the next one first.
    order: VecDeque<ReadTurn>,
    /// Whose items are worked on. Work that belongs to nobody is not counted.
    busy: HashSet<ReadTurn>,
    waiting: usize,
    closed: bool,
}

impl<T> State<T> {
    fn next(&mut self) -> Option<(T, ReadTurn)> {
        let at = self.order.iter().position(|turn| !self.busy.contains(turn))?;
        let turn = self.order.remove(at)?;
        let own = self.items.get_mut(&turn)?;
        let item = own.pop_front()?;
        if own.is_empty() {
            self.items.remove(&turn);
        } else {
            self.order.push_back(turn);
        }
        if turn != ReadTurn::default() {
            self.busy.insert(turn);
        }
        self.waiting = self.waiting.saturating_sub(1);
        Some((item, turn))
    }
}

/// Why an item was not accepted; the item comes back.
pub(super) enum Refused<T> {
    Full(T),
    Closed(T),
}

impl<T> JobQueue<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(State {
                items: HashMap::new(),
                order: VecDeque::new(),
                busy: HashSet::new(),
                waiting: 0,
                closed: false,
            }),
            changed: Condvar::new(),
            limit,
        }
    }

    /// No foreign code runs while the lock is held, so the data of a poisoned lock is consistent.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, item: T, turn: ReadTurn) -> Result<(), Refused<T>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.closed {
            return Err(Refused::Closed(item));
        }
        if state.waiting >= self.limit {
            return Err(Refused::Full(item));
        }
        let own = state.items.entry(turn).or_default();
        if own.is_empty() {
            state.order.push_back(turn);
        }
        own.push_back(item);
        state.waiting += 1;
        drop(guard);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting() == 0
    }

    /// Number of waiting items.
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Waits for the next item and whose it is; `None` once the queue is closed and empty. `done` is whose item the worker
    /// has finished.
    pub(super) fn pop(&self, done: Option<ReadTurn>) -> Option<(T, ReadTurn)> {
        let mut state = self.lock();
        if let Some(done) = done {
            state.busy.remove(&done);
        }
        loop {
            if let Some(next) = state.next() {
                // What this one has finished may let another worker go on.
                if state.waiting > 0 {
                    self.changed.notify_one();
                }
                return Some(next);
            }
            // Items of a caller who is being served are left to that worker.
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next item of work that belongs to nobody, if there is one.
    pub(super) fn try_pop(&self) -> Option<T> {
        self.pop_while(&|| false)
    }

    /// The next item of work that belongs to nobody. Without one it waits only while `waits` returns true; it asks again
    /// after each [`Self::nudge`].
    pub(super) fn pop_while(&self, waits: &dyn Fn() -> bool) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some((item, _)) = state.next() {
                return Some(item);
            }
            if state.closed || !waits() {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes the waiting threads, which look again.
    pub(super) fn nudge(&self) {
        // With the lock, so that nobody is between looking and waiting.
        let _state = self.lock();
        self.changed.notify_all();
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_a07_reads_of_one_caller_neither_stand_before_those_of_another_nor_run_at_the_same_time() {
        let queue = JobQueue::new(100);
        let (greedy, modest) = (ReadTurn::of(&"greedy"), ReadTurn::of(&"modest"));
        for n in 0..8 {
            assert!(queue.push(("greedy", n), greedy).is_ok());
        }
        for n in 0..2 {
            assert!(queue.push(("modest", n), modest).is_ok());
        }
        assert!(queue.push(("nobody's", 0), ReadTurn::default()).is_ok());
        // Three workers that finish nothing yet.
        let first: Vec<_> = (0..3).map(|_| queue.pop(None).unwrap().0).collect();
        assert_eq!(first, [("greedy", 0), ("modest", 0), ("nobody's", 0)]);
        assert_eq!(
            queue.try_pop(),
            None,
            "nine wait, and all are of callers who are served"
        );
        assert_eq!(queue.pop(Some(modest)), Some((("modest", 1), modest)));
        assert_eq!(queue.pop(Some(greedy)), Some((("greedy", 1), greedy)));
        queue.close();
        let rest = std::iter::successors(queue.pop(Some(greedy)), |_| queue.pop(Some(greedy)));
        assert_eq!(rest.count(), 6);
    }

    #[test]
    fn the_limit_counts_the_items_of_all_callers() {
        let queue = JobQueue::new(2);
        assert!(queue.push(1, ReadTurn::of(&1)).is_ok() && queue.push(2, ReadTurn::of(&2)).is_ok());
        assert!(matches!(queue.push(3, ReadTurn::of(&3)), Err(Refused::Full(3))));
        assert_eq!(queue.try_pop(), Some(1));
        assert!(queue.push(3, ReadTurn::of(&3)).is_ok());
        queue.close();
        assert!(matches!(queue.push(4, ReadTurn::of(&3)), Err(Refused::Closed(4))));
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop(None))
            .map(|(item, _)| item)
            .collect();
        assert_eq!(rest, [2, 3]);
    }
}
