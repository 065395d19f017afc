//! The text that is burnt into a photo: time, cell, street and accuracy. Always in Chinese, because the photo
//! is evidence for the city.

use protocol::{codes::CellCode, evidence::ClockReading, geo::PointE7, photo::PhotoOrigin};

/// Where the photo was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StampPlace {
    /// WGS-84.
    pub point: PointE7,
    pub accuracy_cm: u32,
    /// The cell by the handset's grid; `None` without a grid or outside it.
    pub cell: Option<CellCode>,
    /// Name of the street (街道), if the grid has it.
    pub street: Option<String>,
}

/// The lines of the stamp. A picture from the library is marked 图库, for time and place are those of the choice; a time
/// that was not checked against the server is marked 本机时间.
pub fn stamp(clock: &ClockReading, place: Option<&StampPlace>, origin: PhotoOrigin) -> media::Stamp {
    let mut time = clock.estimate().text();
    if origin == PhotoOrigin::Library {
        time.push_str(" 图库");
    }
    if !clock.is_trusted() {
        time.push_str(" 本机时间");
    }
    let place = place.map_or_else(|| "无定位".to_owned(), place_line);
    media::Stamp {
        lines: vec![time, place],
    }
}

fn place_line(place: &StampPlace) -> String {
    let mut parts = Vec::new();
    match place.cell {
        Some(cell) => parts.push(cell.grouped()),
        None => {
            let (lat, lon) = place.point.degrees();
            parts.push(format!("{lat:.5},{lon:.5}"));
        }
    }
    parts.extend(place.street.clone());
    parts.push(format!("±{} 米", place.accuracy_cm.div_ceil(100)));
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::Millis;

    fn clock(offset_ms: Option<i64>) -> ClockReading {
        ClockReading {
            // 2026-11-22 08:15:03 in Asia/Shanghai.
            wall: Millis(1_795_306_503_000),
            boot: "b".into(),
            monotonic_ms: 1,
            offset_ms,
        }
    }

    #[test]
    fn an_untrusted_time_is_marked_and_a_trusted_one_is_the_servers() {
        assert_eq!(
            stamp(&clock(None), None, PhotoOrigin::Camera).lines,
            ["2026-11-22 08:15:03 本机时间", "无定位"]
        );
        assert_eq!(
            stamp(&clock(Some(60_000)), None, PhotoOrigin::Camera).lines,
            ["2026-11-22 08:16:03", "无定位"]
        );
    }

    #[test]
    fn a_picture_from_the_library_is_marked() {
        assert_eq!(
            stamp(&clock(Some(0)), None, PhotoOrigin::Library).lines,
            ["2026-11-22 08:15:03 图库", "无定位"]
        );
        assert_eq!(
            stamp(&clock(None), None, PhotoOrigin::Library).lines[0],
            "2026-11-22 08:15:03 图库 本机时间"
        );
    }

    #[test]
    fn the_place_line_shows_cell_street_and_accuracy() {
        let mut place = StampPlace {
            point: PointE7 {
                lat: 438_571_000,
                lon: 1_253_012_000,
            },
            accuracy_cm: 800,
            cell: "220104050317".parse().ok(),
            street: Some("桂林路街道".into()),
        };
        let line = |place: &StampPlace| {
            stamp(&clock(None), Some(place), PhotoOrigin::Camera)
                .lines
                .pop()
                .unwrap()
        };
        assert_eq!(line(&place), "220104-05-03-17 桂林路街道 ±8 米");
        (place.cell, place.street) = (None, None);
        assert_eq!(line(&place), "43.85710,125.30120 ±8 米");
    }
}
