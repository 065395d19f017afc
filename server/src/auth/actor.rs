//! The actor of a request and its permissions.

use crate::kernel::failure::Failure;
use axum::{extract::FromRequestParts, http::request::Parts};
use protocol::{
    area::Area,
    field::Certificate,
    ids::{OrgId, PersonId, PostId, StreamId},
    problem::ProblemCode,
    role::Role,
    time::Millis,
};

/// A role at a unit. It is valid for all areas inside the area of the unit (TJ-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub role: Role,
    pub org: OrgId,
    /// The area of the unit.
    pub area: Area,
    /// The unit is a department (终端部门): it has the area of its district, but no rights over it (A1).
    pub is_department: bool,
}

impl Grant {
    /// Where the role reaches. At a department only the department's own role reaches an area; an administrator there
    /// administers the department's people, by the tree.
    fn reaches(&self, role: Role) -> Option<Area> {
        let reaches = self.role == role && (!self.is_department || role == Role::Department);
        reaches.then_some(self.area)
    }
}

/// A signed-in member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    pub person: PersonId,
    pub grants: Vec<Grant>,
    /// SHA-256 of the session's token, as the `session` table names it.
    pub session: String,
    /// Somebody else chose the password. Until it is changed, the session may only change it.
    pub password_due: bool,
}

impl Staff {
    /// Returns true if the person holds `role` for all of the area, which may be one cell (TJ-02).
    pub fn may(&self, role: Role, area: impl Into<Area>) -> bool {
        let area = area.into();
        let reached = |g: &Grant| g.reaches(role).is_some_and(|own| own.covers(area));
        self.grants.iter().any(reached)
    }
    /// Checks that the person holds `role` for all of the area.
    ///
    /// # Errors
    /// `auth.scope` if the person holds the role only elsewhere, `auth.forbidden` if nowhere.
    pub fn require(&self, role: Role, area: impl Into<Area>) -> Result<(), Failure> {
        if self.may(role, area) {
            Ok(())
        } else if self.grants.iter().any(|g| g.role == role) {
            Err(Failure::of(ProblemCode::OutOfScope))
        } else {
            Err(Failure::of(ProblemCode::Forbidden))
        }
    }
    /// The areas in which the person holds any of `roles`; the scope of a query.
    pub fn areas(&self, roles: &[Role]) -> Vec<Area> {
        let mut areas: Vec<Area> = self
            .grants
            .iter()
            .flat_map(|g| roles.iter().filter_map(|role| g.reaches(*role)))
            .collect();
        areas.sort();
        areas.dedup();
        areas
    }
    /// The units at which the person holds `role`.
    pub fn orgs(&self, role: Role) -> impl Iterator<Item = OrgId> + '_ {
        self.grants.iter().filter(move |g| g.role == role).map(|g| g.org)
    }
}

/// A terminal's stream with a valid token.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldStream {
    pub stream: StreamId,
    pub person: PersonId,
    pub post: PostId,
    pub certificate: Certificate,
    /// The token itself: push signatures are bound to it.
    pub token: String,
    pub expires: Millis,
}

impl std::fmt::Debug for FieldStream {
    /// Omits the token: a reader of the log must not be able to impersonate the terminal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FieldStream")
            .field("stream", &self.stream)
            .field("person", &self.person)
            .field("post", &self.post)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

macro_rules! extractor {
    ($kind:ident) => {
        impl<S: Send + Sync> FromRequestParts<S> for $kind {
            type Rejection = Failure;
            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
                // The access check of the operation inserted it. A handler that extracts the wrong kind of actor
                // fails in its first test.
                parts
                    .extensions
                    .get::<$kind>()
                    .cloned()
                    .ok_or_else(|| Failure::of(ProblemCode::Unauthenticated))
            }
        }
    };
}
extractor!(Staff);
extractor!(FieldStream);

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{ids::TerminalId, sign::Signer as _, sign::SoftwareKey};

    #[test]
    fn a_terminals_token_is_in_no_debug_text() {
        let ten = [1; 10];
        let certificate = Certificate {
            v: 1,
            stream: StreamId::from_parts(1, ten),
            key: SoftwareKey::from_secret(&[7; 32]).public_key(),
            terminal: TerminalId::from_parts(1, ten),
            post: PostId::from_parts(1, ten),
            holder: PersonId::from_parts(1, ten),
            county: "220104".parse().unwrap(),
            issued: Millis(1),
            predecessor: None,
        };
        let field = FieldStream {
            stream: certificate.stream,
            person: certificate.holder,
            post: certificate.post,
            certificate,
            token: "xf_secret".into(),
            expires: Millis(2),
        };
        assert!(!format!("{field:?}").contains("secret"));
    }
}
