//! On a real S3 and real databases: who may sweep, and what a copy of the database may not.

use std::fs;
use std::path::Path;

use super::*;
use crate::sweeper::bench::{Bench, open};

/// Looks at the fence as often as a gateway does within a time.
async fn look_on(
    hold: &Hold,
    bench: &Bench,
    store: &Store,
    from: Instant,
    lasting: Duration,
) -> anyhow::Result<()> {
    let mut at = from;
    while at <= from + lasting {
        hold.keep_on(&bench.bucket, store, at).await?;
        at += FENCE_EVERY;
    }
    Ok(())
}

/// A gateway that has just started in the data directory of the bench.
fn hold(bench: &Bench) -> Hold {
    hold_in(bench, bench.folder.path())
}

fn hold_in(bench: &Bench, data_dir: &Path) -> Hold {
    Hold::on(Some(bench.bucket.clone()), data_dir.join("moved.fence"))
}

/// A copy of the database, as of this very moment, and the original opened again.
async fn copy(bench: &Bench) -> (tempfile::TempDir, Store, Store) {
    let folder = tempfile::tempdir().unwrap();
    bench.store.close().await;
    fs::copy(bench.folder.path().join("rebuttal.db"), folder.path().join("rebuttal.db")).unwrap();
    let (store, copied) = (open(bench.folder.path()).await, open(folder.path()).await);
    (folder, store, copied)
}

#[tokio::test]
#[ignore = "needs an S3, which cargo xtask test starts"]
async fn a_gateway_sweeps_after_it_has_looked_on_and_while_it_looks() {
    let (bench, start) = (Bench::new().await, Instant::now());
    let hold = hold(&bench);
    look_on(&hold, &bench, &bench.store, start, LOOKED_ON - FENCE_EVERY).await.unwrap();
    assert!(!hold.is_firm(start + LOOKED_ON - FENCE_EVERY));
    assert_eq!(bench.store.sweep_fence().await.unwrap(), None, "nor has it moved anything yet");
    let firm = start + LOOKED_ON;
    hold.keep_on(&bench.bucket, &bench.store, firm).await.unwrap();
    assert!(hold.is_firm(firm) && hold.is_firm(firm + FENCE_EVERY));
    assert!(!hold.is_firm(firm + LOOK_GOOD_FOR), "a look is good for a while");
    let kept = parse(bench.store.sweep_fence().await.unwrap().as_deref()).unwrap();
    assert!(kept.is_some() && bench.bucket.fence().await.unwrap() == kept);
}

#[tokio::test]
#[ignore = "needs an S3, which cargo xtask test starts"]
async fn a_copy_of_the_database_may_not_sweep_and_the_original_goes_on() {
    let (bench, start) = (Bench::new().await, Instant::now());
    let original = hold(&bench);
    look_on(&original, &bench, &bench.store, start, LOOKED_ON).await.unwrap();
    // A rehearsal begins with a dump of this very moment.
    let (folder, store, copied) = copy(&bench).await;
    let rehearsal = hold_in(&bench, folder.path());
    rehearsal.keep_on(&bench.bucket, &copied, start).await.unwrap();
    original.keep_on(&bench.bucket, &store, start + LOOKED_ON + FENCE_EVERY).await.unwrap();
    let told = look_on(&rehearsal, &bench, &copied, start, LOOKED_ON).await.unwrap_err().to_string();
    assert!(told.contains("rehearsal") && told.contains("gateway.fence"), "{told}");
    assert!(!rehearsal.is_firm(start));
    assert!(original.is_firm(start + LOOKED_ON + FENCE_EVERY));
    // It is production from now on: an operator takes the fence away, and it begins to look on.
    bench.objects.put("gateway.fence", b"");
    look_on(&rehearsal, &bench, &copied, start, LOOKED_ON).await.unwrap();
    assert!(rehearsal.is_firm(start + LOOKED_ON));
    let told = original
        .keep_on(&bench.bucket, &store, start + 2 * LOOKED_ON)
        .await
        .map_err(|error| error.to_string());
    assert!(told.is_err() && !original.is_firm(start + 2 * LOOKED_ON), "{told:?}");
}

#[tokio::test]
#[ignore = "needs an S3, which cargo xtask test starts"]
async fn a_move_that_did_not_reach_the_bucket_is_made_up_for() {
    let (bench, start) = (Bench::new().await, Instant::now());
    let hold = hold(&bench);
    look_on(&hold, &bench, &bench.store, start, LOOKED_ON).await.unwrap();
    let told = bench.store.sweep_fence().await.unwrap();
    let lost = Fence::after(parse(told.as_deref()).unwrap()).unwrap();
    let moved = Upkeep::MoveFence { fence: lost.to_string(), instead_of: told };
    assert_eq!(step(&bench.store, clock::now(), moved).await.unwrap(), 1);
    hold.keep_on(&bench.bucket, &bench.store, start + LOOKED_ON + FENCE_EVERY).await.unwrap();
    let kept = parse(bench.store.sweep_fence().await.unwrap().as_deref()).unwrap();
    assert!(kept != Some(lost) && bench.bucket.fence().await.unwrap() == kept);
    bench.objects.put("gateway.fence", b"something else");
    let told = hold.keep(&bench.store).await.unwrap_err().to_string();
    assert!(told.contains("gateway.fence"), "{told}");
}

#[tokio::test]
#[ignore = "needs an S3, which cargo xtask test starts"]
async fn an_original_that_starts_again_moves_the_fence_before_a_copy_that_started_with_it_may() {
    let (bench, start) = (Bench::new().await, Instant::now());
    look_on(&hold(&bench), &bench, &bench.store, start, LOOKED_ON).await.unwrap();
    let (folder, store, copied) = copy(&bench).await;
    let stood = bench.bucket.fence().await.unwrap();
    let (rehearsal, original) = (hold_in(&bench, folder.path()), hold(&bench));
    rehearsal.keep_on(&bench.bucket, &copied, start).await.unwrap();
    assert_eq!(bench.bucket.fence().await.unwrap(), stood, "a copy has to look on");
    // Started again twice, and never up for as long as the copy looks on.
    for started in [original, hold(&bench)] {
        let before = bench.bucket.fence().await.unwrap();
        started.keep_on(&bench.bucket, &store, start).await.unwrap();
        let moved = bench.bucket.fence().await.unwrap();
        assert!(moved != before && moved == parse(store.sweep_fence().await.unwrap().as_deref()).unwrap());
        assert!(!started.is_firm(start), "to sweep it looks on, as everybody does");
    }
    let told = look_on(&rehearsal, &bench, &copied, start, LOOKED_ON).await.unwrap_err().to_string();
    assert!(told.contains("rehearsal") && !rehearsal.is_firm(start + LOOKED_ON), "{told}");
}

#[tokio::test]
#[ignore = "needs an S3, which cargo xtask test starts"]
async fn what_was_moved_on_or_taken_away_since_is_looked_at_first() {
    let (bench, start) = (Bench::new().await, Instant::now());
    look_on(&hold(&bench), &bench, &bench.store, start, LOOKED_ON).await.unwrap();
    let (at, stale) = (start + LOOKED_ON, bench.folder.path().join("stale"));
    fs::create_dir(&stale).unwrap();
    fs::copy(bench.folder.path().join("moved.fence"), stale.join("moved.fence")).unwrap();
    hold(&bench).keep_on(&bench.bucket, &bench.store, at).await.unwrap();
    let stood = bench.bucket.fence().await.unwrap();
    hold_in(&bench, &stale).keep_on(&bench.bucket, &bench.store, at).await.unwrap();
    assert_eq!(bench.bucket.fence().await.unwrap(), stood, "another replica has moved it since");
    bench.objects.delete("gateway.fence");
    hold(&bench).keep_on(&bench.bucket, &bench.store, at).await.unwrap();
    assert_eq!(bench.bucket.fence().await.unwrap(), None, "an operator took it away");
}
