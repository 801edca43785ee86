//! A database that accepts connections but no contests: `/readyz` fails until a contest would succeed again.

use rebuttal_testbed::postgres::Cluster;

use super::on;
use crate::common::{becomes_ready, each};

/// An administrator's statement, and the one that reverts it.
const FAULTS: [(&str, &str); 6] = [
    ("REVOKE INSERT ON nonces FROM gateway", "GRANT INSERT ON nonces TO gateway"),
    ("REVOKE INSERT ON history FROM gateway", "GRANT INSERT ON history TO gateway"),
    ("REVOKE UPDATE ON disputes FROM gateway", "GRANT UPDATE ON disputes TO gateway"),
    ("ALTER TABLE outbox RENAME TO away", "ALTER TABLE away RENAME TO outbox"),
    ("ALTER TABLE history RENAME TO away", "ALTER TABLE away RENAME TO history"),
    ("ALTER TABLE outbox SET SCHEMA other", "ALTER TABLE other.outbox SET SCHEMA public"),
];

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
fn database_that_rejects_contests_is_not_ready() {
    let cluster = Cluster::start();
    let database = cluster.database();
    database.query("CREATE ROLE gateway LOGIN; CREATE SCHEMA other");
    database.query(&format!("ALTER DATABASE {} OWNER TO gateway", database.name()));
    let fixture = on(&database.url().replace("postgres@", "gateway@"));
    each(FAULTS.map(|fault| (fault.0, fault)), |(fault, undo)| {
        let dispute_no = fixture.dispute();
        fixture.accept(&dispute_no).is("OK");
        let dispute_no = fixture.dispute();
        database.query(fault);
        assert_eq!(fixture.accept(&dispute_no).code, "Common.System.Unavailable");
        becomes_ready(fixture.address(), 503);
        database.query(undo);
        becomes_ready(fixture.address(), 200);
        fixture.accept(&dispute_no).is("OK");
        assert_eq!(database.query("SELECT count(*) FROM pg_class WHERE relname LIKE 'probe%'"), "0");
    });
}
