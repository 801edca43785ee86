//! The outcome of a commit depends on the marker alone, read after its transaction has ended.

use std::time::{Duration, Instant};

use super::super::address::Address;
use super::super::commit_resolution::{CommitStatus, UnconfirmedBatch, resolve};
use super::super::rows;
use super::super::save::save;
use super::super::session::{LANE, Session};
use super::prepared;
use crate::batch::Changes;

const OURS: &str = "lane:ours";

/// Begins a transaction and returns its number.
async fn begin(session: &Session) -> String {
    session.batch("BEGIN").await.unwrap();
    let row = session.row("SELECT pg_current_xact_id()::text", &[]).await.unwrap().unwrap();
    rows::value(&row, 0).unwrap()
}

async fn status(address: &Address, batch: i64, transaction: &str) -> CommitStatus {
    resolve(address, &UnconfirmedBatch { lane: OURS, batch, transaction }).await
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn committed_and_aborted_batches_are_distinguished() {
    let (_database, address) = prepared().await;
    let session = Session::open(&address, LANE).await.unwrap();
    let committed = begin(&session).await;
    save(&session, &Changes::default(), OURS, 1).await.unwrap();
    assert_eq!(status(&address, 1, &committed).await, CommitStatus::Committed);
    let aborted = begin(&session).await;
    session.batch("ROLLBACK").await.unwrap();
    assert_eq!(status(&address, 2, &aborted).await, CommitStatus::Aborted);
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_reassigned_transaction_number_proves_nothing() {
    let (_database, address) = prepared().await;
    let session = Session::open(&address, LANE).await.unwrap();
    // After a crash: the number is assigned again, and committed by another transaction.
    let reused = begin(&session).await;
    save(&session, &Changes::default(), "lane:other", 2).await.unwrap();
    assert_eq!(status(&address, 2, &reused).await, CommitStatus::Aborted);
    // Or it has not been assigned again yet.
    let future = (reused.parse::<u64>().unwrap() + 1_000_000).to_string();
    assert_eq!(status(&address, 2, &future).await, CommitStatus::Aborted);
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_transaction_in_progress_is_waited_for() {
    let (_database, address) = prepared().await;
    let session = Session::open(&address, LANE).await.unwrap();
    let transaction = begin(&session).await;
    let asked = Instant::now();
    let finish = async {
        // There is no marker yet: that alone would look like an aborted transaction.
        tokio::time::sleep(Duration::from_millis(300)).await;
        save(&session, &Changes::default(), OURS, 3).await.unwrap();
    };
    let (status, ()) = tokio::join!(status(&address, 3, &transaction), finish);
    assert_eq!(status, CommitStatus::Committed);
    assert!(asked.elapsed() >= Duration::from_millis(300));
}
