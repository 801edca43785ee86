//! Who of the operators may do what (contract §8): one table, and one word for each of its lines that a handler's
//! signature must name. A handler that names none does not compile, and one that takes no operator is refused by
//! `cargo xtask tidy`.

use rebuttal_protocol::Code;
use rebuttal_protocol::operator::Role;

use crate::http::error::Refusal;

/// What an operation needs its caller to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// To see what there is, evidence included.
    Read,
    /// To open disputes and to move them.
    Act,
    /// To change merchants, apps and their secrets, and tokens.
    Administer,
}

impl Permission {
    /// The table.
    pub(crate) const fn is_granted_to(self, role: Role) -> bool {
        match (self, role) {
            (Self::Read, Role::Viewer | Role::Operator | Role::Admin)
            | (Self::Act, Role::Operator | Role::Admin)
            | (Self::Administer, Role::Admin) => true,
            (Self::Act, Role::Viewer) | (Self::Administer, Role::Viewer | Role::Operator) => false,
        }
    }

    /// Why a role is not enough.
    pub(crate) fn refuse(self, role: Role) -> Refusal {
        let enough: Vec<_> =
            Role::ALL.iter().filter(|role| self.is_granted_to(**role)).map(|role| role.as_str()).collect();
        let enough = enough.join(" or ");
        let message =
            format!("this token's role is {role}, and this takes {enough}; use a token of that role");
        Refusal::new(Code::OperatorForbidden, message)
    }
}

/// A right as a handler's signature names it.
pub(crate) trait Permits: Send + Sync + 'static {
    const PERMISSION: Permission;
}

/// [`Permission::Read`].
#[derive(Debug)]
pub(crate) struct CanRead;
/// [`Permission::Act`].
#[derive(Debug)]
pub(crate) struct CanOperate;
/// [`Permission::Administer`].
#[derive(Debug)]
pub(crate) struct CanAdmin;

impl Permits for CanRead {
    const PERMISSION: Permission = Permission::Read;
}

impl Permits for CanOperate {
    const PERMISSION: Permission = Permission::Act;
}

impl Permits for CanAdmin {
    const PERMISSION: Permission = Permission::Administer;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_which_roles_are_enough() {
        let told = Permission::Act.refuse(Role::Viewer).message;
        insta::assert_snapshot!(told, @"this token's role is viewer, and this takes operator or admin; use a token of that role");
    }
}
