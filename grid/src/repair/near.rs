//! Points by square, to find those near a point or a border.

use std::collections::HashMap;

use crate::geom::{Bounds, Pt};

/// Squares of 4,096 units: about 45 m from south to north.
const SHIFT: u32 = 12;

/// Points by square.
pub(super) struct NearPoints {
    squares: HashMap<(i32, i32), Vec<Pt>>,
    all: Vec<Pt>,
}

impl NearPoints {
    /// Takes points in ascending order, each once.
    pub fn of(all: Vec<Pt>) -> Self {
        let mut squares: HashMap<(i32, i32), Vec<Pt>> = HashMap::new();
        for &p in &all {
            squares.entry((p.x >> SHIFT, p.y >> SHIFT)).or_default().push(p);
        }
        Self { squares, all }
    }

    /// Returns the points in a box. Visits its squares, or all points if these are fewer.
    pub fn within(&self, bounds: &Bounds) -> Vec<Pt> {
        let squares = |low: i32, high: i32| i64::from(high >> SHIFT) - i64::from(low >> SHIFT) + 1;
        let count = squares(bounds.min.x, bounds.max.x).saturating_mul(squares(bounds.min.y, bounds.max.y));
        let mut found: Vec<Pt> = if usize::try_from(count).is_ok_and(|n| n < self.all.len().max(16)) {
            let columns = (bounds.min.x >> SHIFT)..=(bounds.max.x >> SHIFT);
            let rows = (bounds.min.y >> SHIFT)..=(bounds.max.y >> SHIFT);
            columns
                .flat_map(|x| rows.clone().map(move |y| (x, y)))
                .filter_map(|square| self.squares.get(&square))
                .flatten()
                .filter(|p| bounds.contains(**p))
                .copied()
                .collect()
        } else {
            self.all
                .iter()
                .filter(|p| bounds.contains(**p))
                .copied()
                .collect()
        };
        found.sort_unstable();
        found
    }
}

/// The box of two points, wider by `x` and `y` units on every side.
pub(super) fn widened(a: Pt, b: Pt, (x, y): (i32, i32)) -> Bounds {
    Bounds {
        min: Pt::new(a.x.min(b.x).saturating_sub(x), a.y.min(b.y).saturating_sub(y)),
        max: Pt::new(a.x.max(b.x).saturating_add(x), a.y.max(b.y).saturating_add(y)),
    }
}
