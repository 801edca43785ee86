//! Data migration: everything is copied, an interrupted migration continues, and neither side is served too early or
//! too late.

use rebuttal_protocol::{Extent, FileFormat, FileInspection, UnixMillis};
use rebuttal_store::{
    AccountChange, DataMigration, DataMigrationError, Idempotency, Maintenance, Operation, Options,
    SingleOperation, Store, StoreError, TokenHash,
};

use crate::common::{
    self, Fixture, NOW, commit, contest, detail, item, merchant, open, upload, upload_inspected, url,
};
use futures_util::future::join_all;

const DISPUTES: usize = 2_500;

/// A database with rows in every table, and more disputes than one page.
async fn furnished() -> Fixture {
    let fixture = Fixture::sqlite();
    let store = fixture.store().await;
    crate::accounts::a_repeated_key_returns_the_account_as_it_was(&fixture).await;
    let merchant_id = merchant(&store).await;
    upload(&store, url(merchant_id, 2), 2).await.unwrap();
    let mark = Maintenance::MarkUnreferenced { uploaded_before: UnixMillis(NOW.0 + 1), limit: 1 };
    commit(&store, Idempotency::None, SingleOperation::Maintenance(mark)).await.unwrap();
    let inspection = FileInspection::new(FileFormat::Png, Extent::Pixels { width: 1, height: 2 }, [].into());
    upload_inspected(&store, url(merchant_id, 1), 1, Some(inspection)).await.unwrap();
    upload(&store, url(merchant_id, 3), 3).await.unwrap();
    let numbers: Vec<_> = (0..DISPUTES).map(|number| format!("M{number:05}")).collect();
    join_all(numbers.iter().map(|no| open(&store, merchant_id, no))).await;
    for number in 0..50 {
        let operation = contest(
            merchant_id,
            &format!("M{number:05}").parse().unwrap(),
            vec![item(Some(url(merchant_id, 1)))],
        );
        commit(&store, Idempotency::Nonce(fixture.nonce()), operation).await.unwrap();
    }
    // Below the nonce bound, so it is not migrated.
    commit(&store, Idempotency::Nonce(fixture.nonce_at(UnixMillis(NOW.0 - 900_000))), Operation::UseNonce)
        .await
        .unwrap();
    let bound = UnixMillis(NOW.0 - 600_000);
    commit(
        &store,
        Idempotency::None,
        SingleOperation::Maintenance(Maintenance::PurgeNonces { bound, limit: 0 }),
    )
    .await
    .unwrap();
    let fence = Maintenance::AdvanceFence { fence: "1-a".to_owned(), expected: None };
    commit(&store, Idempotency::None, SingleOperation::Maintenance(fence)).await.unwrap();
    for identity in [[5; 16], [6; 16]] {
        commit(
            &store,
            Idempotency::None,
            SingleOperation::Account(AccountChange::SetInstallationId { identity }),
        )
        .await
        .unwrap();
    }
    let token = AccountChange::PutToken { name: "night-shift".parse().unwrap(), hash: TokenHash([9; 32]) };
    commit(&store, Idempotency::None, SingleOperation::Account(token)).await.unwrap();
    let revoked = AccountChange::RevokeToken { name: "night-shift".parse().unwrap() };
    commit(&store, Idempotency::None, SingleOperation::Account(revoked)).await.unwrap();
    store.close().await;
    fixture
}

async fn moved(
    from: &Fixture,
    to: &Fixture,
) -> Result<Vec<rebuttal_store::MigratedTable>, DataMigrationError> {
    DataMigration::open(&from.location(), &to.location()).await?.run(|_| {}).await
}

async fn opened(fixture: &Fixture) -> Result<Store, StoreError> {
    Store::open(&fixture.location(), &Options::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn everything_arrives_and_resumes() {
    let (from, to) = (furnished().await, Fixture::postgres());
    let tables = moved(&from, &to).await.unwrap();
    assert!(tables.iter().all(|table| table.rows > 0), "an empty table proves nothing: {tables:?}");

    let store = to.store().await;
    for number in [0, 49, DISPUTES - 1] {
        let no = format!("M{number:05}").parse().unwrap();
        let detail = detail(&store, &no).await;
        assert_eq!(detail.submissions.len(), usize::from(number < 50));
    }
    // Numbers continue after the source's, keys and nonces stay used, and the nonce bound is copied.
    let last = from.ask("SELECT CAST(max(merchant_id) AS TEXT) FROM merchants");
    assert_eq!(u64::from(merchant(&store).await.number()).to_string(), {
        let last: u64 = last.first().unwrap().parse().unwrap();
        (last + 1).to_string()
    });
    assert_eq!(store.nonce_bound().await.unwrap(), UnixMillis(NOW.0 - 600_000));
    let used = from.ask("SELECT nonce FROM nonces ORDER BY timestamp DESC LIMIT 1");
    let mut again = from.nonce();
    again.nonce = used.first().unwrap().parse().unwrap();
    assert!(common::is_replay(&commit(&store, Idempotency::Nonce(again), Operation::UseNonce).await));

    // Fence, identity and `min_binary` are copied with the tables.
    assert_eq!(store.sweep_fence().await.unwrap().as_deref(), Some("1-a"));
    assert_eq!(store.identity().await.unwrap().as_deref(), Some([5; 16].as_slice()));
    assert_eq!((store.token(TokenHash([9; 32])).await.unwrap(), to.meta("min_binary").as_str()), (None, "3"));

    // The old data is not served any more, and cannot be migrated twice.
    assert!(matches!(opened(&from).await, Err(StoreError::DataMigrated { .. })));
    assert!(matches!(moved(&from, &Fixture::postgres()).await, Err(DataMigrationError::DataMigrated(_))));
    assert!(matches!(moved(&furnished().await, &to).await, Err(DataMigrationError::NotEmpty)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_move_that_was_broken_off_goes_on_where_it_stopped() {
    let (from, to) = (furnished().await, Fixture::postgres());
    // Interrupted after every page, and run again each time.
    let mut breaks = 0;
    loop {
        let (stop, mut stopped) = tokio::sync::mpsc::unbounded_channel();
        let migration = DataMigration::open(&from.location(), &to.location()).await.unwrap();
        let run = migration.run(move |progress| {
            let _ = stop.send(progress);
        });
        let moved = tokio::select! {
            biased;
            Some(_) = stopped.recv(), if breaks < 12 => None,
            moved = run => Some(moved.unwrap()),
        };
        if let Some(tables) = moved {
            assert!(tables.iter().any(|table| table.name == "disputes" && table.rows >= DISPUTES as u64));
            break;
        }
        breaks += 1;
        assert!(
            matches!(opened(&to).await, Err(StoreError::DataMigrationUnfinished)),
            "an incomplete migration is not served"
        );
        opened(&from).await.unwrap().close().await;
    }
    assert_eq!(breaks, 12);
    detail(&to.store().await, &"M00000".parse().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn difference_after_the_copy_stops_the_switch_over() {
    let (from, to) = (furnished().await, Fixture::postgres());
    let migration = DataMigration::open(&from.location(), &to.location()).await.unwrap();
    let meddled = migration.run(|progress| {
        if progress.table == "outbox" && progress.step == rebuttal_store::DataMigrationStep::Copying {
            to.tamper("UPDATE submissions SET submitted_at = submitted_at + 1");
        }
    });
    assert!(matches!(meddled.await, Err(DataMigrationError::Differs { table: "submissions", .. })));
    assert!(matches!(opened(&to).await, Err(StoreError::DataMigrationUnfinished)));
    opened(&from).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn one_direction_and_one_data_migration_at_a_time() {
    let (from, to) = (furnished().await, Fixture::postgres());
    let direction = |outcome: Result<DataMigration, DataMigrationError>| {
        matches!(outcome.err(), Some(DataMigrationError::Direction))
    };
    assert!(direction(DataMigration::open(&to.location(), &from.location()).await));
    assert!(direction(DataMigration::open(&from.location(), &from.location()).await));
    let first = DataMigration::open(&from.location(), &to.location()).await.unwrap();
    assert!(matches!(
        DataMigration::open(&from.location(), &to.location()).await.err(),
        Some(DataMigrationError::Busy)
    ));
    first.run(|_| {}).await.unwrap();
    // Run again after its end.
    assert!(matches!(moved(&from, &to).await, Err(DataMigrationError::DataMigrated(_))));
}
