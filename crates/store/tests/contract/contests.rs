//! What a contest stores, and what it does not.

use std::collections::{BTreeMap, BTreeSet};

use rebuttal_disputes::{Command, EvidenceFault};
use rebuttal_protocol::dispute::{Event, Status};
use rebuttal_protocol::{Extent, FileFormat, FileInspection, Note, operator};
use rebuttal_store::{CommitError, Idempotency, Operation, WriteRequest};

use crate::common::{
    DEADLINE, Fixture, NOW, code, commit, contest, detail, found, is_replay, item, merchant, open, opening,
    operation, operator, upload, upload_inspected, url,
};

pub(crate) async fn a_contest_is_committed_as_a_whole(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    for file in [1, 2] {
        upload(&store, url(merchant_id, file), file).await.unwrap();
    }
    let items = vec![item(Some(url(merchant_id, 2))), item(Some(url(merchant_id, 1)))];
    commit(&store, Idempotency::Nonce(fixture.nonce()), contest(merchant_id, &no, items)).await.unwrap();

    let detail = detail(&store, &no).await;
    assert_eq!(detail.record.state.status, Status::UnderReview);
    let events: Vec<_> = detail.history.iter().map(|entry| (entry.event, entry.actor.as_str())).collect();
    let app = format!("app:{}", crate::common::APP);
    assert_eq!(events, [(Event::Opened, "operator:night shift"), (Event::Contested, app.as_str())]);
    let [submission] = &detail.submissions[..] else { panic!("{:?}", detail.submissions) };
    assert_eq!(submission.submitted_at, NOW);
    let files: Vec<_> = submission.evidence.iter().map(|item| item.file.clone()).collect();
    assert_eq!(files, [found(2), found(1)]);
}

pub(crate) async fn a_rejected_contest_writes_only_its_nonce(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    let before = detail(&store, &no).await;
    let nonce = fixture.nonce();
    let refused = || contest(merchant_id, &no, vec![item(Some(url(merchant_id, 1)))]);
    let answer = commit(&store, Idempotency::Nonce(nonce.clone()), refused()).await;
    assert_eq!(code(answer), "Evidence.NotUploaded");
    assert_eq!(detail(&store, &no).await, before);
    assert!(is_replay(&commit(&store, Idempotency::Nonce(nonce), refused()).await));
}

pub(crate) async fn another_merchants_dispute_is_not_found(fixture: &Fixture) {
    let store = fixture.store().await;
    let (mine, theirs) = (merchant(&store).await, merchant(&store).await);
    let no = open(&store, theirs, "D1").await;
    upload(&store, url(mine, 1), 1).await.unwrap();
    let absent = "D2".parse().unwrap();
    let mut refusals = Vec::new();
    for no in [&no, &absent] {
        let operation = contest(mine, no, vec![item(Some(url(mine, 1)))]);
        refusals.push(commit(&store, Idempotency::Nonce(fixture.nonce()), operation).await.unwrap_err());
    }
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(refusals[0].code().as_str(), "Dispute.NotFound");
}

pub(crate) async fn the_inspection_that_is_recorded_first_is_kept(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let [inspected, old, newer] = [1, 2, 3].map(|file| url(merchant_id, file));
    let pages = |number| FileInspection::new(FileFormat::Pdf, Extent::Pages(number), [Note::Xfa].into());
    for inspection in [Some(pages(7)), Some(pages(8)), None] {
        upload_inspected(&store, inspected, 1, inspection).await.unwrap();
    }
    for inspection in [None, Some(pages(8))] {
        upload_inspected(&store, old, 2, inspection).await.unwrap();
    }
    upload_inspected(&store, newer, 3, Some(pages(9))).await.unwrap();
    // Of a newer version, which looks for more.
    fixture.tamper(&format!(
        r#"UPDATE uploads SET inspection = '{{"mediaType":"image/avif","pages":9,"notes":["XFA","ODD"],"hue":1}}'
        WHERE url = '{}'"#,
        newer.key()
    ));
    let found = store.inspections(vec![inspected, old, newer, url(merchant_id, 4)]).await.unwrap();
    let found: BTreeMap<_, _> =
        found.iter().map(|(url, found)| (*url, (found.extent, found.notes.clone()))).collect();
    let notes = |notes: &[&str]| notes.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let expected = [
        (inspected, (Extent::Pages(7), notes(&["XFA"]))),
        (newer, (Extent::Pages(9), notes(&["ODD", "XFA"]))),
    ];
    assert_eq!(found, BTreeMap::from(expected));
}

pub(crate) async fn evidence_is_what_was_uploaded_by_this_merchant(fixture: &Fixture) {
    let store = fixture.store().await;
    let (mine, theirs) = (merchant(&store).await, merchant(&store).await);
    let no = open(&store, mine, "D1").await;
    upload(&store, url(mine, 1), 1).await.unwrap();
    upload(&store, url(theirs, 2), 2).await.unwrap();
    assert_eq!(code(upload(&store, url(mine, 1), 9).await), "Operator.Conflict");
    assert_eq!(code(upload(&store, url(mine, 1), 1).await), "OK");
    for (items, expected) in [
        (vec![item(None)], "Evidence.NotFound"),
        (vec![item(Some(url(theirs, 2)))], "Evidence.NotFound"),
        (vec![item(Some(url(mine, 3)))], "Evidence.NotUploaded"),
        (vec![item(Some(url(mine, 3))), item(None)], "Evidence.NotFound"),
        (vec![item(Some(url(mine, 1))), item(Some(url(mine, 3)))], "Evidence.NotUploaded"),
    ] {
        let answer = commit(&store, Idempotency::Nonce(fixture.nonce()), contest(mine, &no, items)).await;
        assert_eq!(code(answer), expected);
    }
    for (file, expected) in [
        (Err(EvidenceFault::NotUploaded), "Evidence.NotUploaded"),
        (Ok(found(9)), "File.ContentMismatch"),
        (Err(EvidenceFault::Unreadable), "Common.System.Unavailable"),
    ] {
        let mut altered = contest(mine, &no, vec![item(Some(url(mine, 1)))]);
        if let Operation::Command { command: Command::Contest { items, .. }, .. } = &mut altered {
            items[0].file = file;
        }
        assert_eq!(code(commit(&store, Idempotency::Nonce(fixture.nonce()), altered).await), expected);
    }
    let whole = contest(mine, &no, vec![item(Some(url(mine, 1)))]);
    assert_eq!(code(commit(&store, Idempotency::Nonce(fixture.nonce()), whole).await), "OK");
}

pub(crate) async fn one_contest_of_many_wins(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    for file in 0..64 {
        upload(&store, url(merchant_id, file), file).await.unwrap();
    }
    let contests = (0..64).map(|file| {
        let operation = contest(merchant_id, &no, vec![item(Some(url(merchant_id, file)))]);
        let (store, idempotency) = (store.clone(), Idempotency::Nonce(fixture.nonce()));
        tokio::spawn(async move { code(commit(&store, idempotency, operation).await) })
    });
    let mut won = 0;
    for contest in contests.collect::<Vec<_>>() {
        match contest.await.unwrap().as_str() {
            "OK" => won += 1,
            other => assert_eq!(other, "Dispute.InvalidState"),
        }
    }
    assert_eq!(won, 1);
    let detail = detail(&store, &no).await;
    assert_eq!((detail.history.len(), detail.submissions.len()), (2, 1));
}

pub(crate) async fn a_request_sees_those_before_it_in_its_batch(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    upload(&store, url(merchant_id, 1), 1).await.unwrap();
    // Sent together, they are in one batch or two; in both cases each sees the earlier ones.
    let opened = commit(
        &store,
        Idempotency::None,
        Operation::Open { opening: opening(merchant_id, "D1", DEADLINE), actor: operator() },
    );
    let no = "D1".parse().unwrap();
    let contested = commit(
        &store,
        Idempotency::Nonce(fixture.nonce()),
        contest(merchant_id, &no, vec![item(Some(url(merchant_id, 1)))]),
    );
    let withdrawn = commit(
        &store,
        Idempotency::None,
        operation(&no, Command::Operator(operator::OperatorAction::Withdraw { note: None })),
    );
    let (opened, contested, withdrawn) = tokio::join!(opened, contested, withdrawn);
    assert_eq!([code(opened), code(contested), code(withdrawn)], ["OK", "OK", "OK"]);
    let detail = detail(&store, &no).await;
    assert_eq!(detail.record.state.status, Status::Withdrawn);
    assert_eq!(detail.history.len(), 3);
}

pub(crate) async fn one_refused_request_of_many_fails_alone(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let unknown_merchant = 999.try_into().unwrap();
    let open = |merchant_id, no: String| {
        let operation = Operation::Open { opening: opening(merchant_id, &no, DEADLINE), actor: operator() };
        let store = store.clone();
        async move {
            store
                .commit(WriteRequest {
                    arrived_at: NOW,
                    idempotency: Idempotency::None,
                    token: None,
                    operation,
                })
                .await
        }
    };
    let good =
        (0..16).map(|number| tokio::spawn(open(merchant_id, format!("D{number}")))).collect::<Vec<_>>();
    let refused = open(unknown_merchant, "D99".to_owned()).await;
    assert!(matches!(refused, Err(CommitError::Failed(_))), "{refused:?}");
    for good in good {
        good.await.unwrap().unwrap().unwrap();
    }
    assert!(store.dispute(&"D99".parse().unwrap()).await.unwrap().is_none());
}

pub(crate) async fn everything_is_stored_after_reopening(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    upload(&store, url(merchant_id, 1), 1).await.unwrap();
    let nonce = fixture.nonce();
    let again = || contest(merchant_id, &no, vec![item(Some(url(merchant_id, 1)))]);
    commit(&store, Idempotency::Nonce(nonce.clone()), again()).await.unwrap();
    let before = detail(&store, &no).await;
    store.close().await;
    drop(store);

    let store = fixture.store().await;
    assert_eq!(detail(&store, &no).await, before);
    assert!(is_replay(&commit(&store, Idempotency::Nonce(nonce), again()).await));
    assert_eq!(code(commit(&store, Idempotency::Nonce(fixture.nonce()), again()).await), "OK");
    assert_eq!(detail(&store, &no).await, before, "a repetition changed something");
}

/// PostgreSQL updates a row within its page, and no index, if no indexed column changes and the page has space.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
async fn a_contest_adds_nothing_to_the_indexes_of_disputes() {
    const DISPUTES: usize = 200;
    let fixture = Fixture::postgres();
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let url = url(merchant_id, 1);
    upload(&store, url, 1).await.unwrap();
    for number in 0..DISPUTES {
        let no = open(&store, merchant_id, &format!("D{number:04}")).await;
        let operation = contest(merchant_id, &no, vec![item(Some(url))]);
        commit(&store, Idempotency::Nonce(fixture.nonce()), operation).await.unwrap();
    }
    // The end of a session publishes its statistics.
    store.close().await;
    drop(store);
    let updates =
        "SELECT n_tup_upd || ' ' || n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'disputes'";
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut seen = fixture.ask(updates);
    while !seen[0].starts_with(&format!("{DISPUTES} ")) && std::time::Instant::now() < deadline {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        seen = fixture.ask(updates);
    }
    assert_eq!(seen, [format!("{DISPUTES} {DISPUTES}")], "updates, and those within the page");
}
