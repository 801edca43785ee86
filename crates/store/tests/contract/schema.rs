//! Both migration folders create the same tables: each database's schema is described in the same form and compared.
//! Within a generation migrations only add.

use rebuttal_store::{Options, Store};

use crate::common::Fixture;

/// One line for each column, key and index. Types are SQLite's; a truth value is an integer there.
const OF_SQLITE: &str = "
    WITH tables AS (
        SELECT name AS t FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'refinery%'
    )
    SELECT t || '.' || c.name || ' ' || c.type || CASE WHEN c.\"notnull\" OR c.pk THEN ' not null' ELSE '' END
    FROM tables JOIN pragma_table_info(t) AS c
    UNION ALL
    SELECT t || ' key ' || group_concat(name, ' ') FROM
        (SELECT t, c.name FROM tables JOIN pragma_table_info(t) AS c WHERE c.pk ORDER BY t, c.pk) GROUP BY t
    UNION ALL
    SELECT t || ' unique ' || (SELECT group_concat(name, ' ') FROM pragma_index_info(i.name))
    FROM tables JOIN pragma_index_list(t) AS i WHERE i.origin = 'u'
    UNION ALL
    SELECT t || ' refers to ' || f.\"table\" || ' by ' || group_concat(f.\"from\", ' ')
    FROM tables JOIN pragma_foreign_key_list(t) AS f GROUP BY t, f.id
    UNION ALL
    SELECT t || ' index ' || i.name || ' ' || (SELECT group_concat(name, ' ') FROM pragma_index_info(i.name))
        || CASE WHEN i.partial THEN ' partial' ELSE '' END
    FROM tables JOIN pragma_index_list(t) AS i WHERE i.origin = 'c'
    ORDER BY 1";

const OF_POSTGRES: &str = "
    WITH tables AS (
        SELECT oid, relname AS t FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
            AND NOT relispartition AND relname NOT LIKE 'refinery%'
    ), named AS (
        SELECT c.conrelid, c.contype, c.confrelid::regclass::text AS other,
            (SELECT string_agg(attname, ' ' ORDER BY place) FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns
        FROM pg_constraint c
    ), indexes AS (
        SELECT i.indrelid, i.indexrelid::regclass::text AS name, i.indpred IS NOT NULL AS partial,
            (SELECT string_agg(attname, ' ' ORDER BY place)
             FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum) AS columns
        FROM pg_index i WHERE NOT i.indisunique
    )
    SELECT t || '.' || attname || ' ' || CASE atttypid::regtype::text WHEN 'bytea' THEN 'BLOB' WHEN 'bigint' THEN 'INTEGER'
        WHEN 'boolean' THEN 'INTEGER' WHEN 'text' THEN 'TEXT' ELSE atttypid::regtype::text END
        || CASE WHEN attnotnull THEN ' not null' ELSE '' END AS line
    FROM tables JOIN pg_attribute ON attrelid = oid WHERE attnum > 0 AND NOT attisdropped
    UNION ALL SELECT t || ' key ' || columns FROM tables JOIN named ON conrelid = oid WHERE contype = 'p'
    UNION ALL SELECT t || ' unique ' || columns FROM tables JOIN named ON conrelid = oid WHERE contype = 'u'
    UNION ALL SELECT t || ' refers to ' || other || ' by ' || columns FROM tables JOIN named ON conrelid = oid
        WHERE contype = 'f'
    UNION ALL SELECT t || ' index ' || name || ' ' || columns || CASE WHEN partial THEN ' partial' ELSE '' END
        FROM tables JOIN indexes ON indrelid = oid
    ORDER BY 1";

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn both_databases_have_the_same_tables() {
    let (sqlite, postgres) = (Fixture::sqlite(), Fixture::postgres());
    for fixture in [&sqlite, &postgres] {
        Store::open(&fixture.location(), &Options::default()).await.unwrap().close().await;
    }
    let (sqlite, postgres) = (sqlite.ask(OF_SQLITE), postgres.ask(OF_POSTGRES));
    assert!(sqlite.len() > 100, "the catalogue was not read: {sqlite:#?}");
    let only = |one: &[String], other: &[String]| {
        one.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>()
    };
    let none: Vec<String> = Vec::new();
    assert_eq!((only(&sqlite, &postgres), only(&postgres, &sqlite)), (none.clone(), none));
}

/// The first migration, and those to another generation.
const GENERATIONS: [&str; 4] =
    ["V1__initial.sql", "V4__append_only.sql", "V5__indexes.sql", "V6__old_tables.sql"];

/// What any other migration may do (see `postgres/schema.rs`): tables, indexes, and columns that older binaries
/// need not fill.
fn only_adds(statement: &str) -> bool {
    let words: Vec<_> = statement.split_whitespace().collect();
    match words[..] {
        ["CREATE", "TABLE" | "INDEX", ..] => true,
        ["ALTER", "TABLE", _, "ADD", "COLUMN", ..] => {
            !statement.contains("NOT NULL") || statement.contains("DEFAULT")
        }
        _ => false,
    }
}

#[test]
fn migrations_only_add() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut seen = 0;
    for database in ["sqlite", "postgres"] {
        for file in std::fs::read_dir(folder.join(database)).unwrap() {
            let path = file.unwrap().path();
            if GENERATIONS.iter().any(|generation| path.ends_with(generation)) {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
            let sql = lines.collect::<Vec<_>>().join("\n");
            for statement in sql.split(';').filter(|statement| !statement.trim().is_empty()) {
                assert!(only_adds(statement), "{}: {statement}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 0, "nothing was read");
    for wrong in ["DROP TABLE a", "ALTER TABLE a DROP COLUMN b", "ALTER TABLE a ADD COLUMN b TEXT NOT NULL"] {
        assert!(!only_adds(wrong), "{wrong} was taken");
    }
}
