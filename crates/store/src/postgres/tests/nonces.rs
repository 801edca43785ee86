//! Partitions of nonces are created when they are missing and dropped when they are stale, without blocking requests.

use std::time::{Duration, Instant};

use rebuttal_protocol::{AppId, Nonce, UnixMillis};
use rebuttal_testbed::postgres::Database;

use super::super::session::{LANE, Session};
use super::prepared;
use crate::{
    CommitError, Idempotency, Location, Maintenance, NonceUse, Operation, Options, Outcome, Rejection,
    SingleOperation, Store, WriteRequest, WriteResult,
};

const NOW: UnixMillis = UnixMillis(1_750_000_000_000);
const HOUR: i64 = 3_600_000;

fn partitions(database: &Database) -> u64 {
    database.query("SELECT count(*) FROM pg_inherits WHERE inhparent = 'nonces'::regclass").parse().unwrap()
}

async fn open(database: &Database) -> Store {
    let location: Location = database.url().parse().unwrap();
    Store::open(&location, &Options::default()).await.unwrap()
}

async fn uses(store: &Store, timestamp: UnixMillis, number: u64) -> WriteResult {
    store.commit(use_nonce(timestamp, number)).await.unwrap()
}

fn use_nonce(timestamp: UnixMillis, number: u64) -> WriteRequest {
    let nonce: Nonce = format!("nonce-{number:026}").parse().unwrap();
    let idempotency = Idempotency::Nonce(NonceUse { timestamp, app_id: AppId::from_bytes([7; 16]), nonce });
    WriteRequest { arrived_at: NOW, idempotency, token: None, operation: Operation::UseNonce }
}

async fn purge(store: &Store, bound: UnixMillis) -> u64 {
    let operation = SingleOperation::Maintenance(Maintenance::PurgeNonces { bound, limit: 1_000 });
    match store
        .commit(WriteRequest { arrived_at: bound, idempotency: Idempotency::None, token: None, operation })
        .await
        .unwrap()
    {
        Ok(Outcome::Rows(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn partitions_are_created_with_the_first_nonce_and_dropped() {
    let (database, _) = prepared().await;
    let stores = [open(&database).await, open(&database).await];
    // From two replicas at the same time, over an hour.
    let mut answers = Vec::new();
    for number in 0..48_u64 {
        let at = UnixMillis(NOW.0 - HOUR + number as i64 * HOUR / 24);
        answers.push(tokio::spawn({
            let store = stores[number as usize % 2].clone();
            async move { uses(&store, at, number).await }
        }));
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap(), Ok(Outcome::Nothing));
    }
    assert_eq!(partitions(&database), 24);
    let bound = UnixMillis(NOW.0 - HOUR / 2);
    assert_eq!(purge(&stores[0], bound).await, 6, "half an hour of them is stale");
    assert_eq!(purge(&stores[1], bound).await, 0);
    assert_eq!(uses(&stores[1], bound, 99).await, Err(Rejection::Stale), "and is not made again");
    assert_eq!(uses(&stores[1], NOW, 24).await, Err(Rejection::Replayed), "the others are still there");
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_purge_that_has_to_wait_blocks_no_request() {
    let (database, address) = prepared().await;
    let store = open(&database).await;
    uses(&store, UnixMillis(NOW.0 - HOUR), 1).await.unwrap();
    uses(&store, NOW, 2).await.unwrap();
    let reader = Session::plain(&address).await.unwrap();
    reader.batch("BEGIN; SELECT count(*) FROM nonces").await.unwrap();
    let started = Instant::now();
    let contests = async {
        for number in 3..50 {
            uses(&store, NOW, number).await.unwrap();
        }
    };
    let (dropped, ()) = tokio::join!(purge(&store, UnixMillis(NOW.0 - HOUR / 2)), contests);
    assert_eq!(dropped, 0, "it is locked by a reader");
    assert!(started.elapsed() < Duration::from_secs(1), "blocked for {:?}", started.elapsed());
    assert_eq!(
        uses(&store, UnixMillis(NOW.0 - HOUR), 1).await,
        Err(Rejection::Stale),
        "the bound counts all the same"
    );
    reader.batch("COMMIT").await.unwrap();
    assert_eq!(purge(&store, UnixMillis(NOW.0 - HOUR / 2)).await, 1);
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn markers_of_closed_lanes_are_deleted() {
    let (database, address) = prepared().await;
    let session = Session::open(&address, LANE).await.unwrap();
    session.batch("INSERT INTO meta VALUES ('lane:old', int8send(1) || int8send(1))").await.unwrap();
    let store = open(&database).await;
    uses(&store, NOW, 1).await.unwrap();
    purge(&store, NOW).await;
    let old = "SELECT count(*) FROM meta WHERE name = 'lane:old'";
    assert_eq!(database.query(old), "0");
    assert_ne!(database.query("SELECT count(*) FROM meta WHERE name LIKE 'lane:%'"), "0", "live ones stay");
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn no_nonce_is_accepted_without_the_primary_key() {
    let (database, _) = prepared().await;
    let store = open(&database).await;
    uses(&store, NOW, 1).await.unwrap();
    database.query("ALTER TABLE nonces DROP CONSTRAINT nonces_pkey");
    let outcome = store.commit(use_nonce(NOW, 1)).await;
    assert!(matches!(outcome, Err(CommitError::Unavailable(_))), "{outcome:?}");
}
