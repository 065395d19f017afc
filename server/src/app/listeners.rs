//! The streams of events that are open, by terminal: each terminal keeps a few, and the oldest one ends for a new one. A
//! terminal that lost its connection opens another one long before the server notices.

use protocol::ids::StreamId;
use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::sync::oneshot;

type Open = HashMap<StreamId, VecDeque<(u64, oneshot::Sender<()>)>>;

#[derive(Default)]
pub struct Listeners(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    opened: u64,
    /// How many are in `open`.
    count: usize,
    open: Open,
}

/// An open stream of events; removed from the table when it is dropped.
pub struct OpenListener {
    table: Arc<Mutex<Table>>,
    stream: StreamId,
    number: u64,
    end: oneshot::Receiver<()>,
}

impl Listeners {
    /// Opens a stream of events and ends the oldest ones beyond `most`.
    pub fn open(&self, stream: StreamId, most: u32) -> OpenListener {
        let most = usize::try_from(most).unwrap_or(1).max(1);
        let (keep, end) = oneshot::channel();
        let mut table = lock(&self.0);
        table.opened += 1;
        let number = table.opened;
        let own = table.open.entry(stream).or_default();
        own.push_back((number, keep));
        let over = own.len().saturating_sub(most);
        own.drain(..over);
        table.count = table.count + 1 - over;
        drop(table);
        OpenListener {
            table: Arc::clone(&self.0),
            stream,
            number,
            end,
        }
    }
    /// The number of open streams of events.
    pub fn count(&self) -> usize {
        lock(&self.0).count
    }
}

impl OpenListener {
    /// Ready when a newer stream of events has taken the place of this one; not to be called again after that.
    pub fn poll_replaced(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // The sender is never used, only dropped.
        Pin::new(&mut self.end).poll(cx).map(drop)
    }
}

impl Drop for OpenListener {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        if let Some(own) = table.open.get_mut(&self.stream) {
            let before = own.len();
            own.retain(|(number, _)| *number != self.number);
            let (left, is_last) = (before - own.len(), own.is_empty());
            if is_last {
                table.open.remove(&self.stream);
            }
            table.count -= left;
        }
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
