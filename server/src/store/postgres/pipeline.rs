//! A connection whose statements are sent without waiting for the answers of earlier ones.
//!
//! A statement whose answer nobody needs is only queued; it travels with the next one that needs an answer, and its own
//! answer is read then. PostgreSQL runs them in the order of sending. Every statement ends its own exchange (Sync), so after
//! an error the later ones of the transaction are answered with "transaction is aborted", and the first error counts.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::postgres::Error;
use futures_util::future::poll_fn;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Statement};

use super::secure::{Carrier, PgAddress};
use crate::store::{error::StoreError, value::Value};

/// Most statements whose answers are not read: these wait in the buffers of the sockets, and PostgreSQL stops when they are
/// full.
const MOST: usize = 128;

/// How long the end of a connection may take.
const FAREWELL: Duration = Duration::from_secs(1);

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Why a statement was not answered well.
pub(super) struct Failed {
    pub(super) error: Error,
    /// The error is that of a statement that was sent before.
    pub(super) earlier: bool,
}

/// A connection with the statements that are under way.
pub(super) struct Pipeline {
    runtime: Runtime,
    client: Arc<Client>,
    /// `None` after the connection ended.
    carrier: Option<Carrier>,
    /// Statements that were queued or sent, in order, whose answers were not read.
    unread: VecDeque<Answer>,
    /// Statements of transaction control that travel with the next one, as one message.
    words: String,
    /// True if a statement was answered since [`Self::begin`].
    answered: bool,
    trips: u64,
}

impl Pipeline {
    pub(super) fn connect(address: &PgAddress) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StoreError::unavailable)?;
        let (client, carrier) = runtime
            .block_on(address.open())
            .map_err(StoreError::unavailable)?;
        Ok(Self {
            runtime,
            client: Arc::new(client),
            carrier: Some(carrier),
            unread: VecDeque::new(),
            words: String::new(),
            answered: false,
            trips: 0,
        })
    }

    /// Takes leave of PostgreSQL, which would log a broken connection otherwise.
    pub(super) fn close(mut self) {
        // Their answers are of no use any more.
        self.unread.clear();
        let (runtime, carrier) = (self.runtime, self.carrier);
        // The carrier ends when nobody can send any more.
        drop(self.client);
        if let Some(carrier) = carrier {
            let _ = runtime.block_on(async { tokio::time::timeout(FAREWELL, carrier).await });
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.carrier.is_none() || self.client.is_closed()
    }

    /// Queues the statement that begins a transaction.
    pub(super) fn begin(&mut self, words: &str) {
        self.answered = false;
        self.say(words);
    }

    /// True if a statement was answered since the transaction began: the connection was alive then.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Number of round trips since the last call.
    pub(super) fn take_trips(&mut self) -> u64 {
        std::mem::take(&mut self.trips)
    }

    /// Queues a statement of transaction control.
    pub(super) fn say(&mut self, words: &str) {
        if !self.words.is_empty() {
            self.words.push_str("; ");
        }
        self.words.push_str(words);
    }

    /// Queues a statement; its rows are dropped.
    ///
    /// # Errors
    /// A value does not fit the statement, which was not queued then; or [`Self::drain`] failed.
    pub(super) fn send(&mut self, statement: &Statement, params: Vec<Value>) -> Result<(), Failed> {
        if self.unread.len() >= MOST {
            self.drain()?;
        }
        self.send_words();
        let (client, statement) = (Arc::clone(&self.client), statement.clone());
        let answer = async move { client.execute_raw(&statement, params).await.map(drop) };
        self.queue(Box::pin(answer))
    }

    /// Sends everything and waits for the answers.
    ///
    /// # Errors
    /// The first error; [`Failed::earlier`] unless it is that of the last statement.
    pub(super) fn settle(&mut self) -> Result<(), Failed> {
        self.send_words();
        match self.unread.pop_back() {
            Some(last) => self.wait_for(last),
            None => Ok(()),
        }
    }

    /// As [`Self::settle`], and every error is that of an earlier statement.
    pub(super) fn drain(&mut self) -> Result<(), Failed> {
        self.settle().map_err(|failed| Failed {
            earlier: true,
            ..failed
        })
    }

    /// Sends everything, then this statement, and waits for all answers.
    ///
    /// # Errors
    /// The first error.
    pub(super) fn wait<T, F: Future<Output = Result<T, Error>>>(
        &mut self,
        statement: impl FnOnce(Arc<Client>) -> F,
    ) -> Result<T, Failed> {
        self.send_words();
        let statement = statement(Arc::clone(&self.client));
        self.wait_for(statement)
    }

    /// Sends what is queued, without waiting for the answers.
    pub(super) fn flush(&mut self) {
        self.send_words();
        let carrier = &mut self.carrier;
        self.runtime.block_on(poll_fn(|cx| {
            carry(carrier, cx);
            Poll::Ready(())
        }));
    }

    fn send_words(&mut self) {
        if self.words.is_empty() {
            return;
        }
        let (client, words) = (Arc::clone(&self.client), std::mem::take(&mut self.words));
        let answer: Answer = Box::pin(async move { client.batch_execute(&words).await });
        if let Err(failed) = self.queue(answer) {
            // Only a closed connection refuses words at once; the next answer that is read says so.
            self.unread
                .push_back(Box::pin(std::future::ready(Err(failed.error))));
        }
    }

    /// The client hands a statement to the connection when its answer is polled for the first time.
    fn queue(&mut self, mut answer: Answer) -> Result<(), Failed> {
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {
                self.unread.push_back(answer);
                Ok(())
            }
            Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(error)) => Err(Failed {
                error,
                earlier: false,
            }),
        }
    }

    fn wait_for<T>(&mut self, last: impl Future<Output = Result<T, Error>>) -> Result<T, Failed> {
        self.trips += 1;
        let (carrier, unread) = (&mut self.carrier, &mut self.unread);
        let mut last = pin!(last);
        let (mut first_error, mut answer) = (None, None);
        let result = self.runtime.block_on(poll_fn(|cx| {
            // Handed over before the carrier writes, so that all of it is one packet.
            if answer.is_none()
                && let Poll::Ready(done) = last.as_mut().poll(cx)
            {
                answer = Some(done);
            }
            carry(carrier, cx);
            while let Some(earlier) = unread.front_mut() {
                match earlier.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(done) => {
                        if let Err(error) = done {
                            first_error.get_or_insert(error);
                        }
                        unread.pop_front();
                        // It may now carry what was held back by this answer.
                        carry(carrier, cx);
                    }
                }
            }
            if answer.is_none()
                && let Poll::Ready(done) = last.as_mut().poll(cx)
            {
                answer = Some(done);
            }
            answer.take().map_or(Poll::Pending, Poll::Ready)
        }));
        match (first_error, result) {
            (Some(error), _) => Err(Failed { error, earlier: true }),
            (None, Ok(answer)) => {
                self.answered = true;
                Ok(answer)
            }
            (None, Err(error)) => Err(Failed {
                error,
                earlier: false,
            }),
        }
    }
}

/// Writes what was handed to the connection and reads what has arrived.
fn carry(carrier: &mut Option<Carrier>, cx: &mut Context<'_>) {
    if let Some(carries) = carrier
        && let Poll::Ready(ended) = carries.as_mut().poll(cx)
    {
        if let Err(error) = ended {
            tracing::debug!(%error, "the connection to PostgreSQL ended");
        }
        // Dropping it ends the answers that are awaited.
        *carrier = None;
    }
}
