//! Check-in (签到) and check-out (签退), and the handset's knowledge of being on duty.
//!
//! A second check-in is refused, whichever process files it. The server's presence row counts once it
//! includes this handset's last entry; until then the entry filed here counts.

use crate::{
    Error, Result,
    store::items::{Custody, Item},
    terminal::Terminal,
    words,
    work::filing::is_rejected,
};
use protocol::{
    entry::DispositionState,
    evidence::Position,
    feed::{PresenceRow, kind},
    ids::EntryId,
    open::Open,
    payload::{CheckIn, CheckOut, EntryKind, Payload},
    problem::HandsetCode,
    time::Millis,
};
use std::collections::HashSet;

/// How many check-ins and check-outs are read at once; the last one usually counts.
const CHECKS: usize = 4;

/// Whether the worker is on duty, as far as this handset knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandsetPresence {
    pub on_duty: bool,
    /// Best estimate of the time; `None` if there never was a check-in.
    pub since: Option<Millis>,
    /// Off duty: when the shift began that ended at `since`, if both were filed here.
    pub began: Option<Millis>,
    /// The server has received the check-in or reported the presence itself; otherwise it waits to be sent.
    pub confirmed: bool,
}

impl Terminal {
    /// 签到: begins presence.
    ///
    /// # Errors
    /// `checkin.already` if the worker is on duty since the same civil day (Asia/Shanghai); nothing is filed.
    pub fn check_in(&self, position: Option<Position>, note: &str) -> Result<Item> {
        let _turn = self.turn()?;
        let (presence, now) = (self.presence()?, self.now()?);
        // Each civil day needs its own check-in, also after a forgotten check-out.
        let is_of_today = presence
            .since
            .is_none_or(|at| at.civil().date() == now.civil().date());
        if presence.on_duty && is_of_today {
            let since = presence
                .since
                .map_or_else(String::new, |at| words::moment(at, now));
            return Err(Error::input(
                HandsetCode::CheckedInAlready,
                format!("您已在 {since} 签到，不用再签"),
                format!("you checked in at {since} already"),
            ));
        }
        let note = note.trim().to_owned();
        self.file_new(position, note.as_str().into(), Payload::CheckIn(CheckIn { note }))
    }
    /// 签退: ends presence.
    ///
    /// # Errors
    /// `checkin.not` if the worker is not on duty.
    pub fn check_out(&self, position: Option<Position>, note: &str) -> Result<Item> {
        let _turn = self.turn()?;
        if !self.presence()?.on_duty {
            return Err(Error::input(
                HandsetCode::NotCheckedIn,
                "您现在没有签到，无需签退；上班请先签到",
                "you are not checked in, so there is nothing to check out from; check in when you start work",
            ));
        }
        let note = note.trim().to_owned();
        self.file_new(
            position,
            note.as_str().into(),
            Payload::CheckOut(CheckOut { note }),
        )
    }
    /// The last check-in or check-out that counts, older than `before`: neither rejected, nor withdrawn, nor a check-in
    /// that a person has to review because its author does not hold the post any more.
    fn last_check(&self, mut before: Option<u64>) -> Result<Option<Item>> {
        loop {
            let checks = self
                .store()
                .last_of([EntryKind::CheckIn, EntryKind::CheckOut], before, CHECKS)?;
            let Some(oldest) = checks.last() else {
                return Ok(None);
            };
            before = Some(oldest.n);
            let ids: Vec<EntryId> = checks.iter().map(|item| item.id).collect();
            let withdrawn: HashSet<EntryId> = self
                .store()
                .withdrawals_of(&ids)?
                .iter()
                .filter(|item| !is_rejected(item))
                .filter_map(|item| item.after)
                .collect();
            let counts = |item: &Item| {
                !is_rejected(item) && !is_left_to_a_person(item) && !withdrawn.contains(&item.id)
            };
            if let Some(last) = checks.into_iter().find(counts) {
                return Ok(Some(last));
            }
        }
    }
    fn filed_at(&self, item: &Item) -> Result<Millis> {
        let (entry, _) = self.store().entry(item.id)?;
        Ok(entry.evidence.clock.estimate())
    }
    /// When the shift began that this check-out ended.
    fn check_in_before(&self, check_out: &Item) -> Result<Option<Millis>> {
        let before = self.last_check(Some(check_out.n))?.filter(is_check_in);
        before.map(|item| self.filed_at(&item)).transpose()
    }
    /// Whether the worker is on duty: the last check-in or check-out of this handset, until the server
    /// reports something newer (a shift that ended).
    ///
    /// # Errors
    /// Errors of the store.
    pub fn presence(&self) -> Result<HandsetPresence> {
        let last = self.last_check(None)?;
        let rows: Vec<PresenceRow> = self.store().mailbox_of(kind::PRESENCE)?;
        let said = rows.into_iter().find(|row| row.person == self.account().holder);
        let received = last.as_ref().and_then(|item| match item.custody {
            Custody::Received(at) => Some(at),
            Custody::Waiting | Custody::Refused(_) => None,
        });
        let here = last
            .map(|item| {
                let on_duty = is_check_in(&item);
                Ok::<_, Error>(HandsetPresence {
                    on_duty,
                    since: Some(self.filed_at(&item)?),
                    began: if on_duty {
                        None
                    } else {
                        self.check_in_before(&item)?
                    },
                    confirmed: received.is_some(),
                })
            })
            .transpose()?;
        Ok(match (here, said) {
            (None, None) => HandsetPresence {
                on_duty: false,
                since: None,
                began: None,
                confirmed: true,
            },
            (Some(here), None) => here,
            (None, Some(said)) => from_server(&said),
            // The server's row counts if it includes our last entry: it agrees with it or is newer.
            (Some(here), Some(said)) => match received {
                Some(_) if said.present == here.on_duty => HandsetPresence {
                    began: here.began,
                    ..from_server(&said)
                },
                // The server ended the shift that began here.
                Some(at) if said.since > at => HandsetPresence {
                    began: here.since.filter(|_| here.on_duty && !said.present),
                    ..from_server(&said)
                },
                _ => here,
            },
        })
    }
}

fn is_left_to_a_person(item: &Item) -> bool {
    let review = Open::Known(DispositionState::Review);
    matches!(&item.disposition, Some((said, _)) if said.state == review)
}

fn is_check_in(item: &Item) -> bool {
    item.kind == Open::Known(EntryKind::CheckIn)
}

fn from_server(said: &PresenceRow) -> HandsetPresence {
    HandsetPresence {
        on_duty: said.present,
        since: Some(said.since),
        began: None,
        confirmed: true,
    }
}
