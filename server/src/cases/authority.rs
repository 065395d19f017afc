//! Who may do an action to a case: role and reach.

use super::{file::CaseFile, input::Actor};
use crate::{auth::actor::Staff, kernel::failure::Failure};
use protocol::{case::Action, problem::ProblemCode, role::Role};

/// Returns the first of `roles` in which `by` may do `action` to the case. Called before any other check, so that a
/// refusal reveals nothing about a case out of reach.
pub(super) fn authorise(
    file: &CaseFile,
    action: Action,
    roles: &[Role],
    by: &Actor<'_>,
) -> Result<Role, Failure> {
    let names: Vec<&str> = roles.iter().map(|role| role.zh()).collect();
    let mut refusal = Failure::because(
        ProblemCode::CaseRole,
        format!("「{}」由{}办理", action.zh(), names.join("、")),
    );
    match by {
        Actor::Field { .. } if roles.contains(&Role::Patroller) => return Ok(Role::Patroller),
        Actor::Field { .. } => {}
        Actor::Staff(staff) => {
            // Field staff act by answers to tasks, never from the console.
            for role in roles.iter().filter(|role| **role != Role::Patroller) {
                match reaches(staff, *role, file) {
                    Ok(()) => return Ok(*role),
                    Err(e) if e.code() == Some(ProblemCode::Forbidden) => {}
                    Err(e) => refusal = e,
                }
            }
        }
    }
    Err(refusal)
}

/// Checks that a role of `staff` reaches the case: a department its assigned cases, any other role the cases in its
/// area.
fn reaches(staff: &Staff, role: Role, file: &CaseFile) -> Result<(), Failure> {
    match file.department {
        Some(with) if role == Role::Department => {
            if !staff.grants.iter().any(|g| g.role == role) {
                Err(Failure::of(ProblemCode::Forbidden))
            } else if staff.orgs(role).any(|org| org == with) {
                Ok(())
            } else {
                Err(Failure::because(ProblemCode::OutOfScope, "案卷由其他部门处置"))
            }
        }
        Some(_) | None => staff.require(role, file.area),
    }
}
