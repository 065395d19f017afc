//! How good a position fix is, in words: where it comes from, how exact and how old it is, and what to do about a bad one.

use crate::words::{self, Lang};

/// Why the centre will doubt a fix. The codes are those of the server's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixDoubt {
    /// The accuracy circle is larger than asked for; its radius in metres.
    Imprecise { metres: u32 },
    /// Older than asked for; its age in milliseconds, negative for a fix time in the future.
    Stale { age_ms: i64 },
    /// The platform marks it as a mock location.
    Mock,
    /// The provider states an accuracy of 0, as mock providers do.
    NoAccuracy,
}

impl FixDoubt {
    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Imprecise { .. } => "imprecise",
            Self::Stale { .. } => "stale_fix",
            Self::Mock => "mock_position",
            Self::NoAccuracy => "zero_accuracy",
        }
    }
    /// What is wrong, for an item that was filed.
    pub fn fact(self, lang: Lang) -> String {
        match self {
            Self::Imprecise { metres } => {
                let far = words::distance(lang, f64::from(metres));
                lang.pick(
                    format!("定位误差约 {far}"),
                    format!("the position may be off by {far}"),
                )
            }
            Self::Stale { age_ms } if age_ms < 0 => lang
                .pick("定位的时间不对", "the time of the position is wrong")
                .into(),
            Self::Stale { age_ms } => {
                let age = words::duration(lang, age_ms);
                lang.pick(format!("定位是 {age}前的"), format!("the position is {age} old"))
            }
            Self::Mock => lang.pick("这是模拟定位", "this is a mock position").into(),
            Self::NoAccuracy => lang
                .pick("定位没有给出误差", "the position states no accuracy")
                .into(),
        }
    }
    /// What is wrong, and what to do before filing.
    pub fn words(self, lang: Lang) -> String {
        let advice = match self {
            Self::Imprecise { .. } => {
                lang.pick("，请到空旷处重新定位", "; go to an open place and locate again")
            }
            Self::Mock => lang.pick(
                "，请关闭模拟定位的应用后重新定位",
                "; switch the app off that makes it, and locate again",
            ),
            Self::Stale { .. } | Self::NoAccuracy => lang.pick("，请重新定位", "; locate again"),
        };
        format!("{}{advice}", self.fact(lang))
    }
}

/// Where a fix comes from; a provider that this version does not know shows its name.
pub fn provider(lang: Lang, provider: &str) -> &str {
    match provider {
        "gps" => lang.pick("卫星定位", "satellites"),
        "network" => lang.pick("网络定位", "network"),
        "fused" => lang.pick("综合定位", "satellites and network"),
        "manual" => lang.pick("手动选点", "chosen by hand"),
        other => other,
    }
}

/// 「±8 米」. Unit: centimetres.
pub fn accuracy(lang: Lang, accuracy_cm: u32) -> String {
    format!("±{}", words::distance(lang, f64::from(accuracy_cm.div_ceil(100))))
}

/// 「40 秒前」, 「12 分前」.
pub fn age(lang: Lang, age_ms: i64) -> String {
    let length = match age_ms {
        ..60_000 => format!("{} {}", age_ms.max(0) / 1000, lang.pick("秒", "s")),
        _ => words::duration(lang, age_ms),
    };
    lang.pick(format!("{length}前"), format!("{length} ago"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_03_a_bad_fix_is_said_with_its_figure_and_what_to_do() {
        let imprecise = FixDoubt::Imprecise { metres: 120 };
        assert_eq!(imprecise.words(Lang::Zh), "定位误差约 120 米，请到空旷处重新定位");
        assert_eq!(
            FixDoubt::Imprecise { metres: 5_000 }.words(Lang::En),
            "the position may be off by 5.0 km; go to an open place and locate again"
        );
        let stale = FixDoubt::Stale { age_ms: 45 * 60_000 };
        assert_eq!(stale.words(Lang::Zh), "定位是 45 分前的，请重新定位");
        assert_eq!(age(Lang::Zh, 12_400), "12 秒前");
        assert_eq!(age(Lang::En, 3 * 3_600_000), "3 h ago");
        assert_eq!(accuracy(Lang::Zh, 800), "±8 米");
    }
}
