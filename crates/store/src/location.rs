//! Location of the database: a SQLite file, or a PostgreSQL server.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::InvalidLocation;
use crate::postgres::Address;

/// Location of the database.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file, served by this process alone.
    Sqlite(PathBuf),
    /// A server, shared by any number of replicas.
    Postgres(PostgresAddress),
}

/// A PostgreSQL server's address and connection settings. The password is never printed.
#[derive(Clone)]
pub struct PostgresAddress(pub(crate) Box<Address>);

impl Location {
    /// The location without user and password, for messages.
    pub fn redacted(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(PostgresAddress(address)) => address.redacted(),
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }
}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(url: &str) -> Result<Self, InvalidLocation> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            // Both forms are in use; sqlite:///dir/file is the absolute path.
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(InvalidLocation("the path is missing".to_owned())),
                path => Ok(Self::Sqlite(path.into())),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Address::parse(url).map(|address| Self::Postgres(PostgresAddress(Box::new(address))));
        }
        Err(InvalidLocation("it must be sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE".to_owned()))
    }
}

impl std::fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresAddress(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_of_a_url_selects_the_database() {
        let path = |url: &str| match url.parse() {
            Ok(Location::Sqlite(path)) => path.display().to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(path("sqlite:a/b.db"), "a/b.db");
        assert_eq!(path("sqlite:///a/b.db"), "/a/b.db");
        for url in ["postgres://h/d", "postgresql://u:p@h:1/d?sslmode=verify-full"] {
            assert!(matches!(url.parse(), Ok(Location::Postgres(_))), "{url}");
        }
        for url in ["", "sqlite:", "mysql://h", "/a/b.db", "postgres://h/d?sslmode=perhaps"] {
            assert!(url.parse::<Location>().is_err(), "{url} was taken");
        }
    }

    #[test]
    fn no_message_contains_the_password() {
        let location: Location = "postgres://u:Geheim7@h/d".parse().unwrap();
        assert!(!format!("{location:?} {}", location.redacted()).contains("Geheim7"));
        assert_eq!(location.redacted(), "postgres://h:5432/d");
        for url in ["postgres://u:Geheim7@h:port/d", "postgres://u:Geheim7@h/d?nonsense=1", "u:Geheim7@h"] {
            let error = url.parse::<Location>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("Geheim7"), "{error}");
        }
    }
}
