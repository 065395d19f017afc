//! Times, lengths and sizes as people read them.

use crate::words::Lang;
use protocol::time::Millis;

/// A duration in its two largest units: 「2 小时 14 分」, 「3 天 4 小时」, 「不到 1 分」.
pub fn duration(lang: Lang, millis: i64) -> String {
    let minutes = millis.unsigned_abs() / 60_000;
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let two = |a: u64, unit_a: &str, b: u64, unit_b: &str| match b {
        0 => format!("{a} {unit_a}"),
        _ => format!("{a} {unit_a} {b} {unit_b}"),
    };
    match (days, hours, rest) {
        (0, 0, 0) => lang.pick("不到 1 分", "less than 1 min").into(),
        (0, 0, m) => format!("{m} {}", lang.pick("分", "min")),
        (0, h, m) => two(h, lang.pick("小时", "h"), m, lang.pick("分", "min")),
        (d, h, _) => two(d, lang.pick("天", "d"), h, lang.pick("小时", "h")),
    }
}

/// `14:05` for today, `11-23 14:05` for another day of this year, else the full date; Asia/Shanghai.
pub fn moment(at: Millis, now: Millis) -> String {
    let (at, now) = (at.civil(), now.civil());
    let form = if at.date() == now.date() {
        "%H:%M"
    } else if at.year() == now.year() {
        "%m-%d %H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    at.strftime(form).to_string()
}

/// A distance in metres: 「240 米」, 「3.1 公里」.
pub fn distance(lang: Lang, metres: f64) -> String {
    if metres < 1000.0 {
        format!("{metres:.0} {}", lang.pick("米", "m"))
    } else {
        format!("{:.1} {}", metres / 1000.0, lang.pick("公里", "km"))
    }
}

/// One of eight compass directions, from a bearing in degrees clockwise from north.
pub fn direction(lang: Lang, bearing: f64) -> &'static str {
    let names = lang.pick(
        ["北", "东北", "东", "东南", "南", "西南", "西", "西北"],
        [
            "north",
            "north-east",
            "east",
            "south-east",
            "south",
            "south-west",
            "west",
            "north-west",
        ],
    );
    // The remainder is within 0..8, so the cast is exact.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let sector = ((bearing.rem_euclid(360.0) + 22.5) / 45.0) as usize;
    names.get(sector % 8).copied().unwrap_or_default()
}

/// 「5 秒后」 for less than two minutes, else the [`moment`].
pub fn soon(lang: Lang, at: Millis, now: Millis) -> String {
    match at.since(now) / 1000 {
        seconds @ 0..120 => lang.pick(format!("{} 秒后", seconds + 1), format!("in {} s", seconds + 1)),
        _ => moment(at, now),
    }
}

/// A share between 0 and 1 in percent; a share that is not zero is never shown as zero.
pub fn share(share: f64) -> String {
    if share > 0.0 && share < 0.01 {
        "<1%".into()
    } else {
        format!("{:.0}%", share * 100.0)
    }
}

/// Bytes per megabyte of data use. The decimal megabyte, so that a budget never ends late.
pub const MEGABYTE: u64 = 1_000_000;

/// Formats bytes as `12.3 MB` or `4.5 kB`.
pub fn bytes(bytes: u64) -> String {
    let (unit, name) = if bytes < MEGABYTE {
        (1000, "kB")
    } else {
        (MEGABYTE, "MB")
    };
    let tenths = bytes.saturating_mul(10) / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_795_306_503_000);

    #[test]
    fn durations_are_shown_in_two_units() {
        let minute = 60_000;
        for (millis, zh, en) in [
            (59_000, "不到 1 分", "less than 1 min"),
            (14 * minute, "14 分", "14 min"),
            (134 * minute, "2 小时 14 分", "2 h 14 min"),
            (120 * minute, "2 小时", "2 h"),
            (-(4560 * minute), "3 天 4 小时", "3 d 4 h"),
        ] {
            assert_eq!(
                (
                    duration(Lang::Zh, millis).as_str(),
                    duration(Lang::En, millis).as_str()
                ),
                (zh, en)
            );
        }
    }

    #[test]
    fn directions_follow_the_compass() {
        for (bearing, zh) in [
            (0.0, "北"),
            (44.0, "东北"),
            (90.0, "东"),
            (-45.0, "西北"),
            (359.0, "北"),
        ] {
            assert_eq!(direction(Lang::Zh, bearing), zh);
        }
    }

    #[test]
    fn sizes_shares_and_near_moments_are_short() {
        assert_eq!(
            (bytes(4_560).as_str(), bytes(12_340_000).as_str()),
            ("4.5 kB", "12.3 MB")
        );
        assert_eq!(
            [0.0, 0.004, 0.256, 1.0].map(share),
            ["0%", "<1%", "26%", "100%"].map(str::to_owned)
        );
        assert_eq!(soon(Lang::Zh, NOW.plus(4_200), NOW), "5 秒后");
        assert_eq!(soon(Lang::En, NOW.plus(7 * 60_000), NOW), "08:22");
    }
}
