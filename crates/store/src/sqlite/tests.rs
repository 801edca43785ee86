//! What only SQLite has: every statement can be prepared, and lists use its indexes.

use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::{MerchantId, UnixMillis};
use rusqlite::Connection;

use super::{Writer, schema, statements};
use crate::views::{DisputeCursor, DisputeFilter};

/// A file with its schema, opened as a reader does.
fn prepared() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rebuttal.db");
    drop(Writer::open(&path).unwrap());
    (folder, schema::open_reader(&path).unwrap())
}

/// A filter for each combination of conditions.
fn filters() -> impl Iterator<Item = DisputeFilter> {
    (0_u32..1 << 7).map(|choice| {
        let asked = |bit: u32| choice & 1 << bit != 0;
        DisputeFilter {
            merchant_id: asked(0).then_some(MerchantId::try_from(1).unwrap()),
            status: asked(1).then_some(Status::NeedsResponse),
            stage: asked(2).then_some(Stage::Chargeback),
            deadline_before: asked(3).then_some(UnixMillis(1)),
            created_after: asked(4).then_some(UnixMillis(1)),
            q: asked(5).then(|| "D".to_owned()),
            after: asked(6)
                .then(|| DisputeCursor { created_at: UnixMillis(1), dispute_no: "D1".parse().unwrap() }),
            limit: 1,
        }
    })
}

#[test]
fn every_statement_can_be_prepared() {
    let (_folder, connection) = prepared();
    let fixed = [crate::statements::ALL, statements::ALL].concat();
    assert!(fixed.len() < schema::STATEMENTS_MAX, "{} would push each other out", fixed.len());
    let fixed = fixed.into_iter().map(|(name, sql)| (name.to_owned(), sql.to_owned()));
    let lists = filters().flat_map(|filter| {
        [statements::count(&filter), statements::list(&filter)].map(|sql| (format!("{filter:?}"), sql))
    });
    for (name, sql) in fixed.chain(lists) {
        let statement = connection.prepare(&sql).unwrap_or_else(|error| panic!("{name}: {error}"));
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

/// Planned without values. With values, SQLite may also choose to sort the disputes that are due.
#[test]
fn a_list_uses_an_index_in_its_order() {
    let (_folder, connection) = prepared();
    for filter in filters() {
        let sql = format!("EXPLAIN QUERY PLAN {}", statements::list(&filter));
        let mut explain = connection.prepare(&sql).unwrap();
        let steps = explain.query_map([rusqlite::types::Null; 10], |row| row.get::<_, String>(3)).unwrap();
        let plan = steps.map(Result::unwrap).collect::<Vec<_>>().join("; ");
        let index = if filter.merchant_id.is_some() { "disputes_of_merchant" } else { "disputes_by_age" };
        assert!(plan.contains(&format!("USING INDEX {index}")), "{filter:?}: {plan}");
        assert!(!plan.contains("ORDER BY"), "{filter:?} is sorted: {plan}");
        let starts_within = filter.after.is_some() || filter.created_after.is_some();
        assert!(!starts_within || plan.contains("created_at"), "{filter:?} starts at the newest: {plan}");
    }
}
