//! Routes with access rules: a route can be added only with the actors that may call it.
//!
//! ```ignore
//! Operations::default()
//!     .staff(&[Role::Acceptor, Role::ShiftLeader], routes!(list_cases))
//!     .field(routes!(push))
//!     .open("no token exists before enrolment", routes!(enrol))
//! ```
//! No method adds a route without an access rule, so an operation without one does not compile. A layer around the handler
//! enforces the rule, and the OpenAPI description contains it (`x-xunge-access`); the authorisation tests are generated
//! from there. The rule checks the role only. The handler checks the area, by [`Staff::require`] or by the scope of a
//! query.

use super::{connection::OpenConnection, limits, strangers};
use crate::{
    app::{
        bounds::Place,
        rate::{Door, RateCaller},
        state::App,
    },
    auth::{actor::Staff, field_tokens, sessions},
    kernel::failure::Failure,
    store::{ReadTurn, tx::Tx},
};
use axum::{
    Extension,
    extract::{Request, State},
    http::{Extensions, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use protocol::{ids::StreamId, problem::ProblemCode, role::Role};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};
use utoipa::openapi::{RefOr, Schema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};

/// The actors that may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, with the reason.
    Open(&'static str),
    /// A terminal with a token.
    Field,
    /// Staff with one of these roles somewhere; empty: any signed-in person.
    Staff(&'static [Role]),
    /// Any signed-in person, also with a first password, which opens nothing else (A12).
    FirstPassword,
}

/// Reads for the stream of a request what its handler needs first, and hands it over in extensions of the request. Runs in
/// the transaction that looks the token up, before the request waits for its turn: the handler checks in its writes what
/// may have changed.
pub type Look = Box<dyn FnMut(&mut Tx<'_>, StreamId) -> Extensions + Send>;

/// Makes the [`Look`] of a request by its head; `None` if there is nothing to read.
pub type LookAhead = fn(&App, &Request) -> Option<Look>;

/// A set of routes, each with its access.
#[derive(Default)]
pub struct Operations {
    router: OpenApiRouter<App>,
    /// Every schema of the routes, under its name. The description holds one schema for each name, the last one added.
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Operations {
    /// Routes for staff who hold one of `roles` (any signed-in person when empty).
    pub fn staff(self, roles: &'static [Role], routes: UtoipaMethodRouter<App>) -> Self {
        self.add(Access::Staff(roles), routes)
    }
    /// Routes for any signed-in person, also while the password is one that somebody else chose.
    pub fn first_password(self, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(Access::FirstPassword, routes)
    }
    /// Routes for terminals.
    pub fn field(self, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(Access::Field, routes)
    }
    /// [`Self::field`] for handlers that begin with a read: with the token's it is one transaction.
    pub fn field_ahead(self, look: LookAhead, routes: UtoipaMethodRouter<App>) -> Self {
        self.add_with(Access::Field, Some(look), routes)
    }
    /// Routes for anybody; `why` is the reason.
    pub fn open(self, why: &'static str, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(Access::Open(why), routes)
    }
    /// Adds the routes of another room.
    pub fn with(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.schemas.extend(other.schemas);
        self
    }
    fn add(self, access: Access, routes: UtoipaMethodRouter<App>) -> Self {
        self.add_with(access, None, routes)
    }
    fn add_with(
        mut self,
        access: Access,
        ahead: Option<LookAhead>,
        (schemas, mut paths, methods): UtoipaMethodRouter<App>,
    ) -> Self {
        for item in paths.paths.values_mut() {
            describe(item, access);
        }
        self.schemas.extend(schemas.iter().cloned());
        let gate = from_fn_with_state((access, ahead), pass);
        self.router = self.router.routes((schemas, paths, methods).layer(gate));
        self
    }
    /// Names under which two types with different schemas are described. The description would hold one of the two, and
    /// would describe the bodies of the other one wrongly.
    pub fn shared_schema_names(&self) -> BTreeSet<&str> {
        let mut first: BTreeMap<&str, &RefOr<Schema>> = BTreeMap::new();
        let mut shared = BTreeSet::new();
        for (name, schema) in &self.schemas {
            if *first.entry(name).or_insert(schema) != schema {
                shared.insert(name.as_str());
            }
        }
        shared
    }
    /// The router and its description.
    pub fn into_router(self) -> OpenApiRouter<App> {
        self.router
    }
}

/// Checks the access and passes the request to its handler with the actor in its extensions, or answers with a problem. Its
/// writes check the right again ([`crate::app::right`]).
async fn pass(
    State((access, ahead)): State<(Access, Option<LookAhead>)>,
    app: Option<Extension<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    // `around` inserts it; without it the request is refused.
    let Some(Extension(app)) = app else {
        return Err(Failure::internal("a request without its App"));
    };
    let settings = &app.settings;
    let (caller, most, right) = match access {
        Access::Open(_) => {
            let turn = ReadTurn::of(&strangers::counted(&app, &request, Door::Other));
            return turn.during(strangers::open(&app, request, next)).await;
        }
        Access::Field => {
            let token = bearer(&request)?;
            let address = strangers::counted(&app, &request, Door::WrongToken);
            let mut look = ahead.and_then(|ahead| ahead(&app, &request));
            let found = field_tokens::identify_and(&app, token.clone(), move |tx, stream| {
                look.as_mut().map(|look| look(tx, stream)).unwrap_or_default()
            });
            let (field, seen) = strangers::identified(&app, address, &token, found).await?;
            request.extensions_mut().extend(seen);
            let (stream, right) = (field.stream, field_tokens::right(field.stream));
            request.extensions_mut().insert(field);
            (
                RateCaller::Stream(stream),
                settings.field_requests_per_minute,
                right,
            )
        }
        Access::Staff(_) | Access::FirstPassword => {
            let token = bearer(&request)?;
            let address = strangers::counted(&app, &request, Door::WrongToken);
            let found = sessions::identify(&app, token.clone());
            let staff: Staff = strangers::identified(&app, address, &token, found).await?;
            let roles = match access {
                Access::Staff(roles) => roles,
                _ => &[],
            };
            if staff.password_due && access != Access::FirstPassword {
                return Err(Failure::of(ProblemCode::PasswordDue));
            }
            if !roles.is_empty() && !staff.grants.iter().any(|g| roles.contains(&g.role)) {
                return Err(Failure::of(ProblemCode::Forbidden));
            }
            let (person, right) = (staff.person, sessions::right(&app, &staff));
            request.extensions_mut().insert(staff);
            (
                RateCaller::Person(person),
                settings.staff_requests_per_minute,
                right,
            )
        }
    };
    if let Some(connection) = request.extensions().get::<Arc<OpenConnection>>() {
        connection.belongs_to(caller);
    }
    app.rate.count(caller, app.clock.now(), most)?;
    let place = app.bounds.place(caller, settings.requests_at_once).await?;
    let claim = Arc::new(app.bounds.known(&place, settings.body_memory_mb));
    let mut request = limits::claimed(request, Arc::clone(&claim));
    request.extensions_mut().insert(claim);
    let turn = ReadTurn::of(&caller);
    let mut response = turn.during(right.during(next.run(request))).await;
    // The place is free when the answer was read; a stream of events, which has a limit of its own, needs none.
    if !is_endless(&response) {
        response.extensions_mut().insert(Held::of(place));
    }
    Ok(response)
}

fn is_endless(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Extension of an answer: what its caller holds until the answer was read.
#[derive(Clone)]
pub(super) struct Held(Arc<Mutex<Option<Place>>>);

impl Held {
    fn of(place: Place) -> Self {
        Self(Arc::new(Mutex::new(Some(place))))
    }
    pub(super) fn release(&self) -> Option<Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn bearer(request: &Request) -> Result<String, Failure> {
    request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned)
        .ok_or_else(|| Failure::of(ProblemCode::Unauthenticated))
}

/// Adds the access rule to the description of each operation of a path.
fn describe(item: &mut utoipa::openapi::PathItem, access: Access) {
    use serde_json::json;
    use utoipa::openapi::{extensions::Extensions, security::SecurityRequirement};
    let (kind, scheme) = match access {
        Access::Open(why) => (json!({"open": why}), None),
        Access::Field => (json!("field"), Some("field")),
        Access::Staff(roles) => (json!({"staff": roles}), Some("staff")),
        Access::FirstPassword => (json!({"staff": [], "first_password": true}), Some("staff")),
    };
    let operations = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.options,
        &mut item.head,
        &mut item.patch,
        &mut item.trace,
    ];
    for operation in operations.into_iter().flatten() {
        let extension = Extensions::builder().add("x-xunge-access", kind.clone()).build();
        operation.extensions.get_or_insert_default().merge(extension);
        let required = scheme.map(|s| SecurityRequirement::new::<_, [&str; 0], &str>(s, []));
        // An open operation may check a secret of its own and says so.
        let own = operation.security.take().filter(|_| scheme.is_none());
        operation.security = Some(own.unwrap_or_else(|| required.into_iter().collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Json;
    use serde::Serialize;
    use utoipa::ToSchema;
    use utoipa_axum::routes;

    mod other {
        #[derive(serde::Serialize, utoipa::ToSchema)]
        pub struct Imported {
            pub counties: u64,
        }
    }

    #[derive(Serialize, ToSchema)]
    struct Imported {
        cells: u64,
    }

    #[derive(Serialize, ToSchema)]
    struct Report {
        divisions: other::Imported,
    }

    #[utoipa::path(get, path = "/cells", responses((status = 200, body = Imported)))]
    async fn cells() -> Json<Imported> {
        Json(Imported { cells: 1 })
    }

    #[utoipa::path(put, path = "/cells", responses((status = 200, body = Imported)))]
    async fn put_cells() -> Json<Imported> {
        Json(Imported { cells: 1 })
    }

    #[utoipa::path(get, path = "/report", responses((status = 200, body = Report)))]
    async fn report() -> Json<Report> {
        Json(Report {
            divisions: other::Imported { counties: 1 },
        })
    }

    #[test]
    fn two_types_with_one_schema_name_are_found_across_rooms_and_in_nested_types() {
        let grids = Operations::default().staff(&[], routes!(cells, put_cells));
        assert_eq!(grids.shared_schema_names(), BTreeSet::new());
        let both = grids.with(Operations::default().staff(&[], routes!(report)));
        assert_eq!(both.shared_schema_names(), BTreeSet::from(["Imported"]));
    }
}
