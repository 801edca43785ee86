//! Rows that become visible late: paging finds everything that was committed before it began, and no change is
//! committed after its token was revoked.

use rebuttal_protocol::{MerchantId, UnixMillis};
use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::postgres::Database;

use super::super::session::Session;
use super::prepared;
use crate::{
    AccountChange, DisputeFilter, Idempotency, IdempotencyKey, Location, Operation, Options, Outcome,
    QueuedRequest, Rejection, RequestHash, SingleOperation, Store, TokenHash, WriteRequest,
};

const DISPUTE: &str = "INSERT INTO disputes SELECT n, 'D' || n, 1, 'NEEDS_RESPONSE', 'CHARGEBACK', 99, 1, hash, n, 0, \
     'CHARGEBACK', hash, hash, 'P', 'T', 100, 100, 'USD', 'r', NULL, NULL, n \
     FROM (SELECT decode(repeat('00', 32), 'hex') AS hash) AS hash, generate_series";

async fn open(database: &Database) -> Store {
    let location: Location = database.url().parse().unwrap();
    Store::open(&location, &Options::default()).await.unwrap()
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn paging_finds_a_dispute_that_commits_meanwhile() {
    let (database, address) = prepared().await;
    database.query("INSERT INTO merchants VALUES (1, 'm', 'UTC', 0)");
    database.query(&format!("{DISPUTE} (11, 20) AS n"));
    let late = Session::plain(&address).await.unwrap();
    late.batch(&format!("BEGIN; {DISPUTE} (1, 3) AS n")).await.unwrap();
    let store = open(&database).await;
    let first = store.list(DisputeFilter { limit: 5, ..DisputeFilter::default() }).await.unwrap();
    late.batch("COMMIT").await.unwrap();
    let rest =
        store.list(DisputeFilter { limit: 50, after: first.next, ..DisputeFilter::default() }).await.unwrap();
    let met: Vec<i64> = first.items.iter().chain(&rest.items).map(|item| item.created_at.0).collect();
    assert_eq!(met, (11..=20).rev().chain((1..=3).rev()).collect::<Vec<_>>());
}

/// A change waits for a revocation that is being committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_change_waits_for_the_revocation_of_its_token() {
    let (database, address) = prepared().await;
    let store = open(&database).await;
    database.query("INSERT INTO tokens VALUES ('ci', decode(repeat('07', 32), 'hex'), 1, 'admin')");
    let revoking = Session::plain(&address).await.unwrap();
    revoking.batch("BEGIN; UPDATE tokens SET revoked_at = 1").await.unwrap();
    let (name, time_zone) = ("m".parse().unwrap(), "UTC".parse().unwrap());
    let account = AccountChange::CreateMerchant { name, time_zone };
    fn request<O>(operation: O) -> WriteRequest<O> {
        let request = RequestHash([1; 32]);
        let key = IdempotencyKey { token: "ci".to_owned(), key: "k".to_owned(), request };
        let idempotency = Idempotency::Key(key);
        WriteRequest { arrived_at: UnixMillis(1), idempotency, token: Some(TokenHash([7; 32])), operation }
    }
    let requests: [QueuedRequest; 2] =
        [request(SingleOperation::Account(account)).into(), request(Operation::UseNonce).into()];
    let committing = requests.map(|request| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(request).await.unwrap() })
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    wait_for("both to wait", || (database.query(waiting) == "2").then_some(()));
    revoking.batch("COMMIT").await.unwrap();
    for answer in committing {
        assert_eq!(answer.await.unwrap(), Err(Rejection::TokenRevoked));
    }
}

/// Merchants are listed by number, so one must not become visible after a higher one.
#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn merchants_become_visible_in_the_order_of_their_numbers() {
    let (database, _) = prepared().await;
    let stores = [open(&database).await, open(&database).await, open(&database).await];
    let mut made = tokio::task::JoinSet::new();
    for number in 0..60 {
        let store = stores[number % 3].clone();
        made.spawn(async move {
            let (name, time_zone) = ("m".parse().unwrap(), "UTC".parse().unwrap());
            let operation = SingleOperation::Account(AccountChange::CreateMerchant { name, time_zone });
            let request = WriteRequest {
                arrived_at: UnixMillis(1),
                idempotency: Idempotency::None,
                token: None,
                operation,
            };
            assert!(matches!(store.commit(request).await.unwrap(), Ok(Outcome::Merchant(_))));
        });
    }
    let mut met: Vec<MerchantId> = Vec::new();
    while met.len() < 60 {
        let page = stores[0].merchants(met.last().copied(), 10).await.unwrap();
        met.extend(page.iter().map(|merchant| merchant.merchant_id));
        if made.is_empty() && page.is_empty() {
            break;
        }
        while made.try_join_next().is_some() {}
    }
    assert_eq!(met.len(), 60, "a merchant was not listed");
}
