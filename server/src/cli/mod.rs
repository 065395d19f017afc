//! The `xunge-server` command line: serve, create a city, tools for grids and custody.
//!
//! * [`commands`]: the subcommands. [`place`]: where the data is. [`init`]: founding a city. [`backup`]: a copy of it.
//! * [`admin`]: accounts, on the machine itself. [`audit`]: the audit log. [`calendar`]: holidays.
//! * [`grid_tools`]: files of grids. [`parcels`]: sealed parcels and completeness.
//!   [`keys`]: keys of the server. [`releases`]: the Android app. [`settings`]: the list of settings.

mod admin;
mod audit;
mod backup;
mod calendar;
mod commands;
mod data_location;
mod grid_tools;
mod init;
mod keys;
mod parcels;
mod photo_audit;
mod releases;
mod settings;

pub use admin::{Given, add_administrator, reset_account};
pub use calendar::import_calendar;
pub use commands::{ServerCli, main};
pub use init::{Founded, found};
