//! The states of the design (one colour, one icon, one word everywhere) as Android strings and a Kotlin table.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::icons::{self, Icon};
use super::values::{table, values};

const TONES: &[&str] = &["neutral", "info", "success", "warning", "danger"];

pub struct State {
    pub code: String,
    pub tone: String,
    pub icon: String,
    /// With `%1$s` for the first placeholder.
    pub zh: String,
    pub en: String,
    /// Names of the placeholders, in their order.
    pub places: Vec<String>,
}

/// Reads the table.
///
/// # Errors
/// A state whose icon or tone does not exist, or whose words have different placeholders.
pub fn read(tokens: &Value, icons: &[Icon]) -> Result<Vec<State>> {
    table(tokens, "/state")?
        .iter()
        .map(|(code, value)| one(code, value, icons).with_context(|| format!("state.{code}")))
        .collect()
}

fn one(code: &str, value: &Value, icons: &[Icon]) -> Result<State> {
    let text = |name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.with_context(|| format!("{name} is missing"))
    };
    let (tone, icon) = (text("tone")?, text("icon")?);
    if !TONES.contains(&tone) {
        bail!("`{tone}` is no tone");
    }
    if icons.iter().all(|known| known.name != icon) {
        bail!("there is no icon `{icon}`");
    }
    let mut places = Vec::new();
    let zh = numbered(text("zh")?, &mut places)?;
    let known = places.len();
    let en = numbered(text("en")?, &mut places)?;
    if places.len() != known || (1..=known).any(|n| !en.contains(&format!("%{n}$s"))) {
        bail!("zh and en have different placeholders");
    }
    Ok(State {
        code: code.to_owned(),
        tone: tone.to_owned(),
        icon: icon.to_owned(),
        zh,
        en,
        places,
    })
}

/// `{name}` becomes `%1$s`; a name keeps its number through both languages.
fn numbered(text: &str, places: &mut Vec<String>) -> Result<String> {
    if text.contains('%') {
        bail!("a percent sign in {text:?} would be read as a placeholder");
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after
            .split_once('}')
            .with_context(|| format!("an open brace in {text:?}"))?;
        let at = places.iter().position(|known| known == name).unwrap_or_else(|| {
            places.push(name.to_owned());
            places.len() - 1
        });
        write!(out, "{before}%{}$s", at + 1)?;
        rest = behind;
    }
    Ok(out + rest)
}

/// `values/states.xml` in one language.
pub fn words(states: &[State], word: impl Fn(&State) -> &String) -> String {
    let line = |state: &State| {
        format!(
            "    <string name=\"state_{}\">{}</string>\n",
            state.code,
            escaped(word(state))
        )
    };
    values(&states.iter().map(line).collect::<String>())
}

fn escaped(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('\\', "\\\\");
    text.replace('\'', "\\'").replace('"', "\\\"")
}

/// The enum `State`, found by its code. `Tone` is written by hand in the same package.
pub fn kotlin(states: &[State]) -> String {
    let line = |state: &State| {
        let places = if state.places.is_empty() {
            String::new()
        } else {
            format!("    /** Takes: {}. */\n", state.places.join(", "))
        };
        format!(
            "{places}    {}(\"{}\", R.string.state_{}, Tone.{}, R.drawable.{}, {}),\n",
            state.code.to_uppercase(),
            state.code,
            state.code,
            state.tone.to_uppercase(),
            icons::resource(&state.icon),
            state.places.len()
        )
    };
    let entries: String = states.iter().map(line).collect();
    format!(
        "// Generated from design/tokens.json by `cargo xtask android res`.
package cn.xunge.app.kit

import cn.xunge.app.R

/** A state as it is shown: one colour, one icon, one word everywhere. [word] takes [places] texts. */
enum class State(val code: String, val word: Int, val tone: Tone, val icon: Int, val places: Int) {{
{entries}    ;

    companion object {{
        private val byCode = values().associateBy {{ it.code }}

        /** The state of this code, or null when the table has none. */
        fun of(code: String): State? = byCode[code]
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn icon(name: &str) -> Icon {
        Icon {
            name: name.to_owned(),
            paths: Vec::new(),
        }
    }

    fn read_one(state: &Value) -> Result<State> {
        one("photos_pending", state, &[icon("image-up")])
    }

    #[test]
    fn placeholders_keep_their_number_in_both_languages() {
        let json = serde_json::json!({"tone": "info", "icon": "image-up", "zh": "照片 {n}/{m}", "en": "Photo's {m}: {n}"});
        let state = read_one(&json).unwrap();
        assert_eq!(state.zh, "照片 %1$s/%2$s");
        assert_eq!(state.en, "Photo's %2$s: %1$s");
        let states = [state];
        let en = words(&states, |state| &state.en);
        assert!(
            en.contains("<string name=\"state_photos_pending\">Photo\\'s %2$s: %1$s</string>"),
            "{en}"
        );
        let kotlin = kotlin(&states);
        let entry = "PHOTOS_PENDING(\"photos_pending\", R.string.state_photos_pending, Tone.INFO, R.drawable.ic_image_up, 2)";
        assert!(kotlin.contains(entry), "{kotlin}");
    }

    #[test]
    fn a_state_without_its_icon_tone_or_placeholder_is_refused() {
        for (tone, icon, en) in [
            ("pink", "image-up", "a {n}"),
            ("info", "no-such", "a {n}"),
            ("info", "image-up", "a"),
            ("info", "image-up", "a {n} {m}"),
        ] {
            let json = serde_json::json!({"tone": tone, "icon": icon, "zh": "照片 {n}", "en": en});
            assert!(read_one(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn every_state_of_the_design_is_read() {
        let tokens: Value = serde_json::from_str(include_str!("../../../design/tokens.json")).unwrap();
        let icons = icons::read(include_str!("../../../design/icons.svg")).unwrap();
        let states = read(&tokens, &icons).unwrap();
        assert_eq!(states.len(), table(&tokens, "/state").unwrap().len());
        assert!(states.iter().any(|state| state.code == "task_overdue"));
    }
}
