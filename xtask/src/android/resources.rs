//! Android resources from `design/`: colours, sizes, icons, states. All of it goes below `target/android`.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::values::{table, values};
use super::{icons, states};
use crate::clock;
use crate::workspace::Workspace;

/// Where Maven and its modules write; `res` and `gen` are written here.
pub const TARGET: &str = "target/android";

/// Writes `target/android/res` and `target/android/gen` anew.
pub fn write(ws: &Workspace) -> Result<()> {
    let began = clock::now();
    let read = |name: &str| {
        let file = ws.path("design").join(name);
        std::fs::read_to_string(&file).with_context(|| format!("cannot read design/{name}"))
    };
    let tokens: Value = serde_json::from_str(&read("tokens.json")?).context("design/tokens.json")?;
    let icons = icons::read(&read("icons.svg")?).context("design/icons.svg")?;
    let states = states::read(&tokens, &icons)?;

    let target = ws.path(TARGET);
    let out = Out::anew(&target)?;
    out.file("res/values/colors.xml", &colours(&tokens, "light")?)?;
    out.file("res/values-night/colors.xml", &colours(&tokens, "dark")?)?;
    out.file("res/values/dimens.xml", &sizes(&tokens)?)?;
    out.file("res/values/integers.xml", &times(&tokens)?)?;
    out.file(
        "res/values/states.xml",
        &states::words(&states, |state| &state.zh),
    )?;
    out.file(
        "res/values-en/states.xml",
        &states::words(&states, |state| &state.en),
    )?;
    for icon in &icons {
        out.file(&format!("res/drawable/{}.xml", icon.resource()), &icon.drawable())?;
    }
    out.file("gen/cn/xunge/app/kit/State.kt", &states::kotlin(&states))?;
    println!(
        "android res: {} icons, {} states in {TARGET}, {:.1} s",
        icons.len(),
        states.len(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

struct Out<'a>(&'a Path);

impl<'a> Out<'a> {
    /// Without what an earlier run wrote: an icon that is gone must not stay.
    fn anew(target: &'a Path) -> Result<Self> {
        for part in ["res", "gen"] {
            let dir = target.join(part);
            if dir.exists() {
                std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
            }
        }
        Ok(Self(target))
    }

    fn file(&self, name: &str, text: &str) -> Result<()> {
        let file = self.0.join(name);
        let dir = file.parent().unwrap_or(self.0);
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

fn colours(tokens: &Value, theme: &str) -> Result<String> {
    let mut body = String::new();
    for (name, value) in table(tokens, &format!("/color/{theme}"))? {
        let colour = value
            .as_str()
            .and_then(argb)
            .with_context(|| format!("color.{theme}.{name} is no colour"))?;
        writeln!(body, "    <color name=\"{name}\">{colour}</color>")?;
    }
    Ok(values(&body))
}

/// The design writes #RRGGBB or #RRGGBBAA, Android #AARRGGBB.
fn argb(css: &str) -> Option<String> {
    let digits = css.strip_prefix('#')?;
    if !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    match digits.len() {
        6 => Some(format!("#FF{digits}")),
        8 => Some(format!("#{}{}", digits.get(6..)?, digits.get(..6)?)),
        _ => None,
    }
}

fn sizes(tokens: &Value) -> Result<String> {
    let mut body = String::new();
    let spaces = tokens
        .pointer("/space")
        .and_then(Value::as_array)
        .context("tokens have no space")?;
    for space in spaces {
        writeln!(body, "    <dimen name=\"space_{space}\">{space}dp</dimen>")?;
    }
    for (group, prefix) in [("/radius", "radius"), ("/touch", "touch")] {
        for (name, value) in table(tokens, group)? {
            writeln!(body, "    <dimen name=\"{prefix}_{name}\">{value}dp</dimen>")?;
        }
    }
    for (name, value) in table(tokens, "/type/field")? {
        if name == "line" {
            writeln!(
                body,
                "    <item name=\"text_line\" type=\"dimen\" format=\"float\">{value}</item>"
            )?;
        } else {
            writeln!(body, "    <dimen name=\"text_{name}\">{value}sp</dimen>")?;
        }
    }
    Ok(values(&body))
}

fn times(tokens: &Value) -> Result<String> {
    let mut body = String::new();
    for (name, value) in table(tokens, "/motion")? {
        if value.is_u64() {
            writeln!(body, "    <integer name=\"{name}\">{value}</integer>")?;
        }
    }
    Ok(values(&body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Value {
        serde_json::from_str(include_str!("../../../design/tokens.json")).unwrap()
    }

    #[test]
    fn alpha_moves_to_the_front() {
        assert_eq!(argb("#08100ECC").as_deref(), Some("#CC08100E"));
        assert_eq!(argb("#08100E").as_deref(), Some("#FF08100E"));
        assert_eq!(argb("08100E"), None);
        assert_eq!(argb("#08100"), None);
    }

    #[test]
    fn both_themes_have_the_same_colours() {
        let tokens = tokens();
        let names = |theme| table(&tokens, theme).unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names("/color/light"), names("/color/dark"));
        let night = colours(&tokens, "dark").unwrap();
        assert!(
            night.contains("<color name=\"surface\">#FF0E1715</color>"),
            "{night}"
        );
    }

    #[test]
    fn text_is_in_sp_and_space_in_dp() {
        let sizes = sizes(&tokens()).unwrap();
        assert!(
            sizes.contains("<dimen name=\"text_body\">17sp</dimen>"),
            "{sizes}"
        );
        assert!(
            sizes.contains("<dimen name=\"touch_primary\">64dp</dimen>"),
            "{sizes}"
        );
        assert!(sizes.contains("<dimen name=\"space_12\">12dp</dimen>"), "{sizes}");
        assert!(
            times(&tokens())
                .unwrap()
                .contains("<integer name=\"undo_ms\">10000</integer>")
        );
    }

    /// Relative luminance by WCAG 2.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn every_text_on_every_ground_it_may_stand_on_has_a_contrast_of_seven() {
        const TONES: &[&str] = &["brand", "info", "success", "warning", "danger", "neutral"];
        const GROUNDS: &[&str] = &[
            "surface",
            "surface_sunken",
            "surface_raised",
            "hover",
            "brand_soft",
            "neutral_soft",
        ];
        let tokens = tokens();
        let mut pairs = 0;
        for theme in ["light", "dark"] {
            let colours = table(&tokens, &format!("/color/{theme}")).unwrap();
            let of = |name: &str| luminance(colours[name].as_str().unwrap());
            let mut check = |text: &str, ground: &str| {
                let (a, b) = (of(text), of(ground));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 7.0, "{theme}: {text} on {ground} is {contrast:.2}:1");
                pairs += 1;
            };
            let soft = TONES
                .iter()
                .map(|tone| format!("{tone}_soft"))
                .collect::<Vec<_>>();
            for text in ["text", "text_muted"] {
                for ground in GROUNDS.iter().copied().chain(soft.iter().map(String::as_str)) {
                    check(text, ground);
                }
            }
            for tone in TONES {
                check(tone, &format!("{tone}_soft"));
                for ground in GROUNDS {
                    check(tone, ground);
                }
            }
            check("on_brand", "brand");
            check("on_brand", "danger");
            check("surface", "danger");
        }
        assert_eq!(pairs, 138);
    }
}
