//! The users of a handset as a list shows them, and the terminals of those who are not current.

use crate::{
    Error, Result,
    lifecycle::{handset::Handset, wipe},
    platform::home::{DATABASE, NOTE, WIPING},
    store::handed_over::HandedOver,
    terminal::Terminal,
    words::{self, Lang},
};
use protocol::{entry::Reason, problem::HandsetCode};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::{Path, PathBuf},
};

/// A user of the handset.
#[derive(Debug, Clone)]
pub struct HandsetUser {
    /// Number of the home, from 1; it never changes.
    pub number: u32,
    pub home: PathBuf,
    /// Name of the holder; `None` if the home cannot be read.
    pub name: Option<String>,
    /// The user who files now.
    pub is_current: bool,
    /// What only this handset holds; `None` if the home cannot be read.
    pub waiting: Option<UsersWork>,
    /// A damaged database of this user waits to be salvaged, also beside a new enrolment.
    pub is_salvage_due: bool,
    pub condition: HomeCondition,
}

/// What only this handset holds of a user's work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsersWork {
    pub entries: u64,
    pub photos: u64,
    pub drafts: u64,
}

/// The condition of a user's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HomeCondition {
    /// The home opens.
    Enrolled,
    /// An enrolment was begun and not completed; it can be repeated with the same code.
    EnrolmentPending,
    /// The database was damaged and moved to quarantine; nothing was enrolled since.
    MovedAside,
    /// Everything was handed over to the centre and the home was wiped.
    HandedOver(HandedOver),
    /// A newer version of the program has written the database.
    Newer,
    /// The keys are missing, damaged or locked. The content is still there.
    KeysUnreadable,
    /// The home does not open for another reason, such as a failing disk.
    Unreadable(Reason),
}

impl HomeCondition {
    /// The name in JSON documents.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::EnrolmentPending => "enrolment_pending",
            Self::MovedAside => "moved_aside",
            Self::HandedOver(_) => "handed_over",
            Self::Newer => "newer",
            Self::KeysUnreadable => "keys_unreadable",
            Self::Unreadable(_) => "unreadable",
        }
    }
    /// What happened and what to do, for a person.
    pub fn words(&self, lang: Lang) -> String {
        let (zh, en) = match self {
            Self::Enrolled => ("已登记", "enrolled"),
            Self::EnrolmentPending => (
                "登记没有完成，请用原来的登记码再登记一次",
                "the enrolment was not completed; enrol again with the same code",
            ),
            Self::MovedAside => (
                "数据库损坏，有内容等待抢救，请找管理员（salvage）",
                "the database is damaged and its content waits to be salvaged; ask the administrator (salvage)",
            ),
            Self::HandedOver(done) => return reason_words(lang, &done.reason()),
            Self::Newer => (
                "数据由更新的版本写入，请升级程序",
                "a newer version has written the data; update the program",
            ),
            Self::KeysUnreadable => (
                "读不到密钥，内容还在本机，请解锁手机后再试",
                "the keys cannot be read; the content is still here; unlock the phone and try again",
            ),
            Self::Unreadable(why) => return reason_words(lang, why),
        };
        lang.pick(zh, en).into()
    }
    fn of(error: &Error) -> Self {
        match error {
            Error::NotEnrolled => Self::EnrolmentPending,
            Error::Quarantined { .. } => Self::MovedAside,
            Error::Newer { .. } => Self::Newer,
            Error::Keystore(_) | Error::KeyFile { .. } => Self::KeysUnreadable,
            other if other.code() == HandsetCode::HandedOver => Self::HandedOver(HandedOver::default()),
            other => Self::Unreadable(other.reason()),
        }
    }
}

fn reason_words(lang: Lang, reason: &Reason) -> String {
    words::of_reason(lang, reason).into()
}

impl Handset {
    /// All users, the first home first. A home that cannot be opened is listed with its [`HomeCondition`], so one
    /// damaged home hides no other.
    ///
    /// # Errors
    /// Errors of the disk while listing the folder.
    pub fn users(&self) -> Result<Vec<HandsetUser>> {
        let current = self.current_home()?;
        let mut homes = self.places()?;
        homes.retain(|home| {
            let has = |name| self.disk().exists(&home.join(name));
            has(DATABASE) || has(NOTE) || has(WIPING) || self.waits_for_salvage(home)
        });
        Ok(homes
            .into_iter()
            .map(|home| examine(self, home == current, home))
            .collect())
    }
    /// The terminals of all users but the one whose home is `but`, for a watch of all.
    pub fn others(&self, but: &Path) -> OtherUsers {
        OtherUsers::of(self.clone(), but)
    }
}

/// Opens a home and says how it is.
fn examine(handset: &Handset, is_current: bool, home: PathBuf) -> HandsetUser {
    let read = || -> Result<(String, UsersWork)> {
        let terminal = handset.open_home(&home)?;
        let (counts, photos) = (terminal.store().counts()?, terminal.store().photos_waiting()?);
        let work = UsersWork {
            entries: counts.waiting.into(),
            photos,
            drafts: counts.drafts.into(),
        };
        Ok((terminal.account().holder_name.clone(), work))
    };
    let (name, waiting, condition) = match read() {
        Ok((name, work)) => (Some(name), Some(work), HomeCondition::Enrolled),
        Err(error) => (None, None, HomeCondition::of(&error)),
    };
    let is_salvage_due = handset.waits_for_salvage(&home);
    let condition = match condition {
        // Opening wipes a home whose hand-over is complete, so the note may be new.
        HomeCondition::HandedOver(unknown) => HomeCondition::HandedOver(
            wipe::finish(&home, handset.disk())
                .ok()
                .flatten()
                .unwrap_or(unknown),
        ),
        other => other,
    };
    HandsetUser {
        number: handset.number(&home),
        home,
        name,
        is_current,
        waiting,
        is_salvage_due,
        condition,
    }
}

/// The terminals of all users but one. Each is opened once and kept; users who are added later are included.
pub struct OtherUsers {
    handset: Handset,
    but: PathBuf,
    open: BTreeMap<PathBuf, Terminal>,
}

impl OtherUsers {
    fn of(handset: Handset, but: &Path) -> Self {
        Self {
            handset,
            but: but.to_owned(),
            open: BTreeMap::new(),
        }
    }
    /// All other users' terminals that open; failures are logged and skipped.
    pub fn terminals(&mut self) -> Vec<Terminal> {
        let all = self.handset.homes().unwrap_or_default();
        self.open.retain(|home, _| all.contains(home));
        for home in all.into_iter().filter(|home| *home != self.but) {
            if let Entry::Vacant(place) = self.open.entry(home) {
                match self.handset.open_home(place.key()) {
                    Ok(terminal) => {
                        place.insert(terminal);
                    }
                    Err(error) => tracing::info!(name: "users.not_opened", cause = error.code().as_str()),
                }
            }
        }
        self.open.values().cloned().collect()
    }
}
