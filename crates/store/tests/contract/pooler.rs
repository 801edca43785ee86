//! A pooler before PostgreSQL: in session mode everything goes through it; in transaction mode it is found.

use rebuttal_store::{Examined, Options, Store, examine};
use rebuttal_testbed::postgres::{Database, Pooler};

use crate::ground::{Ground, contest, item, merchant, open, upload, url};

fn is_found(examined: &Examined) -> bool {
    examined.ailments.iter().any(|ailment| ailment.to_string().contains("by transaction"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_pooler_in_session_mode_changes_nothing() {
    let database = Database::shared();
    let pooler = Pooler::before(&database, "session");
    let store = Store::open(&pooler.url().parse().unwrap(), &Options::default()).await.unwrap();
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    upload(&store, url(merchant_id, 1), 1).await.unwrap();
    let act = contest(merchant_id, &no, vec![item(Some(url(merchant_id, 1)))]);
    let once = rebuttal_store::Once::Nonce(Ground::sqlite().nonce());
    crate::ground::commit(&store, once, act).await.unwrap();
    assert_eq!(crate::ground::story(&store, &no).await.submissions.len(), 1);
    let found = examine(&pooler.url().parse().unwrap()).await.unwrap();
    assert!(!is_found(&found), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_pooler_in_transaction_mode_is_found() {
    let database = Database::shared();
    let pooler = Pooler::before(&database, "transaction");
    let found = examine(&pooler.url().parse().unwrap()).await.unwrap();
    assert!(is_found(&found), "{found:?}");
}

/// How a start is refused where statements lie in the session that the pooler hands out, named as a gateway names its
/// own, from a number on.
async fn start_after_another(first: usize) -> String {
    let database = Database::shared();
    let pooler = Pooler::before(&database, "transaction");
    let left: String = (first..200).map(|number| format!("PREPARE s{number} AS SELECT 1; ")).collect();
    pooler.query(&left);
    Store::open(&pooler.url().parse().unwrap(), &Options::default()).await.err().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn statements_of_another_gateway_are_told_as_the_poolers_doing() {
    let told = start_after_another(0).await;
    assert!(told.contains("Let it pool by session"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn statements_of_another_gateway_are_told_while_migrating_too() {
    // The first statement looks for the schema; those behind it make it.
    let told = start_after_another(1).await;
    assert!(told.contains("Let it pool by session"), "{told}");
}
