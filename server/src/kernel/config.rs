//! Settings with documented defaults. Some answer a question that the sources leave open: group G of `docs/rules.md`.

use serde::Deserialize;

/// Settings of a deployment, read from TOML; every key has a default, an unknown key is an error.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a presence lasts without a check-out, in hours: the longest shift plus its handover (DC-06).
    pub presence_hours: u32,
    /// How long an enrolment code is valid, in hours.
    pub enrol_code_hours: u32,
    /// How long a handset's token is valid, in minutes.
    pub field_token_minutes: u32,
    /// A staff session ends after this many minutes without use.
    pub session_idle_minutes: u32,
    /// A staff session ends after this many hours in any case.
    pub session_hours: u32,
    /// Failed sign-ins before an account rests.
    pub login_attempts: u32,
    /// How long it rests, in seconds.
    pub login_rest_seconds: u32,
    /// How long an unfinished photo upload is kept, in hours.
    pub upload_hours: u32,
    /// How long the row of a closed case or an approved activity record stays in its author's mailbox after its last
    /// change, in calendar months; 0 = for ever.
    pub history_months: u32,
    /// Default limit for a verification task (核实) in minutes; no source gives one (G1).
    pub verify_minutes: u32,
    /// Default limit for a check task (核查) in minutes (G1).
    pub check_minutes: u32,
    /// Largest photo in bytes.
    pub photo_bytes: u64,
    /// Largest photo in pixels.
    pub photo_pixels: u64,
    /// Requests a terminal may make in a minute before it is asked to wait; 0 = no limit.
    pub field_requests_per_minute: u32,
    /// Bearer token for `/metrics`; empty: only a peer on loopback may read it.
    pub metrics_token: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            presence_hours: 14,
            enrol_code_hours: 24,
            field_token_minutes: 60,
            session_idle_minutes: 60,
            session_hours: 14,
            login_attempts: 5,
            login_rest_seconds: 300,
            upload_hours: 72,
            history_months: 24,
            verify_minutes: 90,
            check_minutes: 120,
            photo_bytes: protocol::photo::MAX_PHOTO_BYTES,
            photo_pixels: 50_000_000,
            field_requests_per_minute: 600,
            metrics_token: String::new(),
        }
    }
}

impl Settings {
    /// Reads TOML text; the error names the key.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named() {
        let error = Settings::from_toml("presence_hour = 3").unwrap_err().to_string();
        assert!(error.contains("presence_hour"), "{error}");
        assert_eq!(
            Settings::from_toml("presence_hours = 3").unwrap().presence_hours,
            3
        );
    }
}
