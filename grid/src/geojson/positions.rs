//! Coordinates from their text, without floats.

use protocol::geo::PointE7;

use crate::decimal::parse_e7;
use crate::geom::Pt;

/// Parses nested lists of positions from text that was already validated as JSON.
pub(super) struct Positions<'a> {
    rest: &'a str,
    /// Positions that had more than seven decimals.
    pub rounded: usize,
    /// Positions with a third value.
    pub third_values: usize,
}

impl<'a> Positions<'a> {
    pub fn of(text: &'a str) -> Self {
        Self {
            rest: text,
            rounded: 0,
            third_values: 0,
        }
    }

    fn eat(&mut self, c: char) -> bool {
        let trimmed = self.rest.trim_start();
        let eaten = trimmed.strip_prefix(c);
        self.rest = eaten.unwrap_or(trimmed);
        eaten.is_some()
    }

    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut out = Vec::new();
        if !self.eat('[') {
            return None;
        }
        if self.eat(']') {
            return Some(out);
        }
        loop {
            out.push(item(self)?);
            if !self.eat(',') {
                return self.eat(']').then_some(out);
            }
        }
    }

    pub fn polygon(&mut self) -> Option<Vec<Vec<Pt>>> {
        self.list(|r| r.list(Self::position))
    }

    fn number(&mut self) -> Option<&'a str> {
        let trimmed = self.rest.trim_start();
        let end = trimmed.find([',', ']', ' ', '\n', '\r', '\t'])?;
        let (number, rest) = trimmed.split_at_checked(end)?;
        self.rest = rest;
        Some(number)
    }

    fn position(&mut self) -> Option<Pt> {
        let mut values = self.list(Self::number)?.into_iter();
        let (x, y) = (parse_e7(values.next()?)?, parse_e7(values.next()?)?);
        self.third_values += usize::from(values.next().is_some());
        self.rounded += usize::from(x.is_rounded || y.is_rounded);
        let p = PointE7 {
            lat: y.value,
            lon: x.value,
        };
        p.is_on_globe().then_some(p.into())
    }
}
