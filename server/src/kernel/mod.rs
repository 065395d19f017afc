//! What every room uses and that knows no room: failures, pages of lists, settings, stable texts of enums.

pub mod config;
pub mod failure;
pub mod page;
pub mod text_enum;
