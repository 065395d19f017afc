//! What a run may use, and the words for what has to wait.

use crate::platform::surroundings::NetworkCost;
use protocol::{entry::Reason, problem::HandsetCode};

/// What this run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A network may be available.
    pub online: bool,
    /// Photos may be sent (failure story 37: not over a metered network unless allowed).
    pub photos: bool,
    /// New versions of reference files may be fetched. A first version always may.
    pub files: bool,
    /// The package of a newer app may be fetched: where traffic costs nothing, and not for a phone's other users.
    pub app: bool,
    /// A person asked: waits that the handset chose end, waits that the server asked for stay.
    pub manual: bool,
    /// What the bytes cost that are sent under this policy.
    pub cost: NetworkCost,
    /// Bytes that may still be used before photos and files wait; `None` for no limit.
    pub allowance: Option<u64>,
    /// Why something waits.
    pub held: Option<HeldBack>,
}

/// Why photos and files, or everything, have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBack {
    /// The network is metered, and photos or files wait for an unmetered one.
    Metered,
    /// The network is another operator's, and photos and files wait for the own one or Wi-Fi.
    Roaming,
    /// Everything waits for an unmetered network.
    WifiOnly,
    /// This month's data budget is used up (SP-12).
    Budget,
    /// The battery is low and not charging.
    Battery,
}

impl HeldBack {
    /// Code and words for the worker: the reason, and what helps.
    pub fn reason(self) -> Reason {
        let (code, zh, en) = match self {
            Self::Metered => (
                HandsetCode::Metered,
                "现在用的是流量，照片和新资料等 Wi-Fi 再传，文字已照常传",
                "this network is metered: photos and new files wait for another one (Wi-Fi), entries go",
            ),
            Self::Roaming => (
                HandsetCode::Roaming,
                "正在漫游，照片和新资料等待 Wi-Fi；文字内容照常发送",
                "this handset is roaming: photos and new files wait for Wi-Fi; entries are sent as usual",
            ),
            Self::WifiOnly => (
                HandsetCode::WifiOnly,
                "已设置仅在不计费网络（Wi-Fi）下同步，内容保存在本机，连上 Wi-Fi 后发送",
                "the sync is set to Wi-Fi only: everything is kept here and sent once there is Wi-Fi",
            ),
            Self::Budget => (
                HandsetCode::Budget,
                "本月流量额度已用完，照片等待 Wi-Fi 或下个月；文字内容照常发送",
                "this month's data budget is used up: photos wait for Wi-Fi or the next month, entries go",
            ),
            Self::Battery => (
                HandsetCode::Battery,
                "电量低，照片等待充电；文字内容照常发送",
                "the battery is low: photos wait until it is charged, entries go",
            ),
        };
        Reason::new(code, zh, en)
    }
}

impl Policy {
    /// Everything is allowed, at a person's request.
    pub const MANUAL: Self = Self {
        online: true,
        photos: true,
        files: true,
        app: true,
        manual: true,
        cost: NetworkCost::Free,
        allowance: None,
        held: None,
    };
    /// The same policy with photos and files held back.
    #[must_use]
    pub fn without(self, held: HeldBack) -> Self {
        Self {
            photos: false,
            files: false,
            held: Some(held),
            ..self
        }
    }
    /// Why nothing may be sent, if so.
    pub fn closed(&self) -> Option<Reason> {
        if self.online {
            return None;
        }
        Some(self.held.map_or_else(
            || {
                Reason::new(
                    HandsetCode::Offline,
                    "没有网络，内容保存在本机，联网后自动发送",
                    "there is no network; everything is kept here and sent when there is one",
                )
            },
            HeldBack::reason,
        ))
    }
}
