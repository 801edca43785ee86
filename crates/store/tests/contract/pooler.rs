//! A connection pooler in front of PostgreSQL: session mode works; transaction mode is detected and rejected.

use rebuttal_store::{Options, Store, StoreError, examine};
use rebuttal_testbed::postgres::{Database, Pooler};

use crate::common::{Fixture, contest, item, merchant, open, upload, url};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_pooler_in_session_mode_changes_nothing() {
    let database = Database::shared();
    let pooler = Pooler::before(&database, "session");
    let store = Store::open(&pooler.url().parse().unwrap(), &Options::default()).await.unwrap();
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    upload(&store, url(merchant_id, 1), 1).await.unwrap();
    let operation = contest(merchant_id, &no, vec![item(Some(url(merchant_id, 1)))]);
    let idempotency = rebuttal_store::Idempotency::Nonce(Fixture::sqlite().nonce());
    crate::common::commit(&store, idempotency, operation).await.unwrap();
    assert_eq!(crate::common::detail(&store, &no).await.submissions.len(), 1);
    assert!(examine(&pooler.url().parse().unwrap(), None).await.is_ok());
}

/// The sessions that the pooler returns next: their process ids, and any settings that differ from the server's.
fn left_behind(pooler: &Pooler) -> [String; 3] {
    let look = "SELECT pg_backend_pid(), (SELECT count(*) FROM pg_settings WHERE source = 'session' \
         AND name NOT IN ('application_name', 'client_encoding')), (SELECT count(*) FROM pg_prepared_statements), \
         (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
         (SELECT oid FROM pg_database WHERE datname = current_database())), pg_sleep(0.2)";
    std::thread::scope(|scope| {
        [(); 3].map(|()| scope.spawn(|| pooler.query(look))).map(|asked| asked.join().unwrap())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn transaction_mode_pooler_is_rejected_without_side_effects() {
    let database = Database::shared();
    let pooler = Pooler::before(&database, "transaction");
    let location = pooler.url().parse().unwrap();
    for _ in 0..3 {
        let refused = Store::open(&location, &Options::default()).await.err().unwrap();
        assert!(matches!(refused, StoreError::TransactionPooler), "{refused}");
        let found = examine(&location, None).await.unwrap_err();
        assert!(matches!(found, StoreError::TransactionPooler), "{found}");
    }
    for session in left_behind(&pooler) {
        assert!(session.trim().ends_with("|0|0|0|"), "{session}");
    }
    assert_eq!(database.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}
