//! The `xunge-server` command line: serve, create a city, tools for grids and custody.
//!
//! * [`commands`]: the subcommands. [`place`]: where the data is. [`init`]: founding a city.
//! * [`grid_tools`]: files of grids. [`parcels`]: sealed parcels and completeness. [`audit`]: the audit log.
//!   [`keys`]: keys of the server. [`releases`]: the Android app. [`settings`]: the list of settings.

mod audit;
mod backup;
mod commands;
mod data_location;
mod grid_tools;
mod init;
mod keys;
mod parcels;
mod photo_audit;
mod releases;
mod settings;

pub use commands::{ServerCli, main};
pub use init::{Founded, found};
