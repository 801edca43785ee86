//! What only SQLite has: every statement can be prepared, and no list reads a whole table.

use rusqlite::{Connection, params_from_iter};

use super::{Writer, schema, statements};

/// A file with its schema, opened as a reader does.
fn prepared() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rebuttal.db");
    drop(Writer::open(&path).unwrap());
    (folder, schema::open_reader(&path).unwrap())
}

#[test]
fn every_statement_can_be_prepared() {
    let (_folder, connection) = prepared();
    let all = [crate::statements::ALL, statements::ALL].concat();
    assert!(all.len() < schema::STATEMENTS_MAX, "{} would push each other out", all.len());
    for (name, sql) in all {
        let statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{name}: {error}"));
        // Values are bound by position, so a parameter's number must be its position.
        for place in 1..=statement.parameter_count() {
            let named = statement.parameter_name(place);
            assert!(
                named.is_none_or(|named| named[1..] == place.to_string()),
                "{name}: {named:?} at {place}"
            );
        }
    }
}

/// Whatever is asked for: each condition is counted in an index, a page is read by ids or from the newest on.
#[test]
fn no_list_reads_a_whole_table() {
    let (_folder, connection) = prepared();
    for filter in crate::dispute_list::every_filter() {
        for sql in crate::dispute_list::every_statement(&filter) {
            let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text)).unwrap();
            let steps =
                explain.query_map(params_from_iter(&sql.values), |row| row.get::<_, String>(3)).unwrap();
            let steps = steps.map(Result::unwrap).collect::<Vec<_>>();
            // Without a condition, or from the newest on, the scan ends at a limit.
            let is_bounded = |step: &String| {
                !step.starts_with("SCAN disputes")
                    || sql.text.contains("WHERE TRUE ORDER BY dispute_id DESC LIMIT")
                    || sql.text.contains("SELECT 1 FROM disputes LIMIT")
            };
            assert!(steps.iter().all(is_bounded), "{filter:?}: {}: {steps:?}", sql.text);
            assert!(
                !steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY")),
                "{}: {steps:?}",
                sql.text
            );
        }
    }
}
