//! Uploads and whole contests: the form follows the contract, and every failure is reported as what it is.

use std::sync::{Arc, Mutex};

use rebuttal_client::protocol::dispute::{ContestRequest, QueryRequest};
use rebuttal_client::{CallOutcome, Cause, Code, Error, EvidenceFile, EvidenceType};

use crate::faulty_server::{
    DONE, FaultyServer, ReceivedRequest, ResponseDraft, ServerAction, ServerReply, Step, refused, step,
};

const FIRST: &str = "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png";

/// Answers upload addresses, takes posts with `post`, and contests with `OK`.
fn gateway(post: impl Fn(&ReceivedRequest) -> ServerReply + Send + Sync + 'static) -> Vec<Step> {
    vec![step(move |request| {
        ServerAction::Answer(match request.target.as_str() {
            "/pg/v2/file/generateUploadUrl" => {
                let data = format!(
                    r#"{{"uploadUrl":"{}/store","httpMethod":"POST","formFields":{{"key":"a/b","policy":"e30=",
                    "x-amz-date":"20240306T040000Z"}},"storageUri":"{FIRST}","expireTime":1709697600000}}"#,
                    request.base_url
                );
                ResponseDraft::of(request, &Code::Ok, &data).signed()
            }
            "/store" => post(request),
            _ => ResponseDraft::of(request, &Code::Ok, DONE).signed(),
        })
    })]
}

fn stored(_: &ReceivedRequest) -> ServerReply {
    ServerReply::new(204, "")
}

fn targets(server: &FaultyServer) -> Vec<String> {
    server.requests().into_iter().map(|request| request.target).collect()
}

#[tokio::test]
async fn a_contest_uploads_submits_and_holds_a_proof() {
    let server = FaultyServer::start(gateway(stored)).await;
    let answer = server
        .client()
        .contest("D1".parse().unwrap())
        .bytes(EvidenceType::Receipt, "Müller/receipt.PNG", vec![1; 100_000])
        .named("Transaction receipt")
        .send()
        .await
        .unwrap();
    assert!(answer.data.result);

    assert_eq!(targets(&server), ["/pg/v2/file/generateUploadUrl", "/store", "/pg/v2/dispute/contest"]);
    let requests = server.requests();
    assert_eq!(requests[0].body, br#"{"filename":"evidence.png","scene":"DISPUTE_EVIDENCE"}"#);
    let item = format!(r#"{{"type":"RECEIPT","name":"Transaction receipt","url":"{FIRST}"}}"#);
    let body = format!(r#"{{"disputeNo":"D1","evidenceList":[{item}]}}"#);
    assert_eq!(String::from_utf8_lossy(&requests[2].body), body);

    let form = String::from_utf8_lossy(&requests[1].body);
    let place = |text: &str| form.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(place("name=\"key\"\r\n\r\na/b\r\n") < place("name=\"policy\"\r\n\r\ne30=\r\n"));
    assert!(place("name=\"x-amz-date\"") < place("name=\"file\"; filename=\"evidence.png\""));
    assert!(requests[1].header.is_none(), "the secret's sign went to the store");
}

#[tokio::test]
async fn saved_submission_is_submitted_by_another_process() {
    let server = FaultyServer::start(gateway(stored)).await;
    let contest =
        server.client().contest("D1".parse().unwrap()).bytes(EvidenceType::Receipt, "a.png", vec![1; 10]);
    let submission = contest.upload().await.unwrap();
    let written = serde_json::to_string(submission.request()).unwrap();
    let read: ContestRequest = serde_json::from_str(&written).unwrap();
    assert_eq!(&read, submission.request());
    assert!(server.client().submit(&read).await.unwrap().data.result);
    assert_eq!(String::from_utf8_lossy(&server.requests()[2].body), written);

    let nowhere = written.replace("s3://", "");
    assert!(serde_json::from_str::<ContestRequest>(&nowhere).is_err(), "{nowhere}");
}

#[tokio::test]
async fn a_name_before_any_evidence_is_refused() {
    let server = FaultyServer::start(gateway(stored)).await;
    let contest = server.client().contest("D1".parse().unwrap()).named("Receipt");
    let error = contest.bytes(EvidenceType::Receipt, "a.png", vec![1; 10]).upload().await.unwrap_err();
    assert!(error.to_string().contains("before any evidence"), "{error}");
    assert_eq!(targets(&server), [""; 0]);
}

#[tokio::test]
async fn progress_is_reported_per_file() {
    let server = FaultyServer::start(gateway(stored)).await;
    let reports = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&reports);
    server
        .client()
        .contest("D1".parse().unwrap())
        .bytes(EvidenceType::Receipt, "a.png", vec![1; 40_000])
        .bytes(EvidenceType::Refund, "b.pdf", vec![1; 10])
        .on_progress(move |at| heard.lock().unwrap().push((at.index, at.sent_bytes, at.total_bytes)))
        .upload()
        .await
        .unwrap();
    let reports = reports.lock().unwrap();
    assert_eq!(reports.first(), Some(&(0, 0, 40_000)));
    assert!(reports.contains(&(0, 40_000, 40_000)));
    assert_eq!(reports.last(), Some(&(1, 10, 10)));
}

#[tokio::test]
async fn a_failed_upload_goes_to_a_new_address() {
    let failures = Mutex::new(2);
    let server = FaultyServer::start(gateway(move |request| {
        let mut left = failures.lock().unwrap();
        *left -= 1;
        if *left >= 0 {
            ServerReply::new(503, "<Error><Code>SlowDown</Code></Error>")
        } else {
            stored(request)
        }
    }))
    .await;
    let file = EvidenceFile::new("a.png", "x").unwrap();
    assert_eq!(server.client().upload(&file).await.unwrap().to_string(), FIRST);
    let targets = targets(&server);
    assert_eq!(targets.iter().filter(|target| *target == "/store").count(), 3);
    assert_eq!(targets.iter().filter(|target| *target != "/store").count(), 3);
}

#[tokio::test]
async fn failing_store_ends_the_upload_and_submits_nothing() {
    let server = FaultyServer::start(gateway(|_| ServerReply::new(503, ""))).await;
    let error =
        server.client().contest("D1".parse().unwrap()).bytes(EvidenceType::Other, "a.png", "x").send().await;
    assert!(matches!(error, Err(Error::Unavailable { attempts: 3, .. })), "{error:?}");
    assert!(!targets(&server).iter().any(|target| target.ends_with("contest")));
}

#[tokio::test]
async fn store_refusal_of_a_file_is_not_retried() {
    let server = FaultyServer::start(gateway(|_| {
        ServerReply::new(400, "<Error><Code>InvalidRequest</Code><Message>not a PNG</Message></Error>")
    }))
    .await;
    let error = server.client().upload(&EvidenceFile::new("a.png", "x").unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "the file store refused a.png: InvalidRequest: not a PNG");
    assert_eq!((error.outcome(), server.requests().len()), (CallOutcome::NothingChanged, 2));

    let server =
        FaultyServer::start(gateway(|_| ServerReply::new(403, "<html>").with("Content-Type", "text/html")))
            .await;
    let error = server.client().upload(&EvidenceFile::new("a.png", "x").unwrap()).await.unwrap_err();
    let expected =
        "the file store refused a.png: HTTP 403, text/html: probably a proxy's answer, not the file store's";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn invalid_upload_url_ends_the_upload() {
    let data = format!(
        r#"{{"uploadUrl":"/store","httpMethod":"POST","formFields":{{}},"storageUri":"{FIRST}","expireTime":1}}"#
    );
    let server = FaultyServer::start(vec![step(move |request| {
        ServerAction::Answer(ResponseDraft::of(request, &Code::Ok, &data).signed())
    })])
    .await;
    let error = server.client().upload(&EvidenceFile::new("a.png", "x").unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { cause: Cause::Unreadable(_), .. }), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn every_piece_is_checked_before_the_first_byte() {
    let server = FaultyServer::start(gateway(stored)).await;
    let contest =
        || server.client().contest("D1".parse().unwrap()).bytes(EvidenceType::Receipt, "a.png", "x");
    let wrong = [
        server.client().contest("D1".parse().unwrap()),
        contest().bytes(EvidenceType::Refund, "b.exe", "x"),
        contest().bytes(EvidenceType::Refund, "b.pdf", ""),
        contest().file(EvidenceType::Refund, "/nowhere/b.pdf"),
        contest().bytes(EvidenceType::Refund, "b.pdf", "x").named("two\nlines"),
        (0..20).fold(contest(), |contest, _| contest.bytes(EvidenceType::Other, "c.png", "x")),
    ];
    for contest in wrong {
        assert_eq!(contest.send().await.unwrap_err().outcome(), CallOutcome::NothingChanged);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_submission_is_sent_again_as_it_was() {
    let server = FaultyServer::start(gateway(stored)).await;
    let submission = server
        .client()
        .contest("D1".parse().unwrap())
        .uploaded(EvidenceType::Refund, FIRST.parse().unwrap())
        .upload()
        .await
        .unwrap();
    submission.send().await.unwrap();
    submission.send().await.unwrap();
    let requests = server.requests();
    assert_eq!(targets(&server), ["/pg/v2/dispute/contest"; 2]);
    assert_eq!(requests[0].body, requests[1].body);
    assert!(
        String::from_utf8_lossy(&requests[0].body)
            .contains(r#""name":"2ace1b345cbb4a09852d7d92e540591a.png""#)
    );
}

#[tokio::test]
async fn a_refused_upload_address_is_a_refusal() {
    let server = FaultyServer::start(vec![refused(Code::UnsupportedFileType)]).await;
    let error = server.client().upload(&EvidenceFile::new("a.png", "x").unwrap()).await.unwrap_err();
    assert_eq!(error.outcome(), CallOutcome::Refused);
    let query = QueryRequest::PaymentNo("P1".parse().unwrap());
    assert_eq!(server.client().query(&query).await.unwrap_err().outcome(), CallOutcome::Refused);
}
