//! Rows that become visible later than newer ones: no walk through a list misses one that was answered before it began.

use rebuttal_protocol::MerchantId;
use rebuttal_testbed::postgres::Database;

use super::super::session::Session;
use super::prepared;
use crate::{AccountChange, Act, Done, Filter, Location, Once, Options, Store, Work};
use rebuttal_protocol::UnixMillis;

const DISPUTE: &str = "INSERT INTO disputes (dispute_no, merchant_id, status, stage, deadline, sequence, head, opening, \
     payment_no, merchant_trade_no, payment_amount, dispute_amount, currency, dispute_reason, created_at) \
     SELECT 'D' || n, 1, 'NEEDS_RESPONSE', 'CHARGEBACK', 99, 1, decode(repeat('00', 32), 'hex'), \
     decode(repeat('00', 32), 'hex'), 'P', 'T', 100, 100, 'USD', 'r', n FROM generate_series";

async fn open(database: &Database) -> Store {
    let location: Location = database.url().parse().unwrap();
    Store::open(&location, &Options::default()).await.unwrap()
}

#[tokio::test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_walk_meets_a_dispute_that_commits_while_it_goes_on() {
    let (database, address) = prepared().await;
    database.query("INSERT INTO merchants VALUES (1, 'm', 'UTC', 0)");
    database.query(&format!("{DISPUTE} (11, 20) AS n"));
    let late = Session::plain(&address).await.unwrap();
    late.batch(&format!("BEGIN; {DISPUTE} (1, 3) AS n")).await.unwrap();
    let store = open(&database).await;
    let first = store.list(Filter { limit: 5, ..Filter::default() }).await.unwrap();
    late.batch("COMMIT").await.unwrap();
    let rest = store.list(Filter { limit: 50, after: first.next, ..Filter::default() }).await.unwrap();
    let met: Vec<i64> = first.items.iter().chain(&rest.items).map(|item| item.created_at.0).collect();
    assert_eq!(met, (11..=20).rev().chain((1..=3).rev()).collect::<Vec<_>>());
}

/// Merchants are listed by number, upwards: one that became visible after a higher one would be passed over for good.
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
            let act = Act::Account(AccountChange::CreateMerchant { name, time_zone });
            let work = Work { arrived_at: UnixMillis(1), once: Once::Always, act };
            assert!(matches!(store.commit(work).await.unwrap(), Ok(Done::Merchant(_))));
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
    assert_eq!(met.len(), 60, "a merchant was passed over");
}
