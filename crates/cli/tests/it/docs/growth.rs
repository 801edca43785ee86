//! The row sizes on the page about growth, measured on databases that a gateway has filled.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::{Item, TestGateway, samples};

use super::document;
use crate::common::gateway;

const PAGE: &str = "docs/operate/growth.md";
const DISPUTES: usize = 1_200;
const WORKERS: usize = 4;
/// How far a figure of the page may differ from the measured one: pages are never quite full, and never equally so.
const TOLERANCE: f64 = 0.3;
/// Tables whose rows are written by calls of merchants and operators.
const TABLES: [&str; 8] =
    ["disputes", "history", "submissions", "evidence", "uploads", "nonces", "outbox", "idempotency_keys"];

/// Disputes, each contested with two uploads.
fn fill(fixture: &TestGateway) {
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            scope.spawn(move || {
                for _ in (worker..DISPUTES).step_by(WORKERS) {
                    let urls = [1, 2].map(|seed| fixture.upload(&samples::receipt(seed)));
                    fixture
                        .contest(&fixture.dispute(), &urls.each_ref().map(|url| Item::receipt(url)))
                        .is("OK");
                }
            });
        }
    });
}

/// Bytes a row of each table takes, its part of the indexes included.
fn weigh(rows: impl Fn(&str) -> f64, bytes: impl Fn(&str) -> f64) -> BTreeMap<&'static str, f64> {
    TABLES.map(|table| (table, bytes(table) / rows(table))).into()
}

fn sqlite(data: &Path, sql: &str) -> f64 {
    let output =
        Command::new("sqlite3").arg("-readonly").arg(data.join("rebuttal.db")).arg(sql).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("{sql}: {output:?}"))
}

/// The page's table, one column of it: | `table` | SQLite | PostgreSQL |.
fn documented(column: usize) -> BTreeMap<&'static str, f64> {
    let page = document(PAGE);
    let of = |table: &'static str| {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{table}` |")));
        let cell = row.and_then(|row| row.split(" | ").nth(column)).unwrap_or_else(|| panic!("no {table}"));
        (table, cell.trim_matches([' ', '|']).replace(',', "").parse().unwrap())
    };
    TABLES.map(of).into()
}

fn agree(weighed: &BTreeMap<&str, f64>, documented: &BTreeMap<&str, f64>) {
    let near = |(table, bytes): (&&str, &f64)| (bytes / documented[table] - 1.0).abs() <= TOLERANCE;
    assert!(weighed.iter().all(near), "weighed {weighed:.0?}\n{PAGE} documents {documented:.0?}");
}

#[test]
fn sqlite_row_sizes_match_the_page() {
    let fixture = TestGateway::with_builder(gateway().embedded());
    fill(&fixture);
    let data = fixture.gateway.data();
    let rows = |table: &str| sqlite(data, &format!("SELECT count(*) FROM {table}"));
    let bytes = |table: &str| {
        let of_table = format!("SELECT name FROM sqlite_schema WHERE tbl_name = '{table}'");
        sqlite(data, &format!("SELECT sum(pgsize) FROM dbstat WHERE name IN ({of_table})"))
    };
    agree(&weigh(rows, bytes), &documented(1));
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn postgresql_row_sizes_match_the_page() {
    let database = Database::shared();
    let fixture = TestGateway::with_builder(gateway().database(&database.url()));
    fill(&fixture);
    // Without dead rows, whose number depends on the last autovacuum.
    database.query("VACUUM FULL");
    let ask = |sql: &str| database.query(sql).parse::<f64>().unwrap();
    let rows = |table: &str| ask(&format!("SELECT count(*) FROM {table}"));
    let bytes = |table: &str| {
        // A table that has partitions is the sum of those that hold something.
        let parts = format!("SELECT inhrelid FROM pg_inherits WHERE inhparent = '{table}'::regclass");
        ask(&format!(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' \
             AND pg_relation_size(oid) > 0 AND (oid = '{table}'::regclass OR oid IN ({parts}))"
        ))
    };
    agree(&weigh(rows, bytes), &documented(2));
}
