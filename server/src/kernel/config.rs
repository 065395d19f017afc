//! The registry of settings: each number and limit of a deployment, with key, default, range, unit and meaning. Some answer
//! a question that the sources leave open: group G of `docs/rules.md`.

use super::networks::{Listen, Networks};
use protocol::{field::Contact, manifest::AskedEvidence};
use serde::Deserialize;

/// Why a file of settings is refused; each names the key.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not TOML, an unknown key, or a value of another type.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A value outside the range of its row.
    #[error(
        "{key}：应在 {least} 与 {most} 之间（{unit}），现为 {value} / must be {least} to {most} {unit}, is {value}"
    )]
    OutOfRange {
        key: &'static str,
        value: u64,
        least: u64,
        most: u64,
        unit: &'static str,
    },
}

/// One setting as `xunge-server settings` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub key: &'static str,
    /// The value in force.
    pub value: String,
    pub default: String,
    /// Smallest and largest value; of a text the number of characters.
    pub least: u64,
    pub most: u64,
    pub unit: &'static str,
    /// The Chinese name.
    pub name: &'static str,
    /// What it decides, in English.
    pub meaning: &'static str,
}

/// A type of setting: what its range is compared with.
trait Measured {
    fn measure(&self) -> u64;
}

impl Measured for u32 {
    fn measure(&self) -> u64 {
        u64::from(*self)
    }
}

impl Measured for u64 {
    fn measure(&self) -> u64 {
        *self
    }
}

impl Measured for String {
    fn measure(&self) -> u64 {
        u64::try_from(self.chars().count()).unwrap_or(u64::MAX)
    }
}

impl Measured for Networks {
    fn measure(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }
}

impl Measured for Listen {
    fn measure(&self) -> u64 {
        u64::from(self.0.is_some())
    }
}

/// Each row: meaning, key, type, default, range, unit and Chinese name. The last line of a meaning has no full stop.
macro_rules! registry {
    ($($(#[doc = $meaning:literal])+ $key:ident: $type:ty = $default:expr, $least:literal..=$most:literal, $unit:literal, $name:literal;)+) => {
        /// Settings of a deployment, read from TOML; every key has a default, an unknown key is an error.
        #[derive(Debug, Clone, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            $($(#[doc = $meaning])+ pub $key: $type,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl Settings {
            /// Every setting with its value, in the order of the registry.
            pub fn rows(&self) -> Vec<Setting> {
                let default = Self::default();
                vec![$(Setting {
                    key: stringify!($key),
                    value: self.$key.to_string(),
                    default: default.$key.to_string(),
                    least: $least,
                    most: $most,
                    unit: $unit,
                    name: $name,
                    meaning: concat!($($meaning),+).trim_start(),
                }),+]
            }

            fn check(&self) -> Result<(), SettingsError> {
                $(outside(stringify!($key), self.$key.measure(), $least, $most, $unit)?;)+
                Ok(())
            }
        }
    };
}

fn outside(
    key: &'static str,
    value: u64,
    least: u64,
    most: u64,
    unit: &'static str,
) -> Result<(), SettingsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SettingsError::OutOfRange {
        key,
        value,
        least,
        most,
        unit,
    })
}

registry! {
    /// How long a presence lasts without a check-out: the longest shift plus its handover (DC-06)
    presence_hours: u32 = 14, 1..=72, "h", "在岗最长时间";
    /// How long an enrolment code is valid
    enrol_code_hours: u32 = 24, 1..=720, "h", "登记码有效期";
    /// How long a handset's token is valid
    field_token_minutes: u32 = 60, 1..=1440, "min", "终端令牌有效期";
    /// A staff session ends after this time without use
    session_idle_minutes: u32 = 60, 1..=1440, "min", "会话空闲上限";
    /// A staff session ends after this time in any case
    session_hours: u32 = 14, 1..=72, "h", "会话最长时间";
    /// Failed sign-ins from one address before the account rests for that address
    login_attempts: u32 = 5, 1..=100, "attempts", "登录失败次数";
    /// How long it rests; each further failure doubles the time
    login_rest_seconds: u32 = 300, 1..=86400, "s", "登录失败后等待";
    /// Longest time that an account rests for an address
    login_rest_longest_seconds: u32 = 3600, 1..=86400, "s", "登录失败最长等待";
    /// Failed sign-ins that an address may make at once, over all accounts
    login_address_burst: u32 = 40, 1..=100000, "attempts", "同一地址登录失败次数";
    /// Failed sign-ins that an address may make in the long run, over all accounts
    login_address_per_minute: u32 = 12, 1..=100000, "1/min", "同一地址登录失败频率";
    /// Sign-ins that wait for their password check; one more is asked to come back
    login_queue: u32 = 32, 1..=1000, "requests", "登录排队上限";
    /// How long a password that somebody else chose may be used, for nothing but the change of the password
    first_password_days: u32 = 7, 1..=90, "d", "首次密码有效期";
    /// How often such a password may be tried, with success or without
    first_password_tries: u32 = 10, 1..=100, "attempts", "首次密码次数";
    /// How long an unfinished photo upload is kept; 0 = until the next request for it
    upload_hours: u32 = 72, 0..=8760, "h", "未完成照片保留";
    /// How long the row of a closed case or an approved activity record stays in its author's mailbox after its last
    /// change; 0 = for ever
    history_months: u32 = 24, 0..=1200, "calendar months", "终端历史保留";
    /// Default limit for a verification task (核实); no source gives one (G1)
    verify_minutes: u32 = 90, 1..=43200, "min", "核实时限";
    /// Default limit for a check task (核查) (G1)
    check_minutes: u32 = 120, 1..=43200, "min", "核查时限";
    /// A position fix that is older than this when the entry is made is flagged `stale_fix`
    fix_age_minutes: u32 = 30, 1..=1440, "min", "定位最长时效";
    /// A position fix with a larger accuracy circle is flagged `imprecise`, and the acceptor chooses the cell
    fix_accuracy_m: u32 = 100, 5..=5000, "m", "定位最大误差";
    /// A verification or check that is answered farther from the place than this, plus the accuracy of the fix, is flagged `far`
    answer_distance_m: u32 = 100, 10..=100000, "m", "核实核查最远距离";
    /// A verification or check that is answered with fewer photos is flagged `photo_missing`
    answer_photos: u32 = 1, 0..=20, "photos", "核实核查最少照片";
    /// A photo whose EXIF time is older than this when the entry is made is flagged `photo_old`
    photo_age_hours: u32 = 24, 1..=8760, "h", "照片最长时效";
    /// A photo whose EXIF place is farther from the entry's place than this, plus the accuracy of the fix, is flagged
    /// `photo_elsewhere`
    photo_distance_m: u32 = 1000, 50..=1000000, "m", "照片最远距离";
    /// A photo whose perceptual hash differs from one of another entry in at most this many of 64 bits is flagged
    /// `photo_reused`
    photo_near_bits: u32 = 5, 0..=7, "bits", "照片相似度";
    /// An activity with fewer participants does not fill its district's month (SP-05)
    activity_min_participants: u32 = 50, 1..=1000000, "persons", "活动最少人数";
    /// An activity with fewer photos on the server does not fill its district's month (SP-05)
    activity_min_photos: u32 = 3, 1..=20, "photos", "活动最少照片";
    /// Largest photo
    photo_bytes: u64 = protocol::photo::MAX_PHOTO_BYTES, 65536..=67108864, "bytes", "照片大小上限";
    /// Largest photo
    photo_pixels: u64 = 256_000_000, 307200..=400000000, "pixels", "照片像素上限";
    /// Requests a terminal may make before it is asked to wait; 0 = no limit
    field_requests_per_minute: u32 = 600, 0..=1000000, "1/min", "终端请求频率";
    /// What a terminal may push before it is asked to wait; 0 = no limit
    push_kb_per_minute: u32 = 32768, 0..=1000000000, "kB/min", "终端上报数据量";
    /// Whom workers call when the app cannot help, shown on every handset: an office rather than a person
    contact_name: String = String::new(), 0..=60, "characters", "管理员名称";
    /// The number to dial; empty: handsets show none
    contact_phone: String = String::new(), 0..=40, "characters", "管理员电话";
    /// Requests a member of staff may make before the next one has to wait; 0 = no limit
    staff_requests_per_minute: u32 = 3000, 0..=1000000, "1/min", "工作人员请求频率";
    /// Requests without a sign-in that one address may make at each open route; those that sign somebody in are not counted;
    /// 0 = no limit
    stranger_requests_per_minute: u32 = 1200, 0..=1000000, "1/min", "未登录请求频率";
    /// Requests for a token, and parcels, of one enrolled terminal whose address has used up the number above
    returning_requests_per_minute: u32 = 30, 1..=1000000, "1/min", "已登记终端登录频率";
    /// Requests of one terminal or member of staff that run at the same time; more of them wait
    requests_at_once: u32 = 8, 1..=10000, "requests", "同时请求数";
    /// Streams of events that one terminal keeps open; the oldest one ends
    events_per_terminal: u32 = 3, 1..=100, "streams", "终端事件流数";
    /// Connections in all; 0 = as many as the limit of open files allows
    connections: u32 = 0, 0..=1000000, "connections", "连接总数";
    /// Connections on which nobody has signed in yet; the oldest one is cut for a new one
    stranger_connections: u32 = 2000, 10..=1000000, "connections", "未登录连接数";
    /// The same from one address; 0 = no limit
    stranger_connections_per_address: u32 = 512, 0..=1000000, "connections", "每地址未登录连接数";
    /// Connections of one terminal or member of staff; the oldest one is cut
    connections_per_caller: u32 = 64, 4..=10000, "connections", "每人连接数";
    /// Time for a body of any size
    body_base_seconds: u32 = 60, 1..=3600, "s", "请求体基本时限";
    /// Slowest speed of a body after this time; a photo may arrive more slowly
    body_bytes_per_second: u32 = 2048, 1..=1000000, "bytes/s", "请求体最低速度";
    /// Memory for all bodies that arrive at the same time
    body_memory_mb: u32 = 192, 80..=65536, "MiB", "请求体内存";
    /// The part of it for requests without a sign-in
    stranger_body_memory_mb: u32 = 16, 1..=1024, "MiB", "未登录请求体内存";
    /// An answer of which its client reads nothing for this time ends with its connection
    answer_stall_seconds: u32 = 60, 1..=3600, "s", "应答停滞时限";
    /// What parcels of one ended stream may bring in a day; more has to wait for the next day
    parcel_mb_per_day: u32 = 2048, 32..=1000000, "MiB/d", "封存包每日上限";
    /// Proxies whose `Forwarded` and `X-Forwarded-For` name the client, separated by commas; everybody else's are ignored
    trusted_proxies: Networks = Networks::default(), 0..=64, "networks", "可信代理";
    /// Bearer token for `/metrics`; empty: only the listener for metrics shows them
    metrics_token: String = String::new(), 0..=512, "characters", "指标令牌";
    /// Address of a listener of plain HTTP that shows `/metrics` and nothing else, to everybody who reaches it unless there
    /// is a token; empty: none
    metrics_listen: Listen = Listen::default(), 0..=1, "address", "指标监听地址";
}

impl Settings {
    /// Whom workers call; none without a number.
    pub fn contact(&self) -> Option<Contact> {
        let phone = self.contact_phone.trim();
        (!phone.is_empty()).then(|| Contact {
            name: self.contact_name.trim().to_owned(),
            phone: phone.to_owned(),
        })
    }

    /// What handsets say before filing.
    pub fn asked_evidence(&self) -> AskedEvidence {
        AskedEvidence {
            fix_age_minutes: self.fix_age_minutes,
            fix_accuracy_m: self.fix_accuracy_m,
            answer_photos: self.answer_photos,
            activity_photos: self.activity_min_photos,
        }
    }

    /// Reads TOML text. The error names the key.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text)?;
        settings.check()?;
        Ok(settings)
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

    #[test]
    fn a_value_outside_its_range_is_named_with_the_range() {
        let error = Settings::from_toml("enrol_code_hours = 0")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("enrol_code_hours") && error.contains("1 to 720 h"),
            "{error}"
        );
    }

    #[test]
    fn every_default_lies_in_its_range_and_every_row_says_what_it_means() {
        let settings = Settings::default();
        settings.check().unwrap();
        for row in settings.rows() {
            assert!(!row.meaning.is_empty() && !row.name.is_empty(), "{row:?}");
        }
    }

    #[test]
    fn a_contact_is_known_by_its_number() {
        let contact = |text: &str| Settings::from_toml(text).unwrap().contact();
        assert_eq!(contact("contact_name = '信息中心'"), None);
        let named = contact("contact_name = ' 信息中心 '\ncontact_phone = '0431-100'").unwrap();
        assert_eq!(
            (named.name.as_str(), named.phone.as_str()),
            ("信息中心", "0431-100")
        );
    }
}
