//! The phone with its users.

use crate::{
    errors::Result,
    handset::Handset,
    listeners::{CancelToken, WatchListener},
    platform::Services,
    types::all,
    words::{Words, both},
};
use std::{path::Path, sync::Arc};
use terminal_core::{
    lifecycle::{self, HandsetUser, InvitationPreview, UsersWork},
    live::HandsetEvent,
    protocol::{
        field::{Contact, Device},
        time::Millis,
    },
    terminal::Terminal,
};

/// The phone, for the register of terminals.
#[uniffi::remote(Record)]
pub struct Device {
    pub model: String,
    pub os: String,
    pub app: String,
}

/// Whom a worker calls when the app cannot help, see `protocol::field::Contact`.
#[uniffi::remote(Record)]
pub struct Contact {
    pub name: String,
    pub phone: String,
}

/// What an invitation says before it is used: the server, whether its keys are pinned, the enrolment code, and whom to call.
#[uniffi::remote(Record)]
pub struct InvitationPreview {
    pub server: String,
    pub is_pinned: bool,
    pub code: String,
    pub contact: Option<Contact>,
}

/// What waits on this phone.
#[uniffi::remote(Record)]
pub struct UsersWork {
    pub entries: u64,
    pub photos: u64,
    pub drafts: u64,
}

record! {
    /// A user of the phone.
    PhoneUser from HandsetUser as user {
        /// From 1, in the order of enrolment.
        number: u32 = user.number,
        condition: String = user.condition.as_str().to_owned(),
        condition_words: Words = both(|lang| user.condition.words(lang)),
        /// The holder's name; null if his home cannot be opened.
        name: Option<String> = user.name,
        is_current: bool = user.is_current,
        /// Null if it is not known.
        waiting: Option<UsersWork> = user.waiting,
        /// A damaged database waits to be handed over.
        is_salvage_due: bool = user.is_salvage_due,
    }
}

/// The phone. Creates nothing before somebody enrols.
#[derive(uniffi::Object)]
pub struct Phone {
    core: lifecycle::Handset,
    services: Services,
}

#[uniffi::export]
impl Phone {
    /// The phone whose data are in `folder`.
    #[uniffi::constructor]
    pub fn at(folder: String, services: Services) -> Result<Arc<Self>> {
        let core = lifecycle::Handset::at(Path::new(&folder), Arc::new(services.platform()?));
        Ok(Arc::new(Self { core, services }))
    }
}

calls! { self: Phone,
    /// All users, the first one first; empty before the first enrolment.
    users() -> Vec<PhoneUser> = all(self.core.users()?);
    /// Whom the current user calls, also when his home does not open.
    contact() -> Option<Contact> = self.core.contact()?;
    /// Makes a user the current one.
    switch_to(number: u32) -> () = self.core.switch(number)?;
    open_current() -> Arc<Handset> = self.handset(self.core.open_current()?);
    open_user(number: u32) -> Arc<Handset> = self.handset(self.core.open(number)?);
    /// Enrols the first user. A call that was cut can be repeated with the same invitation.
    enrol(invitation: String, device: Device, cancel: Arc<CancelToken>) -> Arc<Handset> =
        self.handset(self.core.enrol(&invitation, device, &cancel.0)?);
    /// Enrols one more user and makes him the current one.
    enrol_another(invitation: String, device: Device, cancel: Arc<CancelToken>) -> Arc<Handset> =
        self.handset(self.core.enrol_another(&invitation, device, &cancel.0)?);
    /// Hands over a user's damaged databases; with `export` into a file instead of to the server. True: nothing is left.
    salvage(number: u32, export: Option<String>) -> bool =
        !self.core.salvage(number, export.as_deref().map(Path::new))?.waits();
    /// Syncs when needed, for all users, and holds the line open as the core decides. Blocks until it is cancelled or the
    /// handset ends.
    watch(handset: Arc<Handset>, cancel: Arc<CancelToken>, listener: Arc<dyn WatchListener>) -> () = {
        let now = || handset.core.now().unwrap_or(Millis(0));
        let mut tell = |event: HandsetEvent| drop(listener.on_event((event, now()).into()));
        self.core.watch(&handset.core, &handset.around, &cancel.0, &mut tell)?
    };
}

impl Phone {
    fn handset(&self, core: Terminal) -> Arc<Handset> {
        Arc::new(Handset {
            core,
            around: self.services.surroundings(),
        })
    }
}

/// Reads an invitation without using it.
#[uniffi::export]
pub fn preview_invitation(invitation: String) -> Result<InvitationPreview> {
    Ok(InvitationPreview::of(&invitation)?)
}
