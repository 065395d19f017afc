//! Integer points (1e-7 degree) with exact predicates, and a local metric frame.
//!
//! Predicates use `i128` arithmetic, so no input can overflow them and no result is rounded. The metric
//! [`LocalFrame`] is only used to choose and to measure, never to decide which cell contains a point; it uses only `+
//! - * /`, square roots and rounding, so it gives the same bits on every machine.

use protocol::geo::PointE7;

/// A point in 1e-7 degree: `x` is the longitude, `y` the latitude. Ordered by `x`, then `y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pt {
    /// Longitude, 1e-7 degree.
    pub x: i32,
    /// Latitude, 1e-7 degree.
    pub y: i32,
}

impl Pt {
    /// The point at this longitude and latitude (1e-7 degree).
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }
}

impl From<PointE7> for Pt {
    fn from(p: PointE7) -> Self {
        Self { x: p.lon, y: p.lat }
    }
}

impl From<Pt> for PointE7 {
    fn from(p: Pt) -> Self {
        Self { lat: p.y, lon: p.x }
    }
}

/// Twice the signed area of the triangle: positive when `c` is left of the line from `a` to `b`, 0 on the line.
pub fn orient(a: Pt, b: Pt, c: Pt) -> i128 {
    let d = |p: i32, q: i32| i64::from(p) - i64::from(q);
    let (bx, cy, by, cx) = (d(b.x, a.x), d(c.y, a.y), d(b.y, a.y), d(c.x, a.x));
    let is_near = |v: i64| v.unsigned_abs() < 1 << 31;
    if is_near(bx) & is_near(cy) & is_near(by) & is_near(cx) {
        // Each product is below 2^62. Almost all points are this near, and 64 bits are several times faster.
        return i128::from(bx * cy - by * cx);
    }
    i128::from(bx) * i128::from(cy) - i128::from(by) * i128::from(cx)
}

/// The edges of a closed ring given without its repeated last vertex.
pub fn edges(ring: &[Pt]) -> impl Iterator<Item = (Pt, Pt)> + '_ {
    let next = ring.iter().skip(1).chain(ring.first());
    ring.iter().copied().zip(next.copied())
}

/// Twice the signed area of a ring, exact; positive when it runs counter-clockwise.
pub fn area2(ring: &[Pt]) -> i128 {
    edges(ring).map(|(a, b)| cross2(a, b)).sum()
}

/// The contribution of one edge to [`area2`].
pub fn cross2(a: Pt, b: Pt) -> i128 {
    i128::from(a.x) * i128::from(b.y) - i128::from(b.x) * i128::from(a.y)
}

/// The border rule of the whole project: a ring contains a point iff an odd number of its edges are strictly below
/// the point, an edge being half-open in x, `[ax, bx)`. A point on a border shared by two cells is in exactly one of
/// them.
pub fn holds(ring: &[Pt], p: Pt) -> bool {
    edges(ring).filter(|&(a, b)| is_below(a, b, p)).count() % 2 == 1
}

/// Returns true if the edge is strictly below the point, half-open in x.
pub fn is_below(a: Pt, b: Pt, p: Pt) -> bool {
    let (l, r) = if a.x < b.x { (a, b) } else { (b, a) };
    l.x <= p.x && p.x < r.x && orient(l, r, p) > 0
}

/// Returns true if `p` is on the closed segment `ab`.
pub fn on_segment(a: Pt, b: Pt, p: Pt) -> bool {
    orient(a, b, p) == 0
        && (a.x.min(b.x)..=a.x.max(b.x)).contains(&p.x)
        && (a.y.min(b.y)..=a.y.max(b.y)).contains(&p.y)
}

/// Returns true if the closed segments `ab` and `cd` have at least one point in common.
pub fn touch(a: Pt, b: Pt, c: Pt, d: Pt) -> bool {
    let (s1, s2) = (orient(a, b, c).signum(), orient(a, b, d).signum());
    let (s3, s4) = (orient(c, d, a).signum(), orient(c, d, b).signum());
    (s1 * s2 < 0 && s3 * s4 < 0)
        || on_segment(a, b, c)
        || on_segment(a, b, d)
        || on_segment(c, d, a)
        || on_segment(c, d, b)
}

/// A closed box of integer points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Lower left corner.
    pub min: Pt,
    /// Upper right corner, inclusive.
    pub max: Pt,
}

impl Bounds {
    /// Returns the bounding box of the points; `None` when there are none.
    pub fn of(points: impl IntoIterator<Item = Pt>) -> Option<Self> {
        points.into_iter().fold(None, |b: Option<Self>, p| {
            Some(b.map_or(Self { min: p, max: p }, |b| Self {
                min: Pt::new(b.min.x.min(p.x), b.min.y.min(p.y)),
                max: Pt::new(b.max.x.max(p.x), b.max.y.max(p.y)),
            }))
        })
    }

    /// Returns true if the boxes have at least one point in common.
    pub fn meets(&self, o: &Self) -> bool {
        self.min.x <= o.max.x && o.min.x <= self.max.x && self.min.y <= o.max.y && o.min.y <= self.max.y
    }

    /// Returns true if the point is in the box.
    pub fn contains(&self, p: Pt) -> bool {
        (self.min.x..=self.max.x).contains(&p.x) && (self.min.y..=self.max.y).contains(&p.y)
    }

    /// Returns true if the closed segment `ab` has a point in common with the box; exact.
    pub fn is_touched_by(&self, a: Pt, b: Pt) -> bool {
        let own = Self {
            min: Pt::new(a.x.min(b.x), a.y.min(b.y)),
            max: Pt::new(a.x.max(b.x), a.y.max(b.y)),
        };
        if !self.meets(&own) {
            return false;
        }
        let corners = [
            self.min,
            Pt::new(self.max.x, self.min.y),
            self.max,
            Pt::new(self.min.x, self.max.y),
        ];
        let side = corners.map(|c| orient(a, b, c).signum());
        side.iter().any(|&s| s <= 0) && side.iter().any(|&s| s >= 0)
    }
}

/// A place in metres in some [`LocalFrame`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metres {
    /// East.
    pub x: f64,
    /// North.
    pub y: f64,
}

impl Metres {
    /// The vector `self - o`.
    pub fn minus(self, o: Self) -> Self {
        Self {
            x: self.x - o.x,
            y: self.y - o.y,
        }
    }

    /// Two-dimensional cross product.
    pub fn cross(self, o: Self) -> f64 {
        self.x * o.y - self.y * o.x
    }

    /// Dot product.
    pub fn dot(self, o: Self) -> f64 {
        self.x * o.x + self.y * o.y
    }

    /// Length of the vector.
    pub fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// Distance between two places.
    pub fn distance(self, o: Self) -> f64 {
        self.minus(o).length()
    }
}

/// Distance from `p` to the segment `ab`.
pub fn point_to_segment(p: Metres, a: Metres, b: Metres) -> f64 {
    let (d, e) = (b.minus(a), p.minus(a));
    let q = d.dot(d);
    let t = if q > 0.0 {
        (e.dot(d) / q).clamp(0.0, 1.0)
    } else {
        0.0
    };
    p.distance(Metres {
        x: a.x + t * d.x,
        y: a.y + t * d.y,
    })
}

/// Distance between the segments `ab` and `cd`; 0 when they cross.
pub fn segment_to_segment(a: Metres, b: Metres, c: Metres, d: Metres) -> f64 {
    let side = |p: Metres, q: Metres, r: Metres| q.minus(p).cross(r.minus(p));
    if side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0 {
        return 0.0;
    }
    point_to_segment(a, c, d)
        .min(point_to_segment(b, c, d))
        .min(point_to_segment(c, a, b))
        .min(point_to_segment(d, a, b))
}

/// A local metric frame around an origin: equirectangular, error about 0.1 % over a county.
#[derive(Clone, Copy, Debug)]
pub struct LocalFrame {
    origin: Pt,
    /// Metres per 1e-7 degree of longitude at the origin.
    pub metres_per_x: f64,
    /// Metres per 1e-7 degree of latitude.
    pub metres_per_y: f64,
}

impl LocalFrame {
    /// Returns the frame around `origin`.
    pub fn new(origin: Pt) -> Self {
        let x = f64::from(origin.y) * 1e-7 * 0.017_453_292_519_943_295;
        let q = x * x;
        // The cosine by its series, without libm: the same bits on every machine.
        let cos = [182.0, 132.0, 90.0, 56.0, 30.0, 12.0, 2.0]
            .iter()
            .fold(1.0, |s, k| 1.0 - q / k * s);
        Self {
            origin,
            metres_per_x: cos * 111_319.490_8e-7,
            metres_per_y: 111_132.0e-7,
        }
    }

    /// Returns the position of the point in this frame.
    pub fn metres(&self, p: Pt) -> Metres {
        Metres {
            x: (f64::from(p.x) - f64::from(self.origin.x)) * self.metres_per_x,
            y: (f64::from(p.y) - f64::from(self.origin.y)) * self.metres_per_y,
        }
    }

    /// Returns how many units of longitude and latitude a distance in metres takes, rounded up.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float to i32 cast saturates, which is far enough"
    )]
    pub fn units(&self, metres: f64) -> (i32, i32) {
        let units = |per_unit: f64| (metres / per_unit.max(1e-9)).ceil() as i32;
        (units(self.metres_per_x), units(self.metres_per_y))
    }

    /// Returns the point at a position of this frame, rounded to 1e-7 degree and clamped to the range of `i32`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float to i32 cast saturates, as promised"
    )]
    pub fn point(&self, m: Metres) -> Pt {
        Pt::new(
            (f64::from(self.origin.x) + (m.x / self.metres_per_x).round()) as i32,
            (f64::from(self.origin.y) + (m.y / self.metres_per_y).round()) as i32,
        )
    }

    /// Converts a doubled integer area to square metres.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a measure for people and choices, not a decision"
    )]
    pub fn square_metres(&self, area2: i128) -> f64 {
        area2 as f64 / 2.0 * self.metres_per_x * self.metres_per_y
    }
}

/// Returns the area of a ring in square metres (positive when counter-clockwise), in the frame of its first vertex.
pub fn area_m2(ring: &[Pt]) -> f64 {
    ring.first()
        .map_or(0.0, |&p| LocalFrame::new(p).square_metres(area2(ring)))
}

/// Centroid of a ring; the first vertex when the ring has no area.
pub fn centroid(ring: &[Pt]) -> Option<Pt> {
    let &first = ring.first()?;
    let (mut a, mut x, mut y) = (0i128, 0i128, 0i128);
    let d = |p: Pt| {
        (
            i128::from(p.x) - i128::from(first.x),
            i128::from(p.y) - i128::from(first.y),
        )
    };
    for (p, q) in edges(ring) {
        let ((px, py), (qx, qy)) = (d(p), d(q));
        let c = px * qy - qx * py;
        a += c;
        x += c * (px + qx);
        y += c * (py + qy);
    }
    if a == 0 {
        return Some(first);
    }
    let at = |o: i32, m: i128| i32::try_from(i128::from(o) + m.div_euclid(3 * a)).unwrap_or(o);
    Some(Pt::new(at(first.x, x), at(first.y, y)))
}
