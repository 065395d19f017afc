//! Code that every room uses and that depends on no room.
//!
//! * [`failure`]: the one error of domain code. [`page`]: lists. [`config`]: settings. [`networks`]: lists of
//!   addresses. [`clock`], [`ids`]: time, random bytes and ids. [`mask`]: personal data as shown by default.
//!   [`personal`]: personal data in free text. [`text`]: names that people type. [`text_enum`]: enums with a stable text.
//!   [`memory`]: what the allocator gives back.

pub mod clock;
pub mod config;
pub mod failure;
pub mod ids;
pub mod mask;
pub mod memory;
pub mod networks;
pub mod page;
pub mod personal;
pub mod text;
pub mod text_enum;
