//! Hints between replicas by LISTEN/NOTIFY. A replica gets its own hints directly and skips its own notifications.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use ::postgres::Client;
use ::postgres::fallible_iterator::FallibleIterator;
use uuid::Uuid;

use super::secure::PgAddress;
use crate::store::{backoff::sleep_up_to, hint::Hint, hints::Hints};

/// PostgreSQL refuses payloads of 8000 bytes and more.
const PAYLOAD: usize = 7000;

/// How often the listener checks whether it should stop.
const NAP: Duration = Duration::from_millis(250);

/// How hints are written: `replica`, then a line each: `m` and the mailbox's name, `e` and the id of a stream that ended, `j` for jobs, `g` for
/// grids, `a` for all.
#[derive(Clone)]
pub(super) struct Wire {
    replica: String,
}

impl Wire {
    pub(super) const CHANNEL: &'static str = "xunge_hint";

    #[expect(
        clippy::disallowed_methods,
        reason = "names this process among the replicas, which the simulator does not have"
    )]
    pub(super) fn new() -> Self {
        Self {
            replica: Uuid::now_v7().simple().to_string(),
        }
    }

    pub(super) fn encode(&self, hints: &[Hint]) -> Vec<String> {
        let mut payloads: Vec<String> = Vec::new();
        for hint in hints {
            let line = match hint {
                Hint::Mailbox(name) if name.contains('\n') || name.len() > PAYLOAD / 2 => "a".to_owned(),
                Hint::Mailbox(name) => format!("m{name}"),
                Hint::Ended(stream) => format!("e{stream}"),
                Hint::Jobs => "j".to_owned(),
                Hint::Grids => "g".to_owned(),
                Hint::All => "a".to_owned(),
            };
            match payloads.last_mut() {
                Some(payload) if payload.len() + line.len() < PAYLOAD => {
                    payload.push('\n');
                    payload.push_str(&line);
                }
                _ => payloads.push(format!("{}\n{line}", self.replica)),
            }
        }
        payloads
    }

    /// The hints of another replica; none for a notification of this replica.
    pub(super) fn decode(&self, payload: &str) -> Vec<Hint> {
        let mut lines = payload.split('\n');
        if lines.next() == Some(self.replica.as_str()) {
            return Vec::new();
        }
        lines
            .map(|line| match line.split_at_checked(1) {
                Some(("m", name)) => Hint::Mailbox(name.to_owned()),
                Some(("e", stream)) => Hint::Ended(stream.to_owned()),
                Some(("j", "")) => Hint::Jobs,
                Some(("g", "")) => Hint::Grids,
                // A newer replica may send kinds of hints that this version does not know.
                _ => Hint::All,
            })
            .collect()
    }
}

/// The listening connection.
pub(super) struct Listener {
    address: PgAddress,
    wire: Wire,
    hints: Hints,
    stop: Arc<AtomicBool>,
}

impl Listener {
    pub(super) fn new(address: PgAddress, wire: Wire, hints: Hints, stop: Arc<AtomicBool>) -> Self {
        Self {
            address,
            wire,
            hints,
            stop,
        }
    }

    /// Listens until stopped and reconnects as needed; signals once when it listens for the first time.
    pub(super) fn run(&self, listening: &SyncSender<()>) {
        let mut gap = false;
        while !self.stopped() {
            match self.connect() {
                Ok(mut client) => {
                    if gap {
                        // Hints sent in the meantime are lost.
                        self.hints.send(&Hint::All);
                    }
                    let _ = listening.try_send(());
                    self.listen(&mut client);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot listen for hints of other replicas");
                    sleep_up_to(4 * NAP);
                }
            }
            gap = true;
        }
    }

    fn connect(&self) -> Result<Client, ::postgres::Error> {
        let mut client = self.address.connect()?;
        client.batch_execute(&format!("LISTEN {}", Wire::CHANNEL))?;
        Ok(client)
    }

    /// Listens until the connection is lost or the listener is stopped.
    fn listen(&self, client: &mut Client) {
        while !self.stopped() && !client.is_closed() {
            let next = client.notifications().timeout_iter(NAP).next();
            match next {
                Ok(Some(note)) => {
                    for hint in self.wire.decode(note.payload()) {
                        self.hints.send(&hint);
                    }
                }
                Ok(None) => {}
                Err(_) => return,
            }
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hint, PAYLOAD, Wire};

    #[test]
    fn hints_cross_the_wire_and_a_replica_skips_its_own() {
        let (here, there) = (Wire::new(), Wire::new());
        let hints: Vec<Hint> = (0..500)
            .map(|i| Hint::Mailbox(format!("岗位/220104-{i:036}")))
            .chain([Hint::Ended("s".into()), Hint::Jobs, Hint::Grids, Hint::All])
            .collect();
        let payloads = here.encode(&hints);
        assert!(payloads.len() > 1 && payloads.iter().all(|p| p.len() < PAYLOAD + 100));
        let heard: Vec<Hint> = payloads.iter().flat_map(|p| there.decode(p)).collect();
        assert_eq!(heard, hints);
        assert!(payloads.iter().all(|p| here.decode(p).is_empty()));
        assert_eq!(
            there.decode(&here.encode(&[Hint::Mailbox("a\nb".into())])[0]),
            [Hint::All]
        );
    }
}
