//! What only PostgreSQL has: statements that are known to the server, a schema that is SQLite's, starts side by side.

use rebuttal_testbed::postgres::Database;

use super::address::Address;
use super::session::{LANE, Session};
use super::statements::ALL;

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn every_statement_is_understood() {
    let database = Database::shared();
    let address = Address::parse(&database.url()).unwrap();
    super::prepare(&address).await.unwrap();
    let session = Session::open(&address, LANE).await.unwrap();
    for (name, sql) in ALL {
        session.prepared(sql).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn ten_starts_at_once_migrate_once() {
    let database = Database::shared();
    let address = Address::parse(&database.url()).unwrap();
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let address = address.clone();
        starts.spawn(async move { super::prepare(&address).await });
    }
    for started in starts.join_all().await {
        started.unwrap();
    }
    assert_eq!(database.query("SELECT count(*) FROM refinery_schema_history"), "1");
}
