//! Tables for a terminal; a Chinese character takes two columns.

use unicode_width::UnicodeWidthStr;

/// Formats a table with two spaces between columns and no trailing spaces. An empty heading is left out.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|&text| text.to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&heading)
        .filter(|row| !row.is_empty())
        .chain(rows)
        .collect();
    let columns = lines.iter().map(|row| row.len()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in lines {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Shortens a text to one line of at most `places` columns; an ellipsis marks the cut.
pub fn clip(text: &str, places: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.width() <= places {
        return line;
    }
    let mut clipped = String::new();
    for character in line.chars() {
        clipped.push(character);
        if clipped.width() + 1 > places {
            clipped.pop();
            break;
        }
    }
    clipped.truncate(clipped.trim_end().len());
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_in_both_scripts() {
        let rows = [["上报", "暴露垃圾", "x"], ["Report", "bin", "y"]];
        let rows: Vec<Vec<String>> = rows.iter().map(|r| r.map(String::from).to_vec()).collect();
        let text = table(&[], &rows);
        let places: Vec<usize> = text
            .lines()
            .map(|line| line.trim_end_matches(['x', 'y']).width())
            .collect();
        assert_eq!(places, [18, 18]);
    }

    #[test]
    fn a_long_text_is_clipped_with_an_ellipsis() {
        assert_eq!(clip("路边 有垃圾", 20), "路边 有垃圾");
        assert_eq!(clip("路边有垃圾", 7), "路边有…");
        assert_eq!(clip("路边\n有垃圾", 6), "路边…");
        assert!(clip("路边有垃圾没有人收走", 9).width() <= 9);
    }
}
