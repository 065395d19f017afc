//! A real handset in a folder: the same core that the command line and the apps use, over a real network.

use anyhow::{Context, Result};
use protocol::{
    evidence::Position,
    field::{Device, Invitation},
    geo::PointE7,
    time::Millis,
};
use std::path::{Path, PathBuf};
use terminal_core::{
    Error,
    enrol::enrol,
    store::Store,
    sync::{Policy, SyncReport},
    terminal::{Platform, Terminal},
    transport::{CancelToken, Transport, https::Https},
};

/// A handset that can die and come back between any two calls.
pub struct Handset {
    home: PathBuf,
    terminal: Option<Terminal>,
    deaths: u64,
}

impl Handset {
    /// Enrols a new handset in `home`. `through` is another address for the server's, such as a [`crate::line::Line`].
    pub fn enrol(home: &Path, invitation: &str, through: Option<&str>) -> Result<Self> {
        std::fs::create_dir_all(home)?;
        let invitation = match through {
            Some(address) => {
                let mut invitation = Invitation::from_text(invitation)?;
                address.clone_into(&mut invitation.server);
                invitation.to_text()?
            }
            None => invitation.to_owned(),
        };
        let platform = Platform::command_line(home)?;
        let store = Store::open(home, platform.vault.database_key()?)?;
        enrol(
            &store,
            platform.vault.as_ref(),
            platform.clock.as_ref(),
            platform.random.as_ref(),
            &|invitation: &Invitation| {
                let https = Https::new(&invitation.server, &invitation.pins)?;
                Ok(Box::new(https) as Box<dyn Transport>)
            },
            &invitation,
            Device {
                model: "e2e".into(),
                os: std::env::consts::OS.into(),
                app: env!("CARGO_PKG_VERSION").into(),
            },
        )?;
        drop(store);
        Ok(Self {
            home: home.to_owned(),
            terminal: None,
            deaths: 0,
        })
    }
    /// A handset that was enrolled before.
    pub fn at(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            terminal: None,
            deaths: 0,
        }
    }
    pub fn home(&self) -> &Path {
        &self.home
    }
    /// The open terminal; opened from its folder when the process has died meanwhile.
    pub fn open(&mut self) -> Result<&Terminal> {
        if self.terminal.is_none() {
            let platform = Platform::command_line(&self.home)?;
            self.terminal = Some(Terminal::open(&self.home, platform)?);
        }
        self.terminal.as_ref().context("just opened")
    }
    /// Everything in memory is gone, as when the platform kills the app.
    pub fn die(&mut self) {
        self.terminal = None;
        self.deaths += 1;
    }
    pub fn deaths(&self) -> u64 {
        self.deaths
    }
    /// Syncs once, as far as it goes now.
    pub fn sync(&mut self) -> Result<SyncReport, Error> {
        let terminal = self.open().map_err(|e| match e.downcast::<Error>() {
            Ok(error) => error,
            Err(other) => Error::Data(other.to_string()),
        })?;
        terminal.sync(Policy::MANUAL, &CancelToken::default(), &mut |_| {})
    }
}

/// A fix as a handset's receiver gives it.
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
    }
}
