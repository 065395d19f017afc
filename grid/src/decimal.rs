//! Decimal text to 1e-7 degree and back, without floats.
//!
//! Real files contain more than seven decimals, exponents and signs in many forms; an intermediate float would round
//! twice. This module rounds a number once, half away from zero, and reports whether it rounded.

/// A parsed coordinate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// 1e-7 degree.
    pub value: i32,
    /// True if the text had more than seven significant decimals, so that rounding changed the value.
    pub is_rounded: bool,
}

/// Parses `[+-]digits[.digits][e[+-]digits]`; `None` when it is not a number or does not fit the range of `i32`.
pub fn parse_e7(text: &str) -> Option<Fixed> {
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // How many of the digits are before the decimal point once the number is written in units of 1e-7.
    let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + 7;
    let mut value: i64 = 0;
    let mut is_rounded = false;
    let mut is_up = false;
    for (place, digit) in (0i64..).zip(digits().map(|b| i64::from(b - b'0'))) {
        if place < kept {
            value = value.checked_mul(10)?.checked_add(digit)?;
        } else {
            is_up |= place == kept && digit >= 5;
            is_rounded |= digit != 0;
        }
    }
    let written = i64::try_from(whole.len() + fraction.len()).ok()?;
    for _ in written..kept {
        if value == 0 {
            break;
        }
        value = value.checked_mul(10)?;
    }
    value += i64::from(is_up);
    Some(Fixed {
        value: i32::try_from(if is_negative { -value } else { value }).ok()?,
        is_rounded,
    })
}

/// Formats decimal degrees with exactly seven decimals, so that equal values are equal text.
pub fn format_e7(value: i32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let n = value.unsigned_abs();
    format!("{sign}{}.{:07}", n / 10_000_000, n % 10_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn every_number_format_is_rounded_once() {
        let ok = |t: &str| parse_e7(t).map(|f| (f.value, f.is_rounded));
        assert_eq!(ok("125.3252"), Some((1_253_252_000, false)));
        assert_eq!(ok("1.253252e2"), Some((1_253_252_000, false)));
        assert_eq!(ok("125325200E-6"), Some((1_253_252_000, false)));
        assert_eq!(ok("-0.00000005"), Some((-1, true)));
        assert_eq!(ok("0.00000004999999999999999999999"), Some((0, true)));
        assert_eq!(ok("43.12345678"), Some((431_234_568, true)));
        assert_eq!(ok("43.12345670000"), Some((431_234_567, false)));
        assert_eq!(ok("9e-300"), Some((0, true)));
        assert_eq!(ok("0e999999999"), Some((0, false)));
        assert_eq!(ok("+7"), Some((70_000_000, false)));
        for bad in [
            "",
            "-",
            ".",
            "1e",
            "1e+",
            "NaN",
            "inf",
            "1.2.3",
            "0x1",
            "215",
            "1e9",
            "1e999999999999",
            "--1",
            " 1",
        ] {
            assert_eq!(ok(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_formatted_value_parses_to_itself(v in any::<i32>()) {
            prop_assert_eq!(parse_e7(&format_e7(v)), Some(Fixed { value: v, is_rounded: false }));
        }

        #[test]
        fn no_text_makes_it_panic(t in ".{0,40}") {
            let _ = parse_e7(&t);
        }
    }
}
