//! What requests may hold at the same time: memory for bodies, and places in the server, of each caller and in all.
//!
//! Strangers have a share of the memory of their own, so that they cannot starve those who are signed in; of these each
//! has at most a part, so that one of them cannot starve the others.

use super::{listeners::Listeners, rate::RateCaller};
use crate::kernel::{clock::timer, failure::Failure};
use protocol::problem::ProblemCode;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const MIB: u64 = 1024 * 1024;
/// One caller gets at most this part of the memory for bodies.
const PART: u64 = 4;
/// How long a request waits for a place before its caller is asked to come later.
const WAIT: Duration = Duration::from_secs(10);

/// What is in use now.
#[derive(Default)]
pub struct RequestBounds {
    strangers: Arc<AtomicU64>,
    known: Arc<AtomicU64>,
    callers: Mutex<Callers>,
    /// Open streams of events.
    pub listeners: Listeners,
}

/// The callers that have requests under way.
#[derive(Default)]
struct Callers {
    own: HashMap<RateCaller, Weak<Own>>,
    /// The table is cleaned when it has more rows than this.
    clean_at: usize,
}

/// What one caller has in use.
struct Own {
    bytes: AtomicU64,
    places: Arc<Semaphore>,
}

/// Memory that a request uses for its body; it is free again when this is dropped.
pub struct Claim {
    all: Arc<AtomicU64>,
    most: u64,
    own: Option<(Arc<Own>, u64)>,
    held: AtomicU64,
}

/// A place of a caller.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    own: Arc<Own>,
}

impl RequestBounds {
    /// The claim of a request without a sign-in, of the share of `mib` that such requests have.
    pub fn stranger(&self, mib: u32) -> Claim {
        Claim {
            all: Arc::clone(&self.strangers),
            most: u64::from(mib) * MIB,
            own: None,
            held: AtomicU64::new(0),
        }
    }
    /// The claim of a caller who is signed in and has this place, of `mib` for all of them.
    pub fn known(&self, place: &Place, mib: u32) -> Claim {
        let most = u64::from(mib) * MIB;
        Claim {
            all: Arc::clone(&self.known),
            most,
            own: Some((Arc::clone(&place.own), most / PART)),
            held: AtomicU64::new(0),
        }
    }
    /// Waits until fewer than `most` requests of the caller are under way.
    ///
    /// # Errors
    /// `request.rate` if none of them ends in time.
    pub async fn place(&self, caller: RateCaller, most: u32) -> Result<Place, Failure> {
        let own = self.own(caller, most);
        let places = Arc::clone(&own.places);
        let permit = tokio::select! {
            permit = places.acquire_owned() => permit.map_err(Failure::internal)?,
            () = timer(WAIT) => return Err(Failure::later(ProblemCode::RateLimited, 5)),
        };
        Ok(Place { _permit: permit, own })
    }
    fn own(&self, caller: RateCaller, places: u32) -> Arc<Own> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = callers.own.get(&caller).and_then(Weak::upgrade) {
            return own;
        }
        if callers.own.len() > callers.clean_at {
            callers.own.retain(|_, own| own.strong_count() > 0);
            callers.clean_at = (2 * callers.own.len()).max(64);
        }
        let own = Arc::new(Own {
            bytes: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(usize::try_from(places).unwrap_or(1))),
        });
        callers.own.insert(caller, Arc::downgrade(&own));
        own
    }
}

impl Claim {
    /// Claims memory for more bytes.
    ///
    /// # Errors
    /// `server.busy` if the memory is used up; nothing is claimed then.
    pub fn take(&self, bytes: usize) -> Result<(), Failure> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX / 2);
        let fits = |used: &AtomicU64, most: u64| {
            let fits = used.fetch_add(bytes, Relaxed).saturating_add(bytes) <= most;
            if !fits {
                used.fetch_sub(bytes, Relaxed);
            }
            fits
        };
        let busy = || Failure::later(ProblemCode::Busy, 5);
        if let Some((own, most)) = &self.own
            && !fits(&own.bytes, *most)
        {
            return Err(busy());
        }
        if !fits(&self.all, self.most) {
            if let Some((own, _)) = &self.own {
                own.bytes.fetch_sub(bytes, Relaxed);
            }
            return Err(busy());
        }
        self.held.fetch_add(bytes, Relaxed);
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let held = *self.held.get_mut();
        self.all.fetch_sub(held, Relaxed);
        if let Some((own, _)) = &self.own {
            own.bytes.fetch_sub(held, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ids::StreamId;

    fn stream(n: u8) -> RateCaller {
        RateCaller::Stream(StreamId::from_parts(0, [n; 10]))
    }

    #[tokio::test]
    async fn sec_a07_strangers_cannot_starve_streams_and_streams_not_each_other() {
        let bounds = RequestBounds::default();
        let mib = usize::try_from(MIB).unwrap();
        let strangers: Vec<Claim> = (0..3).map(|_| bounds.stranger(2)).collect();
        let taken: Vec<bool> = strangers.iter().map(|claim| claim.take(mib).is_ok()).collect();
        assert_eq!(taken, [true, true, false]);
        let first = bounds.place(stream(1), 4).await.unwrap();
        let second = bounds.place(stream(2), 4).await.unwrap();
        let greedy = bounds.known(&first, 32);
        assert!((0..8).all(|_| greedy.take(mib).is_ok()));
        assert!(greedy.take(1).is_err() && bounds.known(&first, 32).take(1).is_err());
        assert!(bounds.known(&second, 32).take(mib).is_ok());
        drop((strangers, greedy));
        assert!(bounds.stranger(2).take(2 * mib).is_ok() && bounds.known(&first, 32).take(mib).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn more_requests_of_a_caller_than_may_run_at_once_wait() {
        let bounds = RequestBounds::default();
        let first = bounds.place(stream(1), 1).await.unwrap();
        let late = bounds.place(stream(1), 1).await.err().unwrap();
        assert_eq!(late.public_code(), ProblemCode::RateLimited);
        assert!(bounds.place(stream(2), 1).await.is_ok());
        drop(first);
        assert!(bounds.place(stream(1), 1).await.is_ok());
    }
}
