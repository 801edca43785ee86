//! The servers that the tests share, one of each for a whole run. Tests find them by variables, and each test has its
//! own database and bucket.

use std::path::Path;

use rebuttal_testbed::postgres::{self, Cluster};
use rebuttal_testbed::s3;

use crate::tools;

/// Running servers; they end when this is dropped.
pub(crate) struct Servers {
    postgres: Cluster,
    s3: s3::Server,
}

impl Servers {
    /// Starts them all; a server that does not start panics with what it waited for.
    pub(crate) fn start(root: &Path) -> Self {
        Self { postgres: Cluster::start(), s3: s3::Server::start(&tools::weed(root)) }
    }

    /// The variables with the addresses of the servers.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![(postgres::SHARED, self.postgres.url()), (s3::VARIABLE, self.s3.store.variable())]
    }
}
