//! The `xunge-server` command line: serve, create a city, tools for grids and custody.
//!
//! * [`commands`]: the subcommands. [`admin`]: accounts, on the machine itself.
//!   [`calendar`]: holidays. [`place`]: where the data is. [`init`]: founding a city.
//! * [`grid_tools`]: files of grids. [`parcels`]: sealed parcels and completeness.

mod admin;
mod calendar;
mod commands;
mod data_location;
mod grid_tools;
mod init;
mod parcels;
mod releases;
mod settings;

pub use admin::{Given, add_administrator, reset_account};
pub use calendar::import_calendar;
pub use commands::{ServerCli, main};
pub use init::{Founded, found};
