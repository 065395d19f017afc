//! A real handset in a folder: the same core as the command line and the apps, over a real network.

use anyhow::{Context, Result};
use protocol::{
    evidence::Position,
    field::{Device, Invitation},
    geo::PointE7,
    time::Millis,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use terminal_core::{
    Error,
    platform::{Clock, Platform},
    sync::{Policy, SyncReport},
    terminal::Terminal,
    transport::{CancelToken, Transport},
};

/// A handset whose process may be killed and restarted between any two calls.
pub struct Handset {
    home: PathBuf,
    clock: Option<Arc<dyn Clock>>,
    terminal: Option<Terminal>,
    kills: u64,
}

impl Handset {
    /// Enrols a new handset in `home`. `through` replaces the server's address, such as the address of a
    /// [`crate::line::FaultProxy`].
    pub fn enrol(home: &Path, invitation: &str, through: Option<&str>) -> Result<Self> {
        Self::enrol_with_clock(home, invitation, through, None)
    }
    /// [`Self::enrol`] with a clock that the caller controls.
    pub fn enrol_with_clock(
        home: &Path,
        invitation: &str,
        through: Option<&str>,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<Self> {
        std::fs::create_dir_all(home)?;
        let invitation = match through {
            Some(address) => {
                let mut invitation = Invitation::from_text(invitation)?;
                address.clone_into(&mut invitation.server);
                invitation.to_text()?
            }
            None => invitation.to_owned(),
        };
        let mut handset = Self::existing(home);
        handset.clock = clock;
        let device = Device {
            model: "e2e".into(),
            os: std::env::consts::OS.into(),
            app: env!("CARGO_PKG_VERSION").into(),
        };
        let platform = handset.platform()?;
        let terminal = Terminal::enrol(home, platform, &invitation, device, &CancelToken::default())?;
        handset.terminal = Some(terminal);
        Ok(handset)
    }
    /// A handset that was enrolled before in `home`.
    pub fn existing(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            clock: None,
            terminal: None,
            kills: 0,
        }
    }
    pub fn home(&self) -> &Path {
        &self.home
    }
    /// The open terminal; opens it from its folder if it was killed before.
    pub fn open(&mut self) -> Result<&Terminal> {
        if self.terminal.is_none() {
            self.terminal = Some(Terminal::open(&self.home, self.platform()?)?);
        }
        self.terminal.as_ref().context("the terminal was just opened")
    }
    /// The platform of this handset, including the keys in its home.
    pub fn platform(&self) -> Result<Platform, Error> {
        let mut platform = Platform::command_line(&self.home)?;
        if let Some(clock) = &self.clock {
            platform.clock = clock.clone();
        }
        Ok(platform)
    }
    /// Drops everything in memory, as when the operating system kills the app.
    pub fn kill(&mut self) {
        self.terminal = None;
        self.kills += 1;
    }
    pub fn kills(&self) -> u64 {
        self.kills
    }
    /// Syncs once, without waiting for retry times.
    pub fn sync(&mut self) -> Result<SyncReport, Error> {
        self.opened()?
            .sync(Policy::MANUAL, &CancelToken::default(), &mut |_| {})
    }
    /// Syncs once in the background mode: retry times are respected.
    pub fn sync_in_background(&mut self) -> Result<SyncReport, Error> {
        let policy = Policy {
            manual: false,
            ..Policy::MANUAL
        };
        self.opened()?.sync(policy, &CancelToken::default(), &mut |_| {})
    }
    /// Syncs once over the given transport.
    pub fn sync_over(&mut self, transport: &dyn Transport) -> Result<SyncReport, Error> {
        self.opened()?
            .sync_over(transport, Policy::MANUAL, &CancelToken::default(), &mut |_| {})
    }
    fn opened(&mut self) -> Result<&Terminal, Error> {
        self.open().map_err(|e| match e.downcast::<Error>() {
            Ok(error) => error,
            Err(other) => Error::Data(other.to_string()),
        })
    }
}

/// A position fix as the handset's GNSS receiver gives it, with accuracy in metres.
pub fn fix(point: PointE7, accuracy_m: u32) -> Position {
    let now = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis(),
    )
    .unwrap_or(0);
    Position {
        point,
        accuracy_cm: accuracy_m * 100,
        provider: "gps".into(),
        mock: false,
        fix_time: Millis(now),
        monotonic_ms: None,
    }
}
