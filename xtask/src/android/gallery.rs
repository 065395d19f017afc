//! `cargo xtask gallery android`: pictures of every screen in every variant, on one page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::build;
use super::resources::TARGET;
use crate::phone;
use crate::workspace::Workspace;

/// Draws the screens and writes `target/android/gallery/index.html`. `beside` is a folder of pictures to compare with:
/// `h-SCREEN-360.png`, or `h-SCREEN.png`, or `SCREEN.png`.
pub fn gallery(ws: &Workspace, beside: Option<&Path>) -> Result<()> {
    phone::bindings(ws)?;
    let dir = ws.path(TARGET).join("gallery");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    let drawn = build::tests(
        ws,
        &[
            "-Dtest=*Gallery".to_owned(),
            "-Dsurefire.failIfNoSpecifiedTests=false".to_owned(),
        ],
    );
    if !dir.exists() {
        drawn?;
        bail!("no test drew a picture");
    }
    // Also when a screen failed its audit: the page shows why.
    let pictures = pictures(&dir)?;
    let index = dir.join("index.html");
    std::fs::write(&index, page(&pictures, |screen| target_of(screen, beside)))
        .with_context(|| format!("cannot write {}", index.display()))?;
    println!("gallery: {} screens, {TARGET}/gallery/index.html", pictures.len());
    drawn
}

/// For each screen its variants. A picture is called `SCREEN--VARIANT.png`.
type Pictures = BTreeMap<String, BTreeSet<String>>;

fn pictures(dir: &Path) -> Result<Pictures> {
    let mut found = Pictures::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let name = entry?.file_name();
        let named = name.to_str().and_then(|name| name.strip_suffix(".png"));
        if let Some((screen, variant)) = named.and_then(|name| name.split_once("--")) {
            found
                .entry(screen.to_owned())
                .or_default()
                .insert(variant.to_owned());
        }
    }
    Ok(found)
}

/// The address of the picture to compare with. The kit's page `kit-today` has the target of the screen `today`.
fn target_of(screen: &str, beside: Option<&Path>) -> Option<String> {
    let dir = beside?.canonicalize().ok()?;
    let screen = screen.strip_prefix("kit-").unwrap_or(screen);
    [
        format!("h-{screen}-360.png"),
        format!("h-{screen}.png"),
        format!("{screen}.png"),
    ]
    .iter()
    .map(|name| dir.join(name))
    .find(|file| file.is_file())
    .map(|file| format!("file://{}", file.display()))
}

fn page(pictures: &Pictures, target: impl Fn(&str) -> Option<String>) -> String {
    let mut body = String::new();
    for (screen, variants) in pictures {
        let figure = |src: &str, caption: &str| {
            format!(
                "<figure><a href=\"{src}\"><img src=\"{src}\" alt=\"{screen}, {caption}\" loading=\"lazy\"></a><figcaption>{caption}</figcaption></figure>\n"
            )
        };
        let target = target(screen).map(|file| figure(&file, "target"));
        let ours: String = variants
            .iter()
            .map(|variant| figure(&format!("{screen}--{variant}.png"), variant))
            .collect();
        // Writing to a String cannot fail.
        let _ = write!(
            body,
            "<section><h2 id=\"{screen}\">{screen}</h2><div>\n{}{ours}</div></section>\n",
            target.unwrap_or_default()
        );
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Screens of the Android app</title>\n\
         <style>body{{font:14px system-ui;margin:16px;background:#777;color:#fff}}div{{display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start}}\
         figure{{margin:0}}img{{width:360px;display:block}}</style>\n{body}</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_the_target_before_every_variant() {
        let variants = BTreeSet::from(["light".to_owned(), "dark".to_owned()]);
        let pictures = Pictures::from([("today".to_owned(), variants)]);
        let html = page(&pictures, |screen| Some(format!("there/{screen}.png")));
        let places: Vec<usize> = ["there/today.png", "\"today--dark.png\"", "\"today--light.png\""]
            .iter()
            .map(|src| html.find(src).unwrap())
            .collect();
        assert!(places.is_sorted(), "{html}");
        assert!(!page(&pictures, |_| None).contains("target"));
    }
}
