//! The order of rooms, bottom up. A room may use those before it. docs/ARCHITECTURE.md says what each room holds.

/// Crates whose rooms have an order.
pub const ROOMS: &[(&str, &[&str])] = &[("server", SERVER), ("terminal-core", TERMINAL_CORE)];

/// Crates in which only cycles between files are looked for.
pub const WITHOUT_ORDER: &[&str] = &["protocol", "grid", "media", "xtask"];

const SERVER: &[&str] = &[
    "store",
    "kernel",
    "entries",
    "app",
    "auth",
    "http",
    "people",
    "audit",
    "photos",
    "grids",
    "terminals",
    "duty",
    "feed",
    "activities",
    "tasks",
    "cases",
    "inspections",
    "intake",
    "service",
    "cli",
    "lib",
    "bin",
];

const TERMINAL_CORE: &[&str] = &[
    "error",
    "transport",
    "platform",
    "grid",
    "photos",
    "words",
    "store",
    "sync",
    "terminal",
    "lifecycle",
    "work",
    "live",
    "cli",
    "lib",
    "bin",
];
