//! A bounded queue between callers and worker threads.
//!
//! `push` never blocks (its callers are async). After closing, the workers finish the accepted items. Callers take turns:
//! whoever has many items waiting delays the next item of another caller by one of them, not by all.

use std::collections::{HashMap, VecDeque};
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
    waiting: usize,
    closed: bool,
}

impl<T> State<T> {
    fn next(&mut self) -> Option<T> {
        let turn = self.order.pop_front()?;
        let own = self.items.get_mut(&turn)?;
        let item = own.pop_front();
        if own.is_empty() {
            self.items.remove(&turn);
        } else {
            self.order.push_back(turn);
        }
        self.waiting = self.waiting.saturating_sub(1);
        item
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

    /// Waits for the next item; `None` once the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.next() {
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next item, if there is one.
    pub(super) fn try_pop(&self) -> Option<T> {
        self.lock().next()
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
    fn sec_a07_reads_of_one_caller_do_not_stand_before_those_of_another() {
        let queue = JobQueue::new(100);
        let (greedy, modest) = (ReadTurn::of(&"greedy"), ReadTurn::of(&"modest"));
        for n in 0..8 {
            assert!(queue.push(("greedy", n), greedy).is_ok());
        }
        for n in 0..2 {
            assert!(queue.push(("modest", n), modest).is_ok());
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.try_pop()).collect();
        let next = [
            ("greedy", 0),
            ("modest", 0),
            ("greedy", 1),
            ("modest", 1),
            ("greedy", 2),
        ];
        assert_eq!(order.get(..5), Some(next.as_slice()));
        assert_eq!(order.len(), 10);
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
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(2), Some(3), None));
    }
}
