//! Purges in bounded steps, and the limits of the committer.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rebuttal_protocol::operator::Role;
use rebuttal_protocol::{MerchantId, UnixMillis};
use rebuttal_store::{
    AccountChange, CommitError, CreatedToken, Idempotency, Maintenance, MarkedUpload, Operation, Options,
    Outcome, SingleOperation, Store, TokenHash, WriteRequest, WriteResult,
};

use crate::common::{
    APP, Fixture, NOW, code, commit, contest, detail, item, key, merchant, open, settings, upload, url,
};

async fn step(store: &Store, step: Maintenance) -> u64 {
    match commit(store, Idempotency::None, SingleOperation::Maintenance(step)).await {
        Ok(Outcome::Rows(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn purged_nonces_are_stale_whatever_the_clock_says(fixture: &Fixture) {
    let store = fixture.store().await;
    let old = fixture.nonce_at(UnixMillis(NOW.0 - 1_000));
    let kept = fixture.nonce_at(UnixMillis(NOW.0 - 999));
    for nonce in [&old, &kept] {
        commit(&store, Idempotency::Nonce(nonce.clone()), Operation::UseNonce).await.unwrap();
    }
    step(&store, Maintenance::PurgeNonces { bound: old.timestamp, limit: 10 }).await;
    // A bound never moves back.
    let back = UnixMillis(old.timestamp.0 - 500);
    assert_eq!(step(&store, Maintenance::PurgeNonces { bound: back, limit: 10 }).await, 0);
    assert_eq!(store.nonce_bound().await.unwrap(), old.timestamp);
    store.close().await;

    let store = fixture.store().await;
    let again = |nonce| commit(&store, Idempotency::Nonce(nonce), Operation::UseNonce);
    assert_eq!(code(again(old).await), "Common.Auth.StaleTimestamp");
    assert_eq!(code(again(kept).await), "Common.Auth.ReplayedNonce");
}

pub(crate) async fn newest_trusted_time_is_stored_even_if_earlier(fixture: &Fixture) {
    let store = fixture.store().await;
    assert_eq!(store.clock_trusted_at().await.unwrap(), None);
    for trusted in [NOW, NOW + Duration::from_secs(1), NOW - Duration::from_secs(3600)] {
        let request = WriteRequest::internal(trusted, SingleOperation::Maintenance(Maintenance::NoteClock));
        assert_eq!(store.commit(request).await.unwrap(), Ok(Outcome::Rows(1)));
        assert_eq!(store.clock_trusted_at().await.unwrap(), Some(trusted));
    }
    let server_time = store.server_time().await.unwrap();
    assert_eq!(server_time.is_some(), store.is_shared(), "only a server has a clock of its own");
    store.close().await;
}

pub(crate) async fn a_maintenance_step_is_bounded(fixture: &Fixture) {
    let store = fixture.store().await;
    for number in 0..25 {
        commit(&store, key(&format!("k{number}"), 1), Operation::UseNonce).await.unwrap();
    }
    let mut steps = Vec::new();
    for _ in 0..4 {
        let created_before = UnixMillis(NOW.0 + 1);
        steps.push(step(&store, Maintenance::PurgeKeys { created_before, limit: 10 }).await);
    }
    assert_eq!(steps, [10, 10, 5, 0]);
}

/// Changes under a key, by name: some create a secret or token, others do not.
fn account_change(merchant_id: MerchantId, name: &str) -> SingleOperation {
    let secret = |byte: u8| ([byte; 16], vec![byte; 44]);
    let (secret_id, ciphertext) = match name {
        "app" => secret(1),
        _ => secret(2),
    };
    let (app_id, settings) = (APP, settings());
    let overlap_until = NOW;
    SingleOperation::Account(match name {
        "app" => AccountChange::CreateApp { merchant_id, app_id, settings, secret_id, ciphertext },
        "rotate" => AccountChange::RotateSecret {
            merchant_id,
            app_id,
            secret_id,
            ciphertext,
            overlap_until: Some(overlap_until),
        },
        "token" => AccountChange::CreateToken(CreatedToken {
            name: "alice".parse().unwrap(),
            role: Role::Viewer,
            hash: TokenHash([7; 32]),
            ciphertext,
        }),
        "change" => AccountChange::ChangeApp { merchant_id, app_id, settings },
        _ => AccountChange::CreateMerchant {
            // A name that looks like what is searched for.
            name: "\"sealed\"".parse().unwrap(),
            time_zone: "UTC".parse().unwrap(),
        },
    })
}

pub(crate) async fn secret_is_purged_from_its_key_and_not_recreated(fixture: &Fixture) {
    const SHOWN_FOR: Duration = Duration::from_secs(86_400);
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let requests = |name: &str| account_change(merchant_id, name);
    let send = |name: &'static str| commit(&store, key(name, 1), requests(name));
    let (made, plain) = (["app", "rotate", "token"], ["change", "merchant"]);
    let mut first = Vec::new();
    for name in made.iter().chain(&plain) {
        first.push(send(name).await.unwrap());
    }
    // Even if maintenance is late, because the clock is not trusted, nothing is shown for longer.
    let send_after = async |name: &'static str, age: Duration| {
        let (idempotency, operation) = (key(name, 1), requests(name));
        let arrived_at = NOW + age;
        store.commit(WriteRequest { arrived_at, idempotency, token: None, operation }).await.unwrap()
    };
    for (name, first) in made.iter().chain(&plain).zip(&first) {
        assert_eq!(
            send_after(name, SHOWN_FOR - Duration::from_millis(1)).await.as_ref(),
            Ok(first),
            "{name}"
        );
        let over = send_after(name, SHOWN_FOR).await;
        match made.contains(name) {
            true => assert_eq!(over.unwrap_err().code().as_str(), "Operator.Conflict", "{name}"),
            false => assert_eq!(over.as_ref(), Ok(first), "{name}"),
        }
    }
    let forget = |at: i64, limit| {
        step(&store, Maintenance::ForgetShownSecrets { created_before: UnixMillis(at), limit })
    };
    assert_eq!(forget(NOW.0, 10).await, 0, "too young");
    for (name, first) in made.iter().chain(&plain).zip(&first) {
        assert_eq!(send(name).await.as_ref(), Ok(first), "{name}");
    }
    assert_eq!(
        [forget(NOW.0 + 1, 2).await, forget(NOW.0 + 1, 2).await, forget(NOW.0 + 1, 2).await],
        [2, 1, 0]
    );
    for name in made {
        let refused = send(name).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "Operator.Conflict");
        assert!(refused.to_string().contains("not kept any more"), "{name}: {refused}");
    }
    for (name, first) in plain.iter().zip(&first[made.len()..]) {
        assert_eq!(send(name).await.as_ref(), Ok(first), "{name}");
    }
    let other = commit(&store, key("app", 2), requests("app")).await.unwrap_err();
    assert!(other.to_string().contains("used for another request"), "{other}");
    assert_eq!(store.apps_of(merchant_id).await.unwrap().len(), 1);
    assert_eq!(store.app(APP).await.unwrap().unwrap().secrets.len(), 2, "what verifies stays");
    assert!(store.token(TokenHash([7; 32])).await.unwrap().is_some());
}

pub(crate) async fn the_fencing_token_is_replaced_only_if_it_is_the_expected_one(fixture: &Fixture) {
    let store = fixture.store().await;
    let advanced = async |fence: &str, expected: Option<&str>| {
        let (fence, expected) = (fence.to_owned(), expected.map(str::to_owned));
        let rows = step(&store, Maintenance::AdvanceFence { fence, expected }).await;
        (rows, store.sweep_fence().await.unwrap().unwrap())
    };
    assert_eq!(store.sweep_fence().await.unwrap(), None);
    assert_eq!(advanced("1-a", None).await, (1, "1-a".to_owned()));
    assert_eq!(advanced("1-b", None).await, (0, "1-a".to_owned()));
    assert_eq!(advanced("2-b", Some("1-b")).await, (0, "1-a".to_owned()));
    assert_eq!(advanced("2-b", Some("1-a")).await, (1, "2-b".to_owned()));
}

pub(crate) async fn unreferenced_uploads_are_deleted_and_others_stay(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let (one, two) = (open(&store, merchant_id, "D1").await, open(&store, merchant_id, "D2").await);
    let (used, unused) = (url(merchant_id, 1), url(merchant_id, 2));
    upload(&store, used, 1).await.unwrap();
    upload(&store, unused, 2).await.unwrap();
    let try_contest = |no, url| {
        let operation = contest(merchant_id, no, vec![item(Some(url))]);
        commit(&store, Idempotency::Nonce(fixture.nonce()), operation)
    };
    assert_eq!(code(try_contest(&one, used).await), "OK");

    let mark = |before| Maintenance::MarkUnreferenced { uploaded_before: before, limit: 10 };
    assert_eq!(step(&store, mark(NOW)).await, 0, "too young");
    assert_eq!(step(&store, mark(UnixMillis(NOW.0 + 1))).await, 1);
    assert_eq!(code(try_contest(&two, unused).await), "Evidence.NotUploaded", "a marked file is gone");
    assert_eq!(code(upload(&store, unused, 2).await), "Operator.Conflict", "and not recorded again");
    assert_eq!(code(try_contest(&two, used).await), "OK");

    assert!(store.marked(NOW, None, 10).await.unwrap().is_empty(), "marked just now");
    assert_eq!(
        store.marked(UnixMillis(NOW.0 + 1), None, 10).await.unwrap(),
        [MarkedUpload { at: NOW, url: unused }]
    );
    let forget = Maintenance::ForgetUploads { urls: vec![used, unused] };
    assert_eq!(step(&store, forget).await, 1);
    assert!(store.upload(used).await.unwrap().is_some() && store.upload(unused).await.unwrap().is_none());
    assert_eq!(detail(&store, &two).await.submissions.len(), 1);
}

pub(crate) async fn marked_uploads_are_paged_after_deletions(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let urls: BTreeSet<_> = (0..5).map(|number| url(merchant_id, number).key()).collect();
    for number in 0..5 {
        upload(&store, url(merchant_id, number), 1).await.unwrap();
    }
    let soon = UnixMillis(NOW.0 + 1);
    assert_eq!(step(&store, Maintenance::MarkUnreferenced { uploaded_before: soon, limit: 10 }).await, 5);
    let (mut after, mut paged) = (None, Vec::new());
    for length in [2, 2, 1, 0] {
        let page = store.marked(soon, after, 2).await.unwrap();
        assert_eq!(page.len(), length);
        paged.extend(page.iter().map(|marked| marked.url.key()));
        after = page.last().copied().or(after);
        if let Some(MarkedUpload { url, .. }) = page.first().copied() {
            assert_eq!(step(&store, Maintenance::ForgetUploads { urls: vec![url] }).await, 1);
        }
    }
    assert_eq!((paged.len(), paged.into_iter().collect()), (5, urls), "each once");
}

pub(crate) async fn a_full_queue_refuses_and_changes_nothing(fixture: &Fixture) {
    let store = fixture.store_with(&Options { queue_max: 1, ..Options::default() }).await;
    let works = (0..2_000).map(|_| {
        let (store, nonce) = (store.clone(), fixture.nonce());
        tokio::spawn(async move {
            let request = WriteRequest {
                arrived_at: NOW,
                idempotency: Idempotency::Nonce(nonce.clone()),
                token: None,
                operation: Operation::UseNonce,
            };
            (nonce, store.commit(request).await)
        })
    });
    let mut refused = Vec::new();
    for request in works.collect::<Vec<_>>() {
        match request.await.unwrap() {
            (_, Ok(answer)) => assert_eq!(answer, Ok(Outcome::Nothing)),
            (nonce, Err(error)) => {
                assert!(matches!(error, CommitError::Unavailable(_)), "{error}");
                refused.push(nonce);
            }
        }
    }
    assert!(!refused.is_empty(), "the queue was never full");
    for nonce in refused {
        assert_eq!(
            commit(&store, Idempotency::Nonce(nonce), Operation::UseNonce).await,
            Ok(Outcome::Nothing)
        );
    }
}

pub(crate) async fn closing_finishes_waiting_requests(fixture: &Fixture) {
    let store = fixture.store().await;
    let works: Vec<_> = (0..500)
        .map(|_| {
            let (store, nonce) = (store.clone(), fixture.nonce());
            tokio::spawn(async move {
                let request = WriteRequest {
                    arrived_at: NOW,
                    idempotency: Idempotency::Nonce(nonce.clone()),
                    token: None,
                    operation: Operation::UseNonce,
                };
                (nonce, store.commit(request).await)
            })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    let mut answered: Vec<(_, WriteResult)> = Vec::new();
    for request in works {
        match request.await.unwrap() {
            (nonce, Ok(answer)) => answered.push((nonce, answer)),
            (_, Err(error)) => assert!(matches!(error, CommitError::Unavailable(_)), "{error}"),
        }
    }
    drop(store);
    let store = fixture.store().await;
    for (nonce, answer) in answered {
        assert_eq!(answer, Ok(Outcome::Nothing));
        assert_eq!(
            code(commit(&store, Idempotency::Nonce(nonce), Operation::UseNonce).await),
            "Common.Auth.ReplayedNonce"
        );
    }
}

pub(crate) async fn a_purge_delays_no_contest(fixture: &Fixture) {
    /// Far more than a step and a commit take, far less than a purge of everything in one step would on a busy machine.
    const WAIT_MAX: Duration = Duration::from_secs(1);
    const NONCES: u64 = 40_000;
    const STEP: u32 = 1_000;
    let store = fixture.store().await;
    let mut uses = tokio::task::JoinSet::new();
    for number in 0..NONCES {
        let (store, nonce) = (store.clone(), fixture.nonce_at(UnixMillis(NOW.0 - 1_000)));
        uses.spawn(
            async move { commit(&store, Idempotency::Nonce(nonce), Operation::UseNonce).await.unwrap() },
        );
        // As many as the queue's limit.
        if number % 2_000 == 0 {
            while uses.join_next().await.transpose().unwrap().is_some() {}
        }
    }
    uses.join_all().await;
    let bound = UnixMillis(NOW.0 - 1_000);
    let purge = async {
        let started = Instant::now();
        while step(&store, Maintenance::PurgeNonces { bound, limit: STEP }).await >= STEP.into() {}
        started.elapsed()
    };
    let contests = async {
        let mut longest = Duration::ZERO;
        for _ in 0..200 {
            let started = Instant::now();
            commit(&store, Idempotency::Nonce(fixture.nonce()), Operation::UseNonce).await.unwrap();
            longest = longest.max(started.elapsed());
        }
        longest
    };
    let (purged, longest) = tokio::join!(purge, contests);
    assert!(longest < WAIT_MAX.max(purged / 4), "a change waited {longest:?} for a purge of {purged:?}");
}
