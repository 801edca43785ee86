//! Tests with a real S3 server and real databases: which gateway may sweep, and what a copy of the database may not.

use std::fs;
use std::path::Path;

use super::*;
use crate::jobs::fixture::{Fixture, open};

/// Checks the fence at the interval of a gateway, for a period.
async fn observe(
    hold: &FenceHold,
    fixture: &Fixture,
    store: &Store,
    from: Instant,
    period: Duration,
) -> anyhow::Result<()> {
    let mut at = from;
    while at <= from + period {
        hold.refresh_at(&fixture.bucket, store, at).await?;
        at += FENCE_EVERY;
    }
    Ok(())
}

/// A gateway that has just started with the data directory of the fixture.
fn hold(fixture: &Fixture) -> FenceHold {
    hold_in(fixture, fixture.folder.path())
}

fn hold_in(fixture: &Fixture, data_dir: &Path) -> FenceHold {
    FenceHold::on(Some(fixture.bucket.clone()), data_dir.join("advanced.fence"))
}

/// Copies the database as of now, and opens the copy and the original.
async fn copy(fixture: &Fixture) -> (tempfile::TempDir, Store, Store) {
    let folder = tempfile::tempdir().unwrap();
    fixture.store.close().await;
    fs::copy(fixture.folder.path().join("rebuttal.db"), folder.path().join("rebuttal.db")).unwrap();
    let (store, copied) = (open(fixture.folder.path()).await, open(folder.path()).await);
    (folder, store, copied)
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn gateway_sweeps_only_after_observing_the_fence() {
    let (fixture, start) = (Fixture::new().await, Instant::now());
    let hold = hold(&fixture);
    observe(&hold, &fixture, &fixture.store, start, OBSERVATION - FENCE_EVERY).await.unwrap();
    assert!(!hold.is_held(start + OBSERVATION - FENCE_EVERY));
    assert_eq!(fixture.store.sweep_fence().await.unwrap(), None, "it has not advanced the fence yet");
    let held = start + OBSERVATION;
    hold.refresh_at(&fixture.bucket, &fixture.store, held).await.unwrap();
    assert!(hold.is_held(held) && hold.is_held(held + FENCE_EVERY));
    assert!(!hold.is_held(held + CHECK_VALID_FOR), "a check expires");
    let kept = parse(fixture.store.sweep_fence().await.unwrap().as_deref()).unwrap();
    assert!(kept.is_some() && fixture.bucket.fence().await.unwrap() == kept);
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn only_the_original_of_a_copied_database_sweeps() {
    let (fixture, start) = (Fixture::new().await, Instant::now());
    let original = hold(&fixture);
    observe(&original, &fixture, &fixture.store, start, OBSERVATION).await.unwrap();
    // A rehearsal begins with a dump of this moment.
    let (folder, store, copied) = copy(&fixture).await;
    let rehearsal = hold_in(&fixture, folder.path());
    rehearsal.refresh_at(&fixture.bucket, &copied, start).await.unwrap();
    original.refresh_at(&fixture.bucket, &store, start + OBSERVATION + FENCE_EVERY).await.unwrap();
    let message = observe(&rehearsal, &fixture, &copied, start, OBSERVATION).await.unwrap_err().to_string();
    assert!(message.contains("rehearsal") && message.contains("gateway.fence"), "{message}");
    assert!(!rehearsal.is_held(start));
    assert!(original.is_held(start + OBSERVATION + FENCE_EVERY));
    // The copy becomes production: an operator deletes the fence, and it begins to observe.
    fixture.objects.put("gateway.fence", b"");
    observe(&rehearsal, &fixture, &copied, start, OBSERVATION).await.unwrap();
    assert!(rehearsal.is_held(start + OBSERVATION));
    let outcome = original
        .refresh_at(&fixture.bucket, &store, start + 2 * OBSERVATION)
        .await
        .map_err(|error| error.to_string());
    assert!(outcome.is_err() && !original.is_held(start + 2 * OBSERVATION), "{outcome:?}");
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn move_that_did_not_reach_the_bucket_is_completed() {
    let (fixture, start) = (Fixture::new().await, Instant::now());
    let hold = hold(&fixture);
    observe(&hold, &fixture, &fixture.store, start, OBSERVATION).await.unwrap();
    let stored = fixture.store.sweep_fence().await.unwrap();
    let lost = Fence::after(parse(stored.as_deref()).unwrap()).unwrap();
    let advanced = Maintenance::AdvanceFence { fence: lost.to_string(), expected: stored };
    assert_eq!(step(&fixture.store, clock::now(), advanced).await.unwrap(), 1);
    hold.refresh_at(&fixture.bucket, &fixture.store, start + OBSERVATION + FENCE_EVERY).await.unwrap();
    let kept = parse(fixture.store.sweep_fence().await.unwrap().as_deref()).unwrap();
    assert!(kept != Some(lost) && fixture.bucket.fence().await.unwrap() == kept);
    fixture.objects.put("gateway.fence", b"something else");
    let message = hold.refresh(&fixture.store).await.unwrap_err().to_string();
    assert!(message.contains("gateway.fence"), "{message}");
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn restarted_original_advances_the_fence_before_a_copy_may() {
    let (fixture, start) = (Fixture::new().await, Instant::now());
    observe(&hold(&fixture), &fixture, &fixture.store, start, OBSERVATION).await.unwrap();
    let (folder, store, copied) = copy(&fixture).await;
    let before = fixture.bucket.fence().await.unwrap();
    let (rehearsal, original) = (hold_in(&fixture, folder.path()), hold(&fixture));
    rehearsal.refresh_at(&fixture.bucket, &copied, start).await.unwrap();
    assert_eq!(fixture.bucket.fence().await.unwrap(), before, "a copy has to observe first");
    // Restarted twice, each time for less than the copy's observation.
    for started in [original, hold(&fixture)] {
        let previous = fixture.bucket.fence().await.unwrap();
        started.refresh_at(&fixture.bucket, &store, start).await.unwrap();
        let advanced = fixture.bucket.fence().await.unwrap();
        assert!(
            advanced != previous && advanced == parse(store.sweep_fence().await.unwrap().as_deref()).unwrap()
        );
        assert!(!started.is_held(start), "to sweep, it must observe as well");
    }
    let message = observe(&rehearsal, &fixture, &copied, start, OBSERVATION).await.unwrap_err().to_string();
    assert!(message.contains("rehearsal") && !rehearsal.is_held(start + OBSERVATION), "{message}");
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn fence_moved_or_deleted_since_is_observed_first() {
    let (fixture, start) = (Fixture::new().await, Instant::now());
    observe(&hold(&fixture), &fixture, &fixture.store, start, OBSERVATION).await.unwrap();
    let (at, stale) = (start + OBSERVATION, fixture.folder.path().join("stale"));
    fs::create_dir(&stale).unwrap();
    fs::copy(fixture.folder.path().join("advanced.fence"), stale.join("advanced.fence")).unwrap();
    hold(&fixture).refresh_at(&fixture.bucket, &fixture.store, at).await.unwrap();
    let before = fixture.bucket.fence().await.unwrap();
    hold_in(&fixture, &stale).refresh_at(&fixture.bucket, &fixture.store, at).await.unwrap();
    assert_eq!(fixture.bucket.fence().await.unwrap(), before, "another replica has advanced it since");
    fixture.objects.delete("gateway.fence");
    hold(&fixture).refresh_at(&fixture.bucket, &fixture.store, at).await.unwrap();
    assert_eq!(fixture.bucket.fence().await.unwrap(), None, "an operator deleted it");
}
