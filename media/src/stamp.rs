//! The burn-in (水印): time, place and cell drawn into the pixels, so that no program drops them with the metadata.
//!
//! A dark translucent panel at the bottom left carries white text, which is legible on snow and at night. Its size
//! follows the picture's shorter side. Long text first shrinks a little, then wraps, then shrinks further; it is
//! never truncated: a picture that is too small for a legible stamp is refused.

use ab_glyph::{Font, FontArc, Glyph, PxScale, ScaleFont, point};

use crate::error::MediaError;
use crate::fonts::{SpareFont, StampFonts};
use crate::planes::Planes;
use crate::raster::StampArea;
use crate::rgb::Pixel;

/// The text of the stamp. The first line is larger: it is the time, as usual for field cameras.
///
/// A character that neither the embedded font nor the spare one ([`crate::PrepareOptions::spare_font`]) has is drawn as a box. Without lines, or with only blank ones, there is no
/// panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Lines from the top, e.g. `2026-11-22 08:15:03 本机时间`, `220104-05-03-17 桂林路街道 ±8 米`.
    pub lines: Vec<String>,
}

const WHITE: Pixel = [255, 255, 255];
const BLACK: Pixel = [0, 0, 0];
/// The bar at the panel's left edge.
const AMBER: Pixel = [255, 179, 0];

/// Text height as a share of the picture's shorter side.
const SIZE_SHARE: f32 = 1.0 / 34.0;
/// Minimum text size in pixels per em: below it 16-stroke characters are illegible.
const SMALLEST_EM: f32 = 11.0;
const LARGEST_EM: f32 = 80.0;
/// Text shrinks down to this share of the wanted size before it wraps.
const SHRINK_BEFORE_WRAP: f32 = 0.8;
/// Maximum height of the panel as a share of the picture's height.
const HIGHEST_PANEL: f32 = 0.5;
/// Size of the first line relative to the others.
const FIRST_LINE: f32 = 1.3;

// All values in ems of the ordinary line.
const MARGIN: f32 = 0.8;
const PADDING: f32 = 0.6;
const BAR: f32 = 0.22;
const BAR_GAP: f32 = 0.5;
const LEADING: f32 = 0.38;
const CORNER: f32 = 0.35;

/// Opacity of the panel: white beneath it becomes grey 89, contrast to the text 6.8:1.
const PANEL_SHADE: f32 = 0.65;

impl Stamp {
    /// Draws the stamp into the picture; returns an error when it does not fit.
    pub(crate) fn burn_into(
        &self,
        picture: &mut Planes,
        spare: Option<&SpareFont>,
    ) -> Result<(), MediaError> {
        let lines: Vec<String> = self
            .lines
            .iter()
            .flat_map(|text| text.lines())
            .map(tidy)
            .collect();
        let lines: Vec<&str> = lines
            .iter()
            .map(String::as_str)
            .filter(|line| !line.is_empty())
            .collect();
        if lines.is_empty() {
            return Ok(());
        }
        let font = StampFonts::of(&lines, spare)?;
        let Some(panel) = Panel::fit(&font, &lines, picture.width, picture.height) else {
            return Err(MediaError::TooSmall {
                width: picture.width,
                height: picture.height,
            });
        };
        // Room for smooth edges beside the panel; no text leaves it.
        let bounds = [
            whole(panel.left) - 2,
            whole(panel.top) - 2,
            whole(panel.left + panel.width) + 4,
            whole(panel.top + panel.height) + 4,
        ];
        let mut region = StampArea::of(picture, bounds);
        panel.draw(&font, &mut region);
        region.put(picture);
        Ok(())
    }
}

/// Replaces tabs by spaces and removes other control characters, which have no glyph.
fn tidy(line: &str) -> String {
    let line: String = line
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    line.trim().to_owned()
}

/// A laid-out line: its text, size and width, in pixels.
struct StampLine {
    text: String,
    em: f32,
    width: f32,
}

/// The laid-out stamp.
struct Panel {
    em: f32,
    rows: Vec<StampLine>,
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

impl Panel {
    /// Finds the largest size at which everything fits.
    fn fit(font: &StampFonts, lines: &[&str], width: u32, height: u32) -> Option<Self> {
        let (width, height) = (pixels(width), pixels(height));
        let wanted = (width.min(height) * SIZE_SHARE).clamp(SMALLEST_EM * 1.2, LARGEST_EM);
        let mut em = wanted;
        while em >= SMALLEST_EM {
            let wrap = em < wanted * SHRINK_BEFORE_WRAP || em * 0.95 < SMALLEST_EM;
            if let Some(panel) = Self::at_size(font, lines, em, wrap, width, height) {
                return Some(panel);
            }
            em *= 0.95;
        }
        None
    }

    fn at_size(
        font: &StampFonts,
        lines: &[&str],
        em: f32,
        wrap: bool,
        width: f32,
        height: f32,
    ) -> Option<Self> {
        let beside = (2.0 * MARGIN + 2.0 * PADDING + BAR + BAR_GAP) * em;
        let room = width - beside;
        let mut rows: Vec<StampLine> = Vec::new();
        let mut tall = 2.0 * PADDING * em;
        for (index, line) in lines.iter().enumerate() {
            let row_em = if index == 0 { em * FIRST_LINE } else { em };
            let measure = |text: &str| line_width(font, text, row_em);
            let texts = if wrap {
                wrapped(line, room, &measure)?
            } else {
                vec![(*line).to_owned()]
            };
            for text in texts {
                let row_width = measure(&text);
                tall += row_em + if rows.is_empty() { 0.0 } else { LEADING * em };
                if row_width > room || tall + 2.0 * MARGIN * em > height * HIGHEST_PANEL {
                    return None;
                }
                rows.push(StampLine {
                    text,
                    em: row_em,
                    width: row_width,
                });
            }
        }
        let longest = rows.iter().map(|row| row.width).fold(0.0, f32::max);
        let panel_width = longest + (2.0 * PADDING + BAR + BAR_GAP) * em;
        let left = (MARGIN * em).round();
        let (panel_width, tall) = (panel_width.ceil(), tall.ceil());
        let top = (height - MARGIN * em - tall).round();
        Some(Self {
            em,
            rows,
            left,
            top,
            width: panel_width,
            height: tall,
        })
    }

    fn draw(&self, font: &StampFonts, picture: &mut StampArea) {
        let em = self.em;
        fill_rounded(
            picture,
            [self.left, self.top, self.width, self.height],
            CORNER * em,
            BLACK,
            PANEL_SHADE,
        );
        let bar_left = self.left + PADDING * em;
        let bar_height = self.height - 2.0 * PADDING * em;
        let bar = [bar_left, self.top + PADDING * em, BAR * em, bar_height];
        fill_rounded(picture, bar, BAR * em / 2.0, AMBER, 1.0);

        let x = bar_left + (BAR + BAR_GAP) * em;
        let mut top = self.top + PADDING * em;
        for row in &self.rows {
            draw_line(picture, font, row, x, top);
            top += row.em + LEADING * em;
        }
    }
}

/// The font at `em` pixels an em. (ab_glyph counts from ascent to descent instead.)
fn scale_of(font: &FontArc, em: f32) -> PxScale {
    PxScale::from(em * font.height_unscaled() / font.units_per_em().unwrap_or(1000.0))
}

fn advance(fonts: &StampFonts, c: char, em: f32) -> f32 {
    let (font, id) = fonts.glyph(c);
    // A box for a character that the font lacks: half an em below U+1100 (the narrow scripts), a full one above.
    if id.0 == 0 {
        if u32::from(c) < 0x1100 { em * 0.6 } else { em }
    } else {
        font.as_scaled(scale_of(font, em)).h_advance(id)
    }
}

fn line_width(font: &StampFonts, text: &str, em: f32) -> f32 {
    text.chars().map(|c| advance(font, c, em)).sum()
}

/// Breaks a line so that each part fits: between Chinese characters anywhere, otherwise at spaces, and inside a word
/// only when it is longer than a line. `None` when not even one character fits.
fn wrapped(line: &str, room: f32, measure: &dyn Fn(&str) -> f32) -> Option<Vec<String>> {
    let mut rows = Vec::new();
    let (mut row, mut row_width) = (String::new(), 0.0);
    for piece in pieces(line) {
        // The space after a word may extend over the edge: it is trimmed there.
        let fits = row_width + measure(piece.trim_end()) <= room;
        if !fits && !row.is_empty() {
            rows.push(std::mem::take(&mut row));
            row_width = 0.0;
        }
        if fits || measure(piece.trim_end()) <= room {
            row.push_str(piece);
            row_width += measure(piece);
            continue;
        }
        for c in piece.chars() {
            let step = measure(c.encode_utf8(&mut [0; 4]));
            if row_width + step > room {
                if row.is_empty() {
                    return None;
                }
                rows.push(std::mem::take(&mut row));
                row_width = 0.0;
            }
            row.push(c);
            row_width += step;
        }
    }
    rows.push(row);
    Some(
        rows.iter()
            .map(|row| row.trim().to_owned())
            .filter(|row| !row.is_empty())
            .collect(),
    )
}

/// Splits a line into units that stay together: words with the following space, wide characters with the following
/// closing punctuation.
fn pieces(line: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut previous: Option<char> = None;
    for (at, c) in line.char_indices() {
        let breaks = previous.is_some_and(|before| {
            let spaced = before == ' ' && c != ' ';
            let wide = (is_wide(before) || is_wide(c)) && c != ' ';
            (spaced || wide) && !closes(c) && !opens(before)
        });
        if breaks {
            pieces.extend(line.get(start..at));
            start = at;
        }
        previous = Some(c);
    }
    pieces.extend(line.get(start..));
    pieces
}

fn is_wide(c: char) -> bool {
    u32::from(c) >= 0x2E80
}

fn closes(c: char) -> bool {
    matches!(
        c,
        '，' | '。'
            | '、'
            | '；'
            | '：'
            | '！'
            | '？'
            | '）'
            | '」'
            | '』'
            | '》'
            | '】'
            | '％'
            | '”'
            | '’'
            | '℃'
    )
}

fn opens(c: char) -> bool {
    matches!(c, '（' | '「' | '『' | '《' | '【' | '“' | '‘')
}

/// Draws one row with a soft shadow beneath it.
fn draw_line(picture: &mut StampArea, fonts: &StampFonts, row: &StampLine, left: f32, top: f32) {
    // Chinese characters fill their em square, from 0.86 em above the baseline to 0.14 em below.
    let baseline = (top + row.em * 0.86).round();
    let shift = (row.em / 20.0).max(0.7);
    for (colour, strength, offset) in [(BLACK, 0.55, shift), (WHITE, 1.0, 0.0)] {
        let mut x = left;
        for c in row.text.chars() {
            let (font, id) = fonts.glyph(c);
            let step = advance(fonts, c, row.em);
            if id.0 == 0 {
                draw_box(
                    picture,
                    [x + offset, baseline - 0.78 * row.em + offset, step, 0.84 * row.em],
                    colour,
                    strength,
                );
            } else {
                let glyph: Glyph =
                    id.with_scale_and_position(scale_of(font, row.em), point(x + offset, baseline + offset));
                if let Some(outline) = font.outline_glyph(glyph) {
                    let bounds = outline.px_bounds();
                    let (left, top) = (whole(bounds.min.x), whole(bounds.min.y));
                    outline.draw(|dx, dy, coverage| {
                        blend(
                            picture,
                            left.saturating_add_unsigned(dx),
                            top.saturating_add_unsigned(dy),
                            colour,
                            coverage * strength,
                        );
                    });
                }
            }
            x += step;
        }
    }
}

/// Draws the placeholder of a character that the font does not have.
fn draw_box(picture: &mut StampArea, [left, top, width, height]: [f32; 4], colour: Pixel, strength: f32) {
    let line = (height / 12.0).max(1.0);
    let (left, width) = (left + line, width - 2.0 * line);
    fill_rounded(picture, [left, top, width, line], 0.0, colour, strength);
    fill_rounded(
        picture,
        [left, top + height - line, width, line],
        0.0,
        colour,
        strength,
    );
    fill_rounded(
        picture,
        [left, top + line, line, height - 2.0 * line],
        0.0,
        colour,
        strength,
    );
    fill_rounded(
        picture,
        [left + width - line, top + line, line, height - 2.0 * line],
        0.0,
        colour,
        strength,
    );
}

/// Fills a rectangle with round corners and anti-aliased edges.
fn fill_rounded(
    picture: &mut StampArea,
    [left, top, width, height]: [f32; 4],
    radius: f32,
    colour: Pixel,
    strength: f32,
) {
    let (centre_x, centre_y) = (left + width / 2.0, top + height / 2.0);
    let (inner_x, inner_y) = ((width / 2.0 - radius).max(0.0), (height / 2.0 - radius).max(0.0));
    for y in whole(top) - 1..=whole(top + height) + 1 {
        for x in whole(left) - 1..=whole(left + width) + 1 {
            // Signed distance of the pixel's centre from the outline, negative inside.
            let dx = ((x as f32 + 0.5) - centre_x).abs() - inner_x;
            let dy = ((y as f32 + 0.5) - centre_y).abs() - inner_y;
            let distance = dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius;
            blend(picture, x, y, colour, (0.5 - distance).clamp(0.0, 1.0) * strength);
        }
    }
}

/// Blends a colour into a pixel; ignores pixels outside the picture.
fn blend(picture: &mut StampArea, x: i32, y: i32, colour: Pixel, share: f32) {
    let share = share.clamp(0.0, 1.0);
    if let Some(pixel) = picture.pixel_mut(x, y) {
        for (sample, ink) in pixel.iter_mut().zip(colour) {
            let mixed = f32::from(*sample) * (1.0 - share) + f32::from(ink) * share;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between two samples of 0..=255"
            )]
            let mixed = mixed.round() as u8;
            *sample = mixed;
        }
    }
}

/// Converts a length in pixels to a float; exact, because no side is longer than 2^24.
fn pixels(length: u32) -> f32 {
    length as f32
}

/// Rounds a coordinate to a whole pixel.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a saturating cast of a place in or near the picture"
)]
fn whole(coordinate: f32) -> i32 {
    coordinate.floor() as i32
}
