//! terminal-core
