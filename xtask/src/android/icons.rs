//! The icons of `design/icons.svg` as Android vector drawables: each symbol's shapes become path data.

use anyhow::{Context as _, Result, bail};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// One symbol: its name and the path data of its shapes, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Icon {
    pub name: String,
    pub paths: Vec<String>,
}

impl Icon {
    /// The name of the drawable: `ic_arrow_left` for `arrow-left`.
    pub fn resource(&self) -> String {
        resource(&self.name)
    }

    /// A drawable of 24 dp. It is drawn in black and tinted where it is used.
    pub fn drawable(&self) -> String {
        let path = |data: &String| {
            format!(
                "    <path android:pathData=\"{data}\" android:strokeColor=\"#FF000000\" android:strokeWidth=\"2\"\n        \
                 android:strokeLineCap=\"round\" android:strokeLineJoin=\"round\"/>\n"
            )
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- Generated from design/icons.svg. -->\n\
             <vector xmlns:android=\"http://schemas.android.com/apk/res/android\" android:width=\"24dp\"\n    \
             android:height=\"24dp\" android:viewportWidth=\"24\" android:viewportHeight=\"24\">\n{}</vector>\n",
            self.paths.iter().map(path).collect::<String>()
        )
    }
}

/// The drawable's name for an icon's name.
pub fn resource(name: &str) -> String {
    format!("ic_{}", name.replace('-', "_"))
}

/// Reads every `<symbol>`.
///
/// # Errors
/// Text that is no XML, a symbol without a name or shape, or a shape that this program cannot convert.
pub fn read(svg: &str) -> Result<Vec<Icon>> {
    let mut reader = Reader::from_str(svg);
    let mut icons: Vec<Icon> = Vec::new();
    loop {
        match reader.read_event().context("the icons are not XML")? {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                b"svg" => {}
                b"symbol" => {
                    if attribute(&tag, "viewBox")?.as_deref() != Some("0 0 24 24") {
                        bail!(
                            "a symbol is not on the 24 grid: {}",
                            String::from_utf8_lossy(&tag)
                        );
                    }
                    icons.push(Icon {
                        name: needed(&tag, "id")?,
                        paths: Vec::new(),
                    });
                }
                _ => {
                    let icon = icons.last_mut().context("a shape outside of a symbol")?;
                    icon.paths.push(path(&tag)?);
                }
            },
            _ => {}
        }
    }
    if let Some(empty) = icons.iter().find(|icon| icon.paths.is_empty()) {
        bail!("the icon `{}` has no shape", empty.name);
    }
    Ok(icons)
}

/// The path data of one shape.
fn path(tag: &BytesStart<'_>) -> Result<String> {
    let number = |name: &str| -> Result<f64> {
        let text = needed(tag, name)?;
        text.parse().with_context(|| format!("{name}=\"{text}\""))
    };
    Ok(match tag.name().as_ref() {
        b"path" => needed(tag, "d")?,
        b"circle" => circle(number("cx")?, number("cy")?, number("r")?),
        b"line" => format!(
            "M{} {}L{} {}",
            number("x1")?,
            number("y1")?,
            number("x2")?,
            number("y2")?
        ),
        b"polyline" => format!("M{}", needed(tag, "points")?),
        b"rect" => {
            let rx = if attribute(tag, "rx")?.is_some() {
                number("rx")?
            } else {
                0.0
            };
            rectangle(
                number("x")?,
                number("y")?,
                number("width")?,
                number("height")?,
                rx,
            )
        }
        other => bail!("no conversion for <{}>", String::from_utf8_lossy(other)),
    })
}

/// Two half circles: one arc cannot end where it began.
fn circle(cx: f64, cy: f64, r: f64) -> String {
    let (left, across) = (tidy(cx - r), tidy(2.0 * r));
    format!("M{left} {cy}a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0 -{across} 0z")
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, rx: f64) -> String {
    if rx == 0.0 {
        return format!("M{x} {y}h{width}v{height}h-{width}z");
    }
    let (start, across, down) = (tidy(x + rx), tidy(width - 2.0 * rx), tidy(height - 2.0 * rx));
    let corner = |dx: f64, dy: f64| format!("a{rx} {rx} 0 0 1 {dx} {dy}");
    format!(
        "M{start} {y}h{across}{}v{down}{}h-{across}{}v-{down}{}z",
        corner(rx, rx),
        corner(-rx, rx),
        corner(-rx, -rx),
        corner(rx, -rx)
    )
}

/// Three decimals are enough on a grid of 24 and hide the noise of binary fractions.
fn tidy(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>> {
    let found = tag
        .try_get_attribute(name)
        .with_context(|| format!("the attribute {name} is broken"))?;
    found
        .map(|attribute| String::from_utf8(attribute.value.into_owned()).context("not UTF-8"))
        .transpose()
}

fn needed(tag: &BytesStart<'_>, name: &str) -> Result<String> {
    attribute(tag, name)?.with_context(|| format!("<{}> has no {name}", String::from_utf8_lossy(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(shape: &str) -> Result<Vec<String>> {
        let svg = format!("<svg><symbol id=\"a-b\" viewBox=\"0 0 24 24\">{shape}</symbol></svg>");
        Ok(read(&svg)?.remove(0).paths)
    }

    #[test]
    fn each_shape_becomes_the_path_that_draws_it() {
        let circle = one(r#"<circle cx="12" cy="13.5" r="7.5"/>"#).unwrap();
        assert_eq!(circle, ["M4.5 13.5a7.5 7.5 0 1 0 15 0a7.5 7.5 0 1 0 -15 0z"]);
        let rect = one(r#"<rect x="3.5" y="5" width="17" height="15.5" rx="2"/>"#).unwrap();
        assert_eq!(
            rect,
            ["M5.5 5h13a2 2 0 0 1 2 2v11.5a2 2 0 0 1 -2 2h-13a2 2 0 0 1 -2 -2v-11.5a2 2 0 0 1 2 -2z"]
        );
        let sharp = one(r#"<rect x="1" y="2" width="3" height="4"/>"#).unwrap();
        assert_eq!(sharp, ["M1 2h3v4h-3z"]);
        assert_eq!(
            one(r#"<line x1="1" y1="2" x2="3" y2="4"/>"#).unwrap(),
            ["M1 2L3 4"]
        );
        assert_eq!(
            one(r#"<polyline points="1 2 3 4 5 6"/>"#).unwrap(),
            ["M1 2 3 4 5 6"]
        );
        assert_eq!(one(r#"<path d="M1 2v.1"/>"#).unwrap(), ["M1 2v.1"]);
    }

    #[test]
    fn a_shape_that_is_unknown_and_a_symbol_without_shapes_are_refused() {
        assert!(one(r#"<ellipse cx="1" cy="1" rx="1" ry="2"/>"#).is_err());
        assert!(one("").is_err());
        assert!(
            read("<svg><symbol id=\"a\" viewBox=\"0 0 16 16\"><path d=\"M1 1\"/></symbol></svg>").is_err()
        );
    }

    #[test]
    fn every_icon_of_the_design_is_converted() {
        let icons = read(include_str!("../../../design/icons.svg")).unwrap();
        assert_eq!(icons.len(), 89);
        let clock = icons.iter().find(|icon| icon.name == "clock").unwrap();
        assert_eq!(
            clock.paths,
            ["M3 12a9 9 0 1 0 18 0a9 9 0 1 0 -18 0z", "M12 7v5l3.4 2"]
        );
        let drawable = clock.drawable();
        assert!(
            drawable.contains("android:pathData=\"M12 7v5l3.4 2\""),
            "{drawable}"
        );
        assert_eq!(drawable.matches("<path").count(), 2);
        assert_eq!(resource("arrow-left"), "ic_arrow_left");
    }
}
