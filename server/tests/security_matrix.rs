//! The authorisation matrix, generated from the API description: every operation with a real request, called by every
//! role from every place. An operation without a request in `support/operations.rs` fails the suite.
#![allow(clippy::disallowed_methods, reason = "how long the matrix takes is printed")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "support/centre.rs"]
mod centre;
#[path = "support/operations.rs"]
mod operations;
mod support;
#[path = "support/tus.rs"]
mod tus_client;

use operations::{Caller, Example, Level, MARK, Objects, Operation, Reach};
use protocol::{
    ids::{OrgId, PersonId},
    role::Role,
};
use server::params;
use std::{collections::BTreeMap, time::Instant};
use support::{TestApp, TestResponse};

/// Where a role was granted, seen from the objects: they lie in a community of the district.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The district; for the role department, the department that handles the case.
    Inside,
    /// Another district; for a department, a department there.
    Outside,
    /// The city.
    Above,
    /// The community itself.
    Own,
    /// A community beside it.
    Beside,
    /// A department of the district that has nothing to do with the objects.
    Department,
    /// Inside, but the person is disabled while the body is under way.
    Disabled,
}

const PLACES: &[Place] = &[
    Place::Inside,
    Place::Outside,
    Place::Above,
    Place::Own,
    Place::Beside,
    Place::Department,
    Place::Disabled,
];

/// What a cell of the matrix expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Neither 401 nor 403 nor 404.
    Admitted,
    /// 403 or 404, and nothing of the objects.
    Refused,
    /// 403: the role may not call it at all.
    WrongRole,
    /// A page or count without the objects.
    Empty,
    /// 401: nobody, or no longer anybody.
    Unknown,
}

/// Roles that an operation admits and whose every action it refuses.
const NO_ACTION: &[(&str, Role)] = &[("POST /v1/cases/{id}/actions", Role::Supervisor)];

fn reaches(reach: Reach, role: Role, place: Place) -> bool {
    match reach {
        Reach::Anybody | Reach::Own => true,
        Reach::Area | Reach::List if role == Role::Department => place == Place::Inside,
        Reach::Area | Reach::List => matches!(place, Place::Inside | Place::Above | Place::Own),
        Reach::Tree(level) => match place {
            Place::Above => true,
            Place::Inside => level <= Level::District,
            Place::Own => level == Level::Community,
            _ => false,
        },
    }
}

fn expected(operation: &Operation, reach: Reach, role: Role, place: Place) -> Expected {
    if place == Place::Disabled {
        return Expected::Unknown;
    }
    if !operation.roles().contains(&role) {
        return Expected::WrongRole;
    }
    let forbidden = NO_ACTION.contains(&(operation.name().as_str(), role));
    match (reach, reaches(reach, role, place)) {
        _ if forbidden => Expected::Refused,
        // Made for the caller when he is inside, for somebody else when he is not.
        (Reach::Own, _) if place != Place::Inside => Expected::Refused,
        (_, true) => Expected::Admitted,
        (Reach::List, false) => Expected::Empty,
        (_, false) => Expected::Refused,
    }
}

/// Returns the fault of a cell.
fn judge(cell: &str, expected: Expected, answer: &TestResponse) -> Option<String> {
    let status = answer.status;
    let shows = String::from_utf8_lossy(&answer.bytes).contains(MARK);
    // A wrong old password is 401, too.
    let fits = match expected {
        Expected::Admitted => ![401, 403, 404].contains(&status) || answer.code() == "auth.password",
        Expected::Refused => [403, 404].contains(&status) && !shows,
        Expected::WrongRole => status == 403 && !shows,
        Expected::Empty => status == 200 && !shows,
        Expected::Unknown => status == 401 && !shows,
    };
    (!fits || status >= 500).then(|| format!("{cell}: expected {expected:?}, got {answer:?}"))
}

/// One person for each role and place, and the objects.
struct Matrix<'a> {
    app: &'a TestApp,
    o: Objects,
    units: BTreeMap<(bool, Place), OrgId>,
    people: BTreeMap<(Role, Place), PersonId>,
    cells: usize,
    faults: Vec<String>,
}

impl<'a> Matrix<'a> {
    async fn new(app: &'a TestApp) -> Self {
        let o = operations::objects(app).await;
        let c = &o.c.city;
        let beside = app
            .org(Some(c.street), "community", "立信社区", "2201040504")
            .await;
        let other = app
            .org(Some(c.district), "department", "朝阳区园林处", "220104")
            .await;
        let elsewhere = app
            .org(Some(c.other_district), "department", "二道区环卫处", "220105")
            .await;
        let units = [
            (Place::Inside, c.district, c.department),
            (Place::Outside, c.other_district, elsewhere),
            (Place::Above, c.city, c.city),
            (Place::Own, c.community, c.community),
            (Place::Beside, beside, beside),
            (Place::Department, other, other),
            (Place::Disabled, c.district, c.department),
        ];
        let units = units
            .into_iter()
            .flat_map(|(place, unit, department)| [((false, place), unit), ((true, place), department)])
            .collect();
        Self {
            app,
            o,
            units,
            people: BTreeMap::new(),
            cells: 0,
            faults: Vec::new(),
        }
    }

    /// A session of the person with this role in this place.
    async fn session(&mut self, role: Role, place: Place) -> (PersonId, String) {
        let unit = self.units[&(role == Role::Department, place)];
        let person = match self.people.get(&(role, place)) {
            Some(person) if place != Place::Disabled => *person,
            _ => self.app.person(role.zh(), unit, &[role]).await,
        };
        self.people.insert((role, place), person);
        (person, self.app.session(person).await)
    }

    /// One cell of staff.
    async fn cell(&mut self, operation: &Operation, role: Role, place: Place) {
        let (person, token) = self.session(role, place).await;
        let caller = match place {
            Place::Inside | Place::Disabled => Caller::Staff { role, token: &token },
            _ => Caller::Staff {
                role,
                token: &self.o.c.of(other(role)).token,
            },
        };
        let own = operations::example(self.app, &self.o, operation, &caller).await;
        let example = own.unwrap_or_else(|| missing(operation));
        let cell = format!("{} as {role} from {place:?}", operation.name());
        let answer = match (place, operation.has_body) {
            (Place::Disabled, true) if operation.roles().contains(&role) => {
                let parts = self.app.app.clone();
                operations::send_late(self.app, operation, &example, &token, disable(parts, person)).await
            }
            (Place::Disabled, _) => {
                disable(self.app.app.clone(), person).await;
                example.send(self.app, &operation.method, Some(&token)).await
            }
            _ => example.send(self.app, &operation.method, Some(&token)).await,
        };
        self.faults.extend(judge(
            &cell,
            expected(operation, example.reach, role, place),
            &answer,
        ));
        self.cells += 1;
    }

    /// Nobody, a terminal, and for an operation of terminals every kind of staff and a terminal of elsewhere.
    async fn others(&mut self, operation: &Operation, roles: &[Role]) {
        let name = operation.name();
        let mut sessions = Vec::new();
        for role in roles.iter().filter(|_| operation.is_field()) {
            sessions.push((*role, self.session(*role, Place::Inside).await.1));
        }
        let (app, o) = (self.app, &self.o);
        let example = async |caller: &Caller<'_>| -> Example {
            let one = operations::example(app, o, operation, caller).await;
            one.unwrap_or_else(|| missing(operation))
        };
        let (mut cells, mut faults) = (1, Vec::new());
        let nobody = example(&Caller::Nobody)
            .await
            .send(app, &operation.method, None)
            .await;
        if operation.is_open() {
            let shows = String::from_utf8_lossy(&nobody.bytes).contains(MARK);
            assert!(nobody.status < 500 && !shows, "{name} as nobody: {nobody:?}");
            self.cells += cells;
            return;
        }
        faults.extend(judge(&format!("{name} as nobody"), Expected::Unknown, &nobody));
        let mine = Caller::Terminal(&o.inspector);
        let theirs = Caller::Terminal(&o.stranger);
        let as_terminal = example(&mine).await;
        if operation.is_field() {
            let answer = as_terminal.send(app, &operation.method, mine.token()).await;
            faults.extend(judge(
                &format!("{name} as a terminal"),
                Expected::Admitted,
                &answer,
            ));
            let own = if as_terminal.reach == Reach::Own {
                &mine
            } else {
                &theirs
            };
            let want = if as_terminal.reach == Reach::Own {
                Expected::Refused
            } else {
                Expected::Admitted
            };
            let answer = example(own)
                .await
                .send(app, &operation.method, theirs.token())
                .await;
            faults.extend(judge(
                &format!("{name} as a terminal of elsewhere"),
                want,
                &answer,
            ));
            cells += 2;
            for (role, token) in &sessions {
                let answer = as_terminal.send(app, &operation.method, Some(token)).await;
                faults.extend(judge(&format!("{name} as {role}"), Expected::Unknown, &answer));
                cells += 1;
            }
        } else {
            let answer = as_terminal.send(app, &operation.method, mine.token()).await;
            faults.extend(judge(
                &format!("{name} as a terminal"),
                Expected::Unknown,
                &answer,
            ));
            cells += 1;
        }
        self.cells += cells;
        self.faults.extend(faults);
    }

    fn tell(&self, what: &str, begun: Instant) {
        println!(
            "matrix, {what}: {} cells in {:.1} s",
            self.cells,
            begun.elapsed().as_secs_f64()
        );
        let faults = &self.faults;
        assert!(
            faults.is_empty(),
            "{} faults:\n{}",
            faults.len(),
            faults.join("\n")
        );
    }
}

/// A role whose member made what is not the caller's.
fn other(role: Role) -> Role {
    match role {
        Role::Acceptor => Role::Supervisor,
        _ => Role::Acceptor,
    }
}

fn missing(operation: &Operation) -> Example {
    panic!(
        "add a request for {} to tests/support/operations.rs",
        operation.name()
    )
}

async fn disable(app: server::app::state::App, person: PersonId) {
    app.write(move |tx, ctx| {
        Ok(tx.execute(
            "UPDATE person SET disabled = ?2 WHERE id = ?1",
            params![person.to_string(), ctx.now.0],
        )?)
    })
    .await
    .unwrap();
}

/// Every operation, every role, one place inside and one outside.
#[tokio::test]
async fn matrix_of_every_operation_and_role_inside_and_outside() {
    let begun = Instant::now();
    let app = Box::pin(TestApp::sqlite()).await;
    let mut matrix = Box::pin(Matrix::new(&app)).await;
    for operation in operations::all(&app).await {
        Box::pin(matrix.others(&operation, Role::ALL)).await;
        if operation.access.get("staff").is_none() {
            continue;
        }
        for role in Role::ALL {
            for place in [Place::Inside, Place::Outside] {
                Box::pin(matrix.cell(&operation, *role, place)).await;
            }
        }
    }
    matrix.tell("inside and outside, sqlite", begun);
    assert!(matrix.cells > 1000, "{}", matrix.cells);
}

both_engines! {
    /// Every operation with each of its roles and each place at least once.
    async fn matrix_of_pairs_of_roles_and_places(app: TestApp) {
        let begun = Instant::now();
        let mut matrix = Matrix::new(&app).await;
        for (n, operation) in operations::all(&app).await.into_iter().enumerate() {
            Box::pin(matrix.others(&operation, &[Role::ALL[n % Role::ALL.len()]])).await;
            if operation.access.get("staff").is_none() {
                continue;
            }
            let roles = operation.roles();
            for k in 0..roles.len().max(PLACES.len()) {
                Box::pin(matrix.cell(&operation, roles[k % roles.len()], PLACES[(k + n) % PLACES.len()])).await;
            }
            let wrong: Vec<Role> = Role::ALL.iter().copied().filter(|role| !roles.contains(role)).collect();
            if !wrong.is_empty() {
                Box::pin(matrix.cell(&operation, wrong[n % wrong.len()], Place::Inside)).await;
            }
        }
        matrix.tell("pairs", begun);
        assert!(matrix.cells > 400, "{}", matrix.cells);
    }
}

/// Run by `cargo xtask proof matrix`.
mod full_product {
    use super::*;

    async fn run(app: TestApp) {
        let begun = Instant::now();
        let mut matrix = Matrix::new(&app).await;
        for operation in operations::all(&app).await {
            Box::pin(matrix.others(&operation, Role::ALL)).await;
            if operation.access.get("staff").is_none() {
                continue;
            }
            for role in Role::ALL {
                for place in PLACES {
                    Box::pin(matrix.cell(&operation, *role, *place)).await;
                }
            }
        }
        matrix.tell("full product", begun);
    }

    #[tokio::test]
    #[ignore = "minutes: cargo xtask proof matrix"]
    async fn sqlite() {
        Box::pin(run(TestApp::sqlite().await)).await;
    }

    #[tokio::test]
    #[ignore = "minutes: cargo xtask proof matrix"]
    async fn postgres() {
        Box::pin(run(TestApp::postgres().await)).await;
    }
}
