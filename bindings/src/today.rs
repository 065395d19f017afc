//! The home screen (今日), check-in and check-out (到岗、离岗), and what changed.

use crate::{handset::Handset, types::count};
use terminal_core::{
    live,
    protocol::{
        evidence::Position,
        field::Contact,
        ids::{EntryId, TaskId},
        role::Role,
        time::Millis,
    },
    store::HandsetChange,
    work,
};

record! {
    /// The home screen.
    Today from work::Status as status {
        /// The best estimate of the time.
        now: Millis = status.clock.estimate(),
        /// The estimate comes from the server or a satellite, not from the wall clock.
        is_time_trusted: bool = status.clock.is_trusted(),
        holder: String = status.account.holder_name,
        /// The holder keeps activity records (活动记录).
        is_sports_manager: bool = status.account.roles.contains(&Role::SportsManager.into()),
        contact: Option<Contact> = status.contact,
        server: String = status.account.server,
        /// Null before the first sync, as is `post_number`.
        post: Option<String> = status.post.as_ref().map(|post| post.name.clone()),
        post_number: Option<String> = status.post.map(|post| post.number),
        is_on_duty: bool = status.presence.on_duty,
        /// Off duty: when the last shift ended.
        on_duty_since: Option<Millis> = status.presence.since,
        /// Off duty: when the last shift began, if it began on this handset.
        last_shift_began: Option<Millis> = status.presence.began,
        /// The server has the check-in or check-out.
        is_presence_confirmed: bool = status.presence.confirmed,
        drafts: u32 = count(status.drafts),
        /// Items and photos that only this handset holds.
        items_waiting: u32 = count(status.items_waiting),
        photos_waiting: u32 = count(status.photos_waiting),
        returned: u32 = count(status.returned),
        tasks_open: u32 = count(status.tasks_open),
        tasks_overdue: u32 = count(status.tasks_overdue),
        /// The version of the grid; null without one.
        grid: Option<String> = status.grid.map(|grid| grid.0),
        last_sync: Option<Millis> = status.last_sync,
        last_contact: Option<Millis> = status.last_contact,
    }
}

/// A part of what screens show.
#[uniffi::remote(Enum)]
pub enum HandsetChange {
    Queue,
    Drafts,
    Tasks,
    Presence,
    Settings,
    Reference,
    DataUse,
    Contact,
}

record! {
    /// What changed since the last call, coalesced.
    ScreenChanges from live::HandsetChanges as changes {
        what: Vec<HandsetChange> = changes.what.into_iter().collect(),
        /// To be announced, see `Handset.mark_seen`.
        tasks_arrived: Vec<TaskId> = changes.tasks_arrived,
        tasks_gone: Vec<TaskId> = changes.tasks_gone,
    }
}

calls! { self: Handset,
    today() -> Today = self.core.status()?.into();
    /// Files the check-in at once, also offline.
    check_in(position: Option<Position>, note: String) -> EntryId = self.core.check_in(position, &note)?.id;
    /// Files the check-out at once, also offline.
    check_out(position: Option<Position>, note: String) -> EntryId = self.core.check_out(position, &note)?.id;
}
