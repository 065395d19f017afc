//! The scaled-out engine: a pool of connections, each owned by a thread, SERIALIZABLE with retry.
//!
//! There is no TLS to the database here: put it on a socket, a private network or behind a local proxy.

mod hints;
mod session;
mod translate;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use ::postgres::Config;
use tokio::sync::broadcast;

use self::hints::{Listener, Wire};
use self::session::{PgSession, Step};
use super::backoff::Backoff;
use super::job::{Job, Task};
use super::queue::{Queue, Refused};
use super::tx::Tx;
use super::{Executor, Hint, Lane, Options, StoreError, migrations};

const FIRST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// Connections behind one queue, and a listener beside them.
pub(super) struct Pool {
    queue: Arc<Queue<(Lane, Box<dyn Job>)>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop: Arc<AtomicBool>,
}

impl Pool {
    pub(super) fn open(
        url: &str,
        options: &Arc<Options>,
        hints: &broadcast::Sender<Hint>,
    ) -> Result<Self, StoreError> {
        // The parser's message does not repeat the address, which may hold a password.
        let mut config: Config = url.parse().map_err(|e| StoreError::Config(format!("{e}")))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.patience);
        }
        config
            .application_name("xunge-server")
            .keepalives_idle(Duration::from_secs(30));

        let this = Self {
            queue: Arc::new(Queue::new(options.queue)),
            threads: Mutex::default(),
            stop: Arc::default(),
        };
        let wire = options.share_hints.then(Wire::new);
        let worker = Worker {
            config: config.clone(),
            options: Arc::clone(options),
            hints: hints.clone(),
            wire: wire.clone(),
            session: None,
        };
        // A connection must not be made on an async thread, so even the first one is made on its own.
        let mut first = worker.another();
        let (opened, when_opened) = mpsc::sync_channel(1);
        let queue = Arc::clone(&this.queue);
        this.spawn("store-0", move || {
            let migrated = first.migrate();
            let failed = migrated.is_err();
            let _ = opened.send(migrated);
            if !failed {
                first.serve(&queue);
            }
        })?;
        when_opened.recv().unwrap_or(Err(StoreError::Closed))?;
        for i in 1..options.connections.max(1) {
            let mut worker = worker.another();
            let queue = Arc::clone(&this.queue);
            this.spawn(&format!("store-{i}"), move || worker.serve(&queue))?;
        }
        if let Some(wire) = wire {
            let listener = Listener::new(config, wire, hints.clone(), Arc::clone(&this.stop));
            let (listening, when_listening) = mpsc::sync_channel(1);
            // Not joined by close: it sleeps in the socket, owes nobody anything and ends by itself.
            std::thread::Builder::new()
                .name("store-hints".to_owned())
                .spawn(move || listener.run(&listening))
                .map_err(StoreError::unavailable)?;
            let _ = when_listening.recv_timeout(options.patience);
        }
        Ok(this)
    }

    fn spawn(&self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(StoreError::unavailable)?;
        self.threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thread);
        Ok(())
    }
}

impl Executor for Pool {
    fn submit(&self, lane: Lane, job: Box<dyn Job>) {
        match self.queue.push((lane, job)) {
            Ok(()) => {}
            Err(Refused::Full((_, job))) => job.answer(Err(StoreError::Busy)),
            Err(Refused::Closed((_, job))) => job.answer(Err(StoreError::Closed)),
        }
    }

    fn close(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has nothing more to finish.
            let _ = thread.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.queue.close();
    }
}

/// One thread's connection, made when needed and made again when lost.
struct Worker {
    config: Config,
    options: Arc<Options>,
    hints: broadcast::Sender<Hint>,
    wire: Option<Wire>,
    session: Option<PgSession>,
}

impl Worker {
    fn another(&self) -> Self {
        Self {
            config: self.config.clone(),
            options: Arc::clone(&self.options),
            hints: self.hints.clone(),
            wire: self.wire.clone(),
            session: None,
        }
    }

    fn serve(&mut self, queue: &Queue<(Lane, Box<dyn Job>)>) {
        while let Some((lane, job)) = queue.pop() {
            self.run(lane, job);
        }
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let (migrations, now) = (self.options.migrations, self.options.now);
        migrations::run(migrations, now, &mut |closure| {
            let mut answer = Err(StoreError::Closed);
            let task = Task::new(|tx: &mut Tx<'_>| closure(tx), true, |a| answer = a);
            self.run(Lane::Write, Box::new(task));
            answer
        })
    }

    /// Run the job until it is committed, refused, in doubt, or the patience is used up; answer it.
    fn run(&mut self, lane: Lane, mut job: Box<dyn Job + '_>) {
        let mut backoff = Backoff::new(self.options.patience, FIRST_WAIT, LONGEST_WAIT);
        loop {
            let step = match self.session() {
                Ok((session, wire)) => session.run(lane, job.as_mut(), wire),
                Err(error) => Step::Lost(error),
            };
            let error = match step {
                Step::Done { outcome, healthy } => {
                    if !healthy {
                        self.session = None;
                    }
                    match outcome {
                        Ok(hints) => {
                            for hint in hints {
                                // No listener is no failure.
                                let _ = self.hints.send(hint);
                            }
                            job.answer(Ok(()));
                        }
                        Err(error) => job.answer(Err(error)),
                    }
                    return;
                }
                Step::Again(error) => {
                    metrics::counter!("store_retries_total").increment(1);
                    error
                }
                Step::Lost(error) => {
                    tracing::warn!(%error, detail = error.detail(), "no connection to PostgreSQL");
                    self.session = None;
                    error
                }
            };
            if !backoff.wait() {
                return job.answer(Err(error));
            }
        }
    }

    fn session(&mut self) -> Result<(&mut PgSession, Option<&Wire>), StoreError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => PgSession::connect(&self.config, &self.options)?,
        };
        Ok((self.session.insert(session), self.wire.as_ref()))
    }
}
