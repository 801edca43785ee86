//! Operators that open and change disputes while the database's sessions are terminated: the response is read after the
//! commit, and a committed change is never reported as unchanged because that read failed.

use std::sync::atomic::{AtomicBool, Ordering};

use rebuttal_testbed::operator::dispute;
use rebuttal_testbed::postgres::Cluster;
use rebuttal_testbed::signer::fresh_nonce;
use serde_json::json;

use super::on;
use crate::common::scaled;

const OPERATORS: usize = 4;
/// Terminates all other sessions repeatedly from one session, which is faster than a program per termination.
const STORM: &str = "DO $$ BEGIN FOR turn IN 1..300 LOOP \
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid(); \
    PERFORM pg_stat_clear_snapshot(); PERFORM pg_sleep(0.03 * random()); END LOOP; END $$";

/// The requested dispute, and the code of the response: `OK` or the problem's.
struct OpenedDispute {
    dispute_no: String,
    code: String,
    detail: String,
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
fn committed_opening_is_never_reported_as_unchanged() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let fixture = on(&database.url());
    let over = AtomicBool::new(false);
    let open_on = || {
        let operator = fixture.operator.clone();
        let mut openings = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let dispute_no = fresh_nonce();
            let body = dispute(fixture.merchant_id, &json!({ "disputeNo": dispute_no }));
            let response = operator.post("/disputes", &body);
            let answer = response.json();
            let field = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            let code = if response.status == 201 { "OK".to_owned() } else { field("code") };
            openings.push(OpenedDispute { dispute_no, code, detail: field("detail") });
        }
        openings
    };
    let openings: Vec<OpenedDispute> = std::thread::scope(|scope| {
        let operators = [(); OPERATORS].map(|()| scope.spawn(open_on));
        for _ in 0..scaled(1) {
            database.query(STORM);
        }
        over.store(true, Ordering::Relaxed);
        operators.into_iter().flat_map(|operator| operator.join().unwrap()).collect()
    });
    let count = |code: &str| openings.iter().filter(|opening| opening.code == code).count();
    let (done, unknown) = (count("OK"), count("Common.System.OutcomeUnknown"));
    eprintln!("{} openings, {done} done, {unknown} unknown", openings.len());
    assert!(done > 0 && done < openings.len(), "the storm was too light or too heavy to prove anything");
    for OpenedDispute { dispute_no, code, detail } in openings {
        let status = fixture.operator.fetch(&format!("/disputes/{dispute_no}")).status;
        match code.as_str() {
            "OK" => assert_eq!(status, 200, "{dispute_no}: an answered opening is lost"),
            "Common.System.Unavailable" => {
                assert_eq!(status, 404, "{dispute_no}: what was called unchanged is there");
            }
            "Common.System.OutcomeUnknown" => assert!(!detail.contains("changed nothing"), "{detail}"),
            other => panic!("{dispute_no}: {other}: {detail}"),
        }
    }
}
