//! Which operator role has which permission (contract §8): one table, and one marker type for each permission, which a
//! handler's signature must name. A handler that names none does not compile, and `cargo xtask tidy` refuses a handler
//! without an [`Operator`](crate::auth::operator::Operator).

use rebuttal_protocol::Code;
use rebuttal_protocol::operator::Role;

use crate::http::error::Refusal;

/// A permission that an operation requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Read everything, evidence included.
    Read,
    /// Open disputes and act on them.
    Operate,
    /// Change merchants, apps and their secrets, and tokens.
    Admin,
}

impl Permission {
    /// Whether a role has this permission.
    pub(crate) const fn is_granted_to(self, role: Role) -> bool {
        match (self, role) {
            (Self::Read, Role::Viewer | Role::Operator | Role::Admin)
            | (Self::Operate, Role::Operator | Role::Admin)
            | (Self::Admin, Role::Admin) => true,
            (Self::Operate, Role::Viewer) | (Self::Admin, Role::Viewer | Role::Operator) => false,
        }
    }

    /// The refusal for a role without this permission.
    pub(crate) fn refuse(self, role: Role) -> Refusal {
        let enough: Vec<_> =
            Role::ALL.iter().filter(|role| self.is_granted_to(**role)).map(|role| role.as_str()).collect();
        let enough = enough.join(" or ");
        let message = format!(
            "this token's role is {role}, but the operation requires {enough}; use a token with that role"
        );
        Refusal::new(Code::OperatorForbidden, message)
    }
}

/// A permission as a type, for handler signatures.
pub(crate) trait Permits: Send + Sync + 'static {
    const PERMISSION: Permission;
}

/// [`Permission::Read`].
#[derive(Debug)]
pub(crate) struct CanRead;
/// [`Permission::Operate`].
#[derive(Debug)]
pub(crate) struct CanOperate;
/// [`Permission::Admin`].
#[derive(Debug)]
pub(crate) struct CanAdmin;

impl Permits for CanRead {
    const PERMISSION: Permission = Permission::Read;
}

impl Permits for CanOperate {
    const PERMISSION: Permission = Permission::Operate;
}

impl Permits for CanAdmin {
    const PERMISSION: Permission = Permission::Admin;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_error_names_the_required_roles() {
        let message = Permission::Operate.refuse(Role::Viewer).message;
        insta::assert_snapshot!(message, @"this token's role is viewer, but the operation requires operator or admin; use a token with that role");
    }
}
