//! Every filter of the operator's list, also those that select nothing.

use crate::Build;
use crate::filled::Filled;
use crate::report::Table;
use crate::shop::{Order, Shop};

/// Disputes that are contested before, so that there are several statuses.
const CONTESTED: usize = 20_000;
const REQUESTS: usize = 200;
const FILTERS: [&str; 14] = [
    "",
    "status=NEEDS_RESPONSE",
    "status=UNDER_REVIEW",
    "status=LOST",
    "status=EXPIRED",
    "type=CHARGEBACK",
    "type=INQUIRY",
    "merchantId=1",
    "merchantId=1&status=LOST",
    "deadlineBefore=2026-01-01T00:00:00Z",
    "deadlineBefore=2100-01-01T00:00:00Z",
    "createdAfter=2100-01-01T00:00:00Z",
    "q=B00001",
    "q=nothing",
];

pub(crate) async fn run(builds: &[Build], disputes: usize) {
    let mut table = Table::new(
        &format!("Lists, {disputes} disputes"),
        &["filter", "build", "p50 ms", "p99 ms", "CPU µs each"],
    );
    let mut shops = Vec::new();
    for Build { binary, .. } in builds {
        let mut shop = Shop::on(binary, &Filled::with(binary, disputes).await, &[]);
        let requests = shop.contests(Order::Shuffled, CONTESTED);
        shop.server().closed_loop(64, requests).await;
        shops.push(shop);
    }
    for filter in FILTERS {
        for (build, shop) in builds.iter().zip(&shops) {
            let slow_already =
                shop.server().closed_loop(1, shop.lists(filter, 3)).await.percentile(1.0) > 300.0;
            let count = if slow_already { 5 } else { REQUESTS };
            let measured = shop.server().closed_loop(1, shop.lists(filter, count)).await;
            table.row([
                if filter.is_empty() { "none".to_owned() } else { filter.to_owned() },
                build.name.to_owned(),
                format!("{:.2}", measured.percentile(0.5)),
                format!("{:.2}", measured.percentile(0.99)),
                format!("{:.0}", measured.cpu_micros),
            ]);
        }
    }
    table.print();
}
