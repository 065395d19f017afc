//! Who is told of which hint. A hint costs what its listeners cost: it reaches those who asked for its topic, and nobody
//! else is woken, however many listen.
//!
//! A listener never lags: what it hears before it looks again is one piece of news.

use super::hint::Hint;
use futures_util::task::AtomicWaker;
use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

/// Set for [`Hint::All`].
const LOST: u32 = 1 << 31;
/// A table with more free places than this gives most of them back.
const SPARE: usize = 1024;

/// The listeners of a store. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Hints(Arc<Mutex<Table>>);

/// Who listens for a topic, and which of its topics that is.
#[derive(Default)]
struct Table(HashMap<Arc<Hint>, Vec<(Arc<News>, usize)>>);

/// What a listener was told and has not taken yet.
#[derive(Default)]
struct News {
    /// A bit for each of its topics, and [`LOST`].
    heard: AtomicU32,
    waker: AtomicWaker,
}

impl News {
    fn tell(&self, bit: u32) {
        // What was told and not taken has woken the listener.
        if self.heard.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
            self.waker.wake();
        }
    }
}

/// Hears the hints of some topics, until it is dropped.
pub struct HintListener {
    news: Arc<News>,
    /// The keys of the table: listeners for the same topic share its name.
    topics: Box<[Arc<Hint>]>,
    hints: Hints,
}

/// What a listener heard since it was asked for the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard(u32);

impl Heard {
    /// There were hints of this topic, counted from 0 in the order of [`Store::listen`](super::Store::listen).
    pub fn of(self, topic: usize) -> bool {
        self.0 & bit(topic) != 0
    }
    /// Hints were lost, of any topic.
    pub fn lost(self) -> bool {
        self.0 & LOST != 0
    }
}

fn bit(topic: usize) -> u32 {
    u32::try_from(topic)
        .ok()
        .and_then(|topic| 1_u32.checked_shl(topic))
        .unwrap_or(LOST)
}

impl Hints {
    /// Tells those who listen for the hint.
    pub(super) fn send(&self, hint: &Hint) {
        // Woken without the lock: thousands may be told, and who is woken may listen or leave at once.
        let told: Vec<(Arc<News>, u32)> = {
            let table = self.lock();
            match hint {
                Hint::All => {
                    // Each listener once, by its first topic: it may take the news at once, and would get it again.
                    let everybody = table.0.values().flatten().filter(|(_, topic)| *topic == 0);
                    everybody.map(|(news, _)| (Arc::clone(news), LOST)).collect()
                }
                hint => {
                    let those = table.0.get(hint).into_iter().flatten();
                    those
                        .map(|(news, topic)| (Arc::clone(news), bit(*topic)))
                        .collect()
                }
            }
        };
        for (news, bit) in told {
            news.tell(bit);
        }
    }

    /// Listens for at most 31 topics, from now on.
    pub(super) fn listen(&self, topics: Vec<Hint>) -> HintListener {
        let news = Arc::<News>::default();
        let mut table = self.lock();
        let mut listens = |(n, topic)| {
            let known = table.0.get_key_value(&topic).map(|(key, _)| Arc::clone(key));
            let topic = known.unwrap_or_else(|| Arc::new(topic));
            let place = table.0.entry(Arc::clone(&topic)).or_default();
            place.push((Arc::clone(&news), n));
            topic
        };
        let topics = topics.into_iter().enumerate().map(&mut listens).collect();
        drop(table);
        HintListener {
            news,
            topics,
            hints: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HintListener {
    /// Waits until there is something that it has not told yet.
    pub async fn heard(&mut self) -> Heard {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// What it has not told yet, if there is anything.
    pub fn heard_already(&mut self) -> Option<Heard> {
        let heard = self.news.heard.swap(0, Ordering::AcqRel);
        (heard != 0).then_some(Heard(heard))
    }

    /// As [`HintListener::heard`], for a stream.
    pub fn poll(&mut self, cx: &Context<'_>) -> Poll<Heard> {
        self.news.waker.register(cx.waker());
        self.heard_already().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for HintListener {
    fn drop(&mut self) {
        let mut table = self.hints.lock();
        for topic in &self.topics {
            if let Some(place) = table.0.get_mut(topic) {
                place.retain(|(news, _)| !Arc::ptr_eq(news, &self.news));
                if place.is_empty() {
                    table.0.remove(topic);
                }
            }
        }
        if table.0.capacity() > SPARE.max(4 * table.0.len()) {
            let wanted = 2 * table.0.len();
            table.0.shrink_to(wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::AtomicUsize,
        task::{Wake, Waker},
    };

    fn mailbox(n: usize) -> Hint {
        Hint::Mailbox(format!("post:{n}"))
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes what a listener is told, on the spot.
    #[derive(Default)]
    struct Taking {
        news: Mutex<Option<Arc<News>>>,
    }

    impl Wake for Taking {
        fn wake(self: Arc<Self>) {
            let news = self.news.lock().unwrap().clone().unwrap();
            assert_eq!(news.heard.swap(0, Ordering::AcqRel), LOST);
        }
    }

    /// Waits for the listener's next news, without a runtime.
    fn wait(listener: &mut HintListener, woken: &Arc<Woken>) -> Poll<Heard> {
        let waker = Waker::from(Arc::clone(woken));
        listener.poll(&Context::from_waker(&waker))
    }

    #[test]
    fn a_hint_wakes_those_who_listen_for_it_and_nobody_else() {
        let hints = Hints::default();
        let woken = Arc::<Woken>::default();
        let mut all: Vec<HintListener> = (0..1000)
            .map(|n| hints.listen(vec![mailbox(n), mailbox(n + 1)]))
            .collect();
        assert!(all.iter_mut().all(|one| wait(one, &woken).is_pending()));
        hints.send(&mailbox(7));
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
        let news: Vec<_> = all.iter_mut().map(HintListener::heard_already).collect();
        let (before, own) = (news[6].unwrap(), news[7].unwrap());
        assert!(before.of(1) && !before.of(0) && own.of(0) && !own.of(1) && !own.lost());
        assert_eq!(news.iter().flatten().count(), 2);
        hints.send(&Hint::Jobs);
        assert!(all.iter_mut().all(|one| one.heard_already().is_none()));
    }

    #[test]
    fn hints_that_nobody_took_yet_are_one_piece_of_news_and_wake_once() {
        let hints = Hints::default();
        let woken = Arc::<Woken>::default();
        let mut one = hints.listen(vec![mailbox(1), Hint::Ended("s".into())]);
        assert!(wait(&mut one, &woken).is_pending());
        for _ in 0..10_000 {
            hints.send(&mailbox(1));
        }
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        hints.send(&Hint::Ended("s".into()));
        let Poll::Ready(heard) = wait(&mut one, &woken) else {
            panic!("it heard nothing");
        };
        assert!(heard.of(0) && heard.of(1));
        assert!(wait(&mut one, &woken).is_pending());
    }

    #[test]
    fn lost_hints_are_told_to_everybody_once() {
        let hints = Hints::default();
        let woken = Arc::<Woken>::default();
        let topics = |n| vec![mailbox(n), mailbox(n + 1), Hint::Ended("s".into())];
        let mut all: Vec<HintListener> = (0..100).map(|n| hints.listen(topics(n))).collect();
        assert!(all.iter_mut().all(|one| wait(one, &woken).is_pending()));
        // A listener that takes what it is told at once, while others are still being told.
        let taking = Arc::new(Taking::default());
        let mut eager = hints.listen(topics(7));
        *taking.news.lock().unwrap() = Some(Arc::clone(&eager.news));
        let waker = Waker::from(Arc::clone(&taking));
        assert!(eager.poll(&Context::from_waker(&waker)).is_pending());
        hints.send(&Hint::All);
        assert_eq!(woken.0.load(Ordering::Relaxed), 100);
        assert!(
            all.iter_mut()
                .all(|one| one.heard_already().is_some_and(Heard::lost))
        );
        assert_eq!(eager.heard_already(), None, "it was told once, and took it");
    }

    #[test]
    fn listeners_that_left_keep_no_memory() {
        let hints = Hints::default();
        let all: Vec<HintListener> = (0..20_000).map(|n| hints.listen(vec![mailbox(n)])).collect();
        assert_eq!(hints.lock().0.len(), 20_000);
        drop(all);
        assert_eq!(hints.lock().0.len(), 0);
        assert!(
            hints.lock().0.capacity() <= 2 * SPARE,
            "{}",
            hints.lock().0.capacity()
        );
    }
}
