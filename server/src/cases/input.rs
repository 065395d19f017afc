//! The actor of a transition, and the input.

use crate::auth::actor::Staff;
use protocol::{
    calendar::Limit,
    case::{Field, FieldValue},
    codes::CellCode,
    geo::PointE7,
    ids::{EventId, PersonId, PostId},
    photo::Sha256,
};
use serde_json::{Map, Value};

/// The actor of a transition.
#[derive(Debug, Clone)]
pub enum Actor<'a> {
    Staff(&'a Staff),
    /// A worker in the field. The rules of tasks have already been checked.
    Field {
        person: PersonId,
        post: PostId,
    },
}

impl Actor<'_> {
    pub fn person(&self) -> PersonId {
        match self {
            Self::Staff(staff) => staff.person,
            Self::Field { person, .. } => *person,
        }
    }
}

/// The input of an action.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The version that the actor saw; a different current version gives `case.changed`. `None`: any version.
    pub expected_version: Option<i64>,
    /// The client's name for the request. A repeated request (after a lost answer) returns the first result and
    /// changes nothing.
    pub request: Option<EventId>,
    /// The fields, each at most once. A field that the row does not take is refused.
    pub values: Vec<FieldValue>,
    /// Further facts for the ledger's event.
    pub facts: Map<String, Value>,
}

impl Input {
    /// An opinion with photos that the actor uploaded before, or that the answering entry names.
    pub fn words(opinion: impl Into<String>, attachments: Vec<Sha256>) -> Self {
        Self {
            values: vec![
                FieldValue::Opinion(opinion.into()),
                FieldValue::Attachments(attachments),
            ],
            ..Self::default()
        }
    }
    /// Returns whether the field is given and not blank.
    pub fn gives(&self, field: Field) -> bool {
        self.values.iter().any(|v| v.field() == field && !v.is_blank())
    }
    /// Returns the opinion without white space at both ends; empty when none is given.
    pub fn opinion(&self) -> &str {
        self.find(|v| match v {
            FieldValue::Opinion(text) => Some(text.trim()),
            _ => None,
        })
        .unwrap_or_default()
    }
    pub fn attachments(&self) -> &[Sha256] {
        self.find(|v| match v {
            FieldValue::Attachments(photos) => Some(photos.as_slice()),
            _ => None,
        })
        .unwrap_or_default()
    }
    pub fn limit(&self) -> Option<Limit> {
        self.find(|v| match v {
            FieldValue::Limit(limit) => Some(*limit),
            _ => None,
        })
    }
    /// Returns the place as a WGS-84 point, as a cell, or both.
    pub fn place(&self) -> (Option<PointE7>, Option<CellCode>) {
        let point = self.find(|v| match v {
            FieldValue::Place(point) => Some(*point),
            _ => None,
        });
        let cell = self.find(|v| match v {
            FieldValue::Cell(cell) => Some(*cell),
            _ => None,
        });
        (point, cell)
    }
    fn find<'v, T>(&'v self, pick: impl FnMut(&'v FieldValue) -> Option<T>) -> Option<T> {
        self.values.iter().find_map(pick)
    }
}
