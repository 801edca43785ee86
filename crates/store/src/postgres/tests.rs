//! What only PostgreSQL has: prepared statements, settings of sessions, concurrent starts, and in the modules below
//! commit resolution, partitions, and TLS.

mod commit_resolution;
mod late;
mod nonces;
mod tls;

use rebuttal_testbed::postgres::{Cluster, Database, Pooler};

use super::address::Address;
use super::rows;
use super::session::{LANE, READER, Session};
use super::{queries, statements};

/// A database with its schema and its address.
async fn prepared() -> (Database, Address) {
    let database = Database::shared();
    let address = Address::parse(&database.url()).unwrap();
    super::prepare(&address).await.unwrap();
    (database, address)
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn every_statement_can_be_prepared() {
    let (_database, address) = prepared().await;
    let session = Session::open(&address, LANE).await.unwrap();
    for (name, sql) in [crate::statements::ALL, statements::ALL].concat() {
        session.prepared(sql).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Whatever is asked for: each condition is counted in an index, a page is read by ids or from the newest on.
#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn no_list_reads_a_whole_table() {
    let (_database, address) = prepared().await;
    let session = Session::open(&address, READER).await.unwrap();
    session.batch(queries::LIST_SNAPSHOT).await.unwrap();
    for filter in crate::dispute_list::every_filter() {
        for mut sql in crate::dispute_list::every_statement(&filter) {
            sql.text.insert_str(0, "EXPLAIN ");
            let steps = session.client.query_typed(&sql.text, &queries::values(&sql)).await.unwrap();
            let steps: Vec<String> = steps.iter().map(|row| row.get(0)).collect();
            let is_bounded = sql.text.contains("SELECT 1 FROM disputes LIMIT");
            assert!(
                is_bounded || !steps.iter().any(|step| step.contains("Seq Scan")),
                "{}: {steps:#?}",
                sql.text
            );
        }
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn ten_concurrent_starts_migrate_once() {
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
    assert_eq!(database.query("SELECT count(*) = max(version) FROM refinery_schema_history"), "t");
}

/// A pooler that is set to transaction mode while a gateway runs.
#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_pooler_in_transaction_mode_is_named_in_the_error() {
    let database = Database::shared();
    let pooler = Pooler::before(&database, "transaction");
    let left: String = (0..200).map(|number| format!("PREPARE s{number} AS SELECT 1; ")).collect();
    pooler.query(&left);
    let address = Address::parse(pooler.url()).unwrap();
    let mut session = Session::plain(&address).await.unwrap();
    let message = session.row("SELECT 2", &[]).await.unwrap_err().to_string();
    assert!(message.contains("Set it to session mode"), "{message}");
    let message = super::schema::migrate(&mut session).await.unwrap_err().to_string();
    assert!(message.contains("Set it to session mode"), "{message}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_read_only_server_is_reported_with_what_to_do() {
    let database = Database::shared();
    database.query(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name()));
    let address = Address::parse(&database.url()).unwrap();
    let message = super::prepare(&address).await.unwrap_err().to_string();
    assert!(message.contains("a standby") && message.contains("Set database_url"), "{message}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn commits_wait_for_the_disk_whatever_the_servers_default() {
    let (database, address) = prepared().await;
    for (default, ours) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        database.query(&format!("ALTER DATABASE {} SET synchronous_commit = {default}", database.name()));
        let session = Session::open(&address, LANE).await.unwrap();
        let row = session.row("SELECT current_setting('synchronous_commit')", &[]).await.unwrap().unwrap();
        assert_eq!(rows::value::<String>(&row, 0).unwrap(), ours, "where the default is {default}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
async fn unsafe_server_settings_are_reported() {
    let message = async |cluster: &Cluster| {
        let location = cluster.url().parse().unwrap();
        let found = crate::examine(&location, None).await.unwrap();
        let server_warnings =
            found.defects.iter().filter(|defect| matches!(defect, crate::Defect::Server(_)));
        server_warnings.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(message(&Cluster::durable()).await, "");
    let message = message(&Cluster::with(&["fsync=off", "max_connections=10"])).await;
    assert!(message.contains("fsync = off") && message.contains("raise max_connections"), "{message}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
async fn missing_privileges_of_the_role_are_reported() {
    let cluster = Cluster::start();
    let database = cluster.database();
    super::prepare(&Address::parse(&database.url()).unwrap()).await.unwrap();
    database.query(
        "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; \
         CREATE ROLE owner LOGIN; GRANT CREATE ON SCHEMA public TO owner",
    );
    let lacks = async |role: &str| {
        let url = database.url().replace("postgres@", &format!("{role}@"));
        let message = super::server_checks::server_warnings(&Address::parse(&url).unwrap()).await.unwrap();
        message.into_iter().find(|warning| warning.contains("lacks")).unwrap_or_default()
    };
    let message = lacks("reader").await;
    for missing in ["CREATE on its schema", "ownership of nonces", "INSERT on nonces", "UPDATE on disputes"] {
        assert!(message.contains(missing), "{missing}: {message}");
    }
    assert!(!message.contains("SELECT on"), "{message}");

    let tables = database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    for table in tables.lines() {
        database.query(&format!("ALTER TABLE {table} OWNER TO owner"));
    }
    assert!(lacks("owner").await.contains("USAGE on entry_ids"));
    database.query("ALTER SEQUENCE entry_ids OWNER TO owner");
    assert_eq!(lacks("owner").await, "");
    database.query("REVOKE INSERT ON history FROM owner");
    let message = lacks("owner").await;
    assert!(message.contains("lacks INSERT on history;"), "{message}");
}
