//! What is retried, with which header, and how a call ends whose responses never arrive.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rebuttal_client::limits::FRESHNESS_WINDOW;
use rebuttal_client::protocol::UnixMillis;
use rebuttal_client::{CallOutcome, Cause, Client, Code, Error, Finality, QueryRequest};

use crate::faulty_server::{
    DONE, FaultyServer, ResponseDraft, ServerAction, ServerReply, Step, app_id, faulty, noticed, ok, refused,
    secret, step,
};

fn cut() -> Step {
    step(|_| ServerAction::Close)
}

async fn accept(server: &FaultyServer) -> Result<(), Error> {
    server.client().accept("D1".parse().unwrap()).await.map(drop)
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_a_fresh_header() {
    let half = step(|request| ServerAction::AnswerHalf(ResponseDraft::of(request, &Code::Ok, DONE).signed()));
    let server = FaultyServer::start(vec![cut(), half, ok(DONE)]).await;
    accept(&server).await.unwrap();

    let requests = server.requests();
    let nonces: HashSet<_> =
        requests.iter().map(|request| request.header.as_ref().unwrap().nonce.to_string()).collect();
    let bodies: HashSet<_> = requests.iter().map(|request| &request.body).collect();
    assert_eq!((requests.len(), nonces.len(), bodies.len()), (3, 3, 1));
}

#[tokio::test]
async fn each_retry_is_reported_with_its_cause() {
    let server = FaultyServer::start(vec![cut(), refused(Code::Unavailable), ok(DONE)]).await;
    let reported = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&reported);
    let client = server.builder().on_retry(move |retry| {
        record.lock().unwrap().push((retry.attempts, retry.attempts_max, retry.why.to_owned()));
    });
    client.build().unwrap().accept("D1".parse().unwrap()).await.unwrap();
    let reported = reported.lock().unwrap();
    assert_eq!(reported.iter().map(|(made, max, _)| (*made, *max)).collect::<Vec<_>>(), [(1, 5), (2, 5)]);
    assert_eq!(reported[1].2, "Common.System.Unavailable: because");
}

#[tokio::test]
async fn call_without_any_answer_ends_unknown() {
    let server = FaultyServer::start(vec![cut()]).await;
    let client = server.builder().attempts(3).build().unwrap();
    let error = client.accept("D1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { attempts: 3, cause: Cause::Lost(_), .. }), "{error:?}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_gateway_that_hangs_is_given_up() {
    let server = FaultyServer::start(vec![step(|_| ServerAction::Stall)]).await;
    let client = server.builder().attempts(2).attempt_timeout(Duration::from_millis(100)).build().unwrap();
    let error = client.accept("D1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { attempts: 2, cause: Cause::TimedOut, .. }), "{error:?}");
    let error = client.query(&QueryRequest::DisputeNo("D1".parse().unwrap())).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { attempts: 2, .. }), "{error:?}");
}

#[tokio::test]
async fn a_call_ends_when_its_time_is_over() {
    let server = FaultyServer::start(vec![step(|_| ServerAction::Stall)]).await;
    let client = server.builder().attempts(20).call_timeout(Duration::from_millis(300)).build().unwrap();
    let started = Instant::now();
    let error = client.accept("D1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.outcome(), CallOutcome::Unknown);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn connection_refused_means_nothing_was_changed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::builder(&url, app_id(), secret()).attempts(2).build().unwrap();
    let error = client.accept("D1".parse().unwrap()).await.unwrap_err();
    assert!(
        matches!(error, Error::Unavailable { attempts: 2, cause: Cause::NotConnected(_), .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let unavailable = step(|request| {
        let reply = ResponseDraft::that_is(Finality::Notice, request, &Code::Unavailable, "null").signed();
        ServerAction::Answer(ServerReply { status: 503, ..reply }.with("Retry-After", 1))
    });
    let server = FaultyServer::start(vec![unavailable, ok(DONE)]).await;
    let started = Instant::now();
    accept(&server).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn proxy_error_is_retried_and_foreign_rejection_is_not() {
    let page = step(|_| ServerAction::Answer(ServerReply::new(502, "<html>Bad Gateway</html>")));
    let server = FaultyServer::start(vec![page, ok(DONE)]).await;
    accept(&server).await.unwrap();

    let verdict = faulty(|draft| ServerReply::new(404, draft.body.replace("OK", "Dispute.NotFound")));
    let server = FaultyServer::start(vec![verdict, ok(DONE)]).await;
    let error = accept(&server).await.unwrap_err();
    assert_eq!((error.outcome(), server.requests().len()), (CallOutcome::Unknown, 1));
    assert!(error.to_string().contains("it claims Dispute.NotFound"), "{error}");
}

/// Answers of an ingress during a deployment, and of a gateway without data.
fn in_the_gateways_place() -> Vec<Step> {
    vec![
        step(|_| ServerAction::Answer(ServerReply::new(404, "default backend - 404"))),
        step(|_| ServerAction::Answer(ServerReply::new(302, "").with("Location", "https://status.example/"))),
        step(|_| ServerAction::Answer(ServerReply::new(200, "<html>We will be right back</html>"))),
        faulty(|draft| ServerReply::new(401, draft.body.replace("OK", "Common.Auth.UnknownApp"))),
    ]
}

#[tokio::test]
async fn unknown_outcome_is_retried_past_foreign_responses() {
    let mut steps = in_the_gateways_place();
    steps.insert(0, cut());
    steps.push(ok(DONE));
    let server = FaultyServer::start(steps).await;
    let client = server.builder().attempts(6).build().unwrap();
    client.accept("D1".parse().unwrap()).await.unwrap();
    assert_eq!(server.requests().len(), 6);

    let server =
        FaultyServer::start(vec![cut(), in_the_gateways_place().remove(1), refused(Code::InvalidState)])
            .await;
    let error = accept(&server).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(refusal) if refusal.open_until.is_some()), "{error}");
}

#[tokio::test]
async fn retries_on_foreign_responses_are_bounded() {
    let server = FaultyServer::start(vec![cut(), in_the_gateways_place().remove(1)]).await;
    let error = accept(&server).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { attempts: 5, cause: Cause::Unverified(_), .. }), "{error:?}");
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn redirect_or_final_claim_ends_a_call_with_known_outcome() {
    let mut in_place = in_the_gateways_place();
    for lasting in [in_place.remove(3), in_place.remove(1)] {
        let server = FaultyServer::start(vec![lasting, ok(DONE)]).await;
        let error = accept(&server).await.unwrap_err();
        assert_eq!((error.outcome(), server.requests().len()), (CallOutcome::Unknown, 1));
    }
    // After a query nothing is uncertain.
    let server = FaultyServer::start(vec![cut(), in_the_gateways_place().remove(1), ok("{}")]).await;
    let error = server.client().query(&QueryRequest::DisputeNo("D1".parse().unwrap())).await.unwrap_err();
    assert!(matches!(error, Error::Unverified(_)) && server.requests().len() == 2, "{error:?}");
}

/// A notice may be the response to an altered copy; a new request shows the outcome.
#[tokio::test]
async fn change_is_retried_past_notices_until_settled() {
    let notices = || vec![noticed(Code::UnsupportedMediaType), noticed(Code::InvalidSignature)];
    let after = |settled: Step| notices().into_iter().chain([settled]).collect();
    let server = FaultyServer::start(after(ok(DONE))).await;
    accept(&server).await.unwrap();
    assert_eq!(server.requests().len(), 3);

    let server = FaultyServer::start(after(refused(Code::DisputeNotFound))).await;
    let error = accept(&server).await.unwrap_err();
    let last_notice = server.requests()[1].header.as_ref().unwrap().timestamp + FRESHNESS_WINDOW;
    assert!(
        matches!(&error, Error::Refused(refusal) if refusal.open_until == Some(last_notice)),
        "{error:?}"
    );

    let server = FaultyServer::start(notices()).await;
    let window = Duration::from_secs(600);
    let client = server.builder().attempts(3).freshness_window(window).build().unwrap();
    let error = client.accept("D1".parse().unwrap()).await.unwrap_err();
    let last = server.requests()[2].header.as_ref().unwrap().timestamp + window;
    assert!(
        matches!(error, Error::Unknown { attempts: 3, open_until, .. } if open_until == last),
        "{error:?}"
    );
    assert!(error.to_string().contains("notice"), "{error}");
    assert!(error.to_string().contains("Common.Auth.InvalidSignature: because"), "{error}");
}

/// A gateway two hours ahead.
fn stale() -> Step {
    step(|request| {
        let draft = ResponseDraft::that_is(Finality::Notice, request, &Code::StaleTimestamp, "null");
        let timestamp = UnixMillis(draft.timestamp.0 + 7_200_000);
        ServerAction::Answer(ResponseDraft { timestamp, ..draft }.signed())
    })
}

#[tokio::test]
async fn clock_is_corrected_from_a_bound_response_and_stays_so() {
    let server = FaultyServer::start(vec![stale(), ok(DONE)]).await;
    let client = server.client();
    client.accept("D1".parse().unwrap()).await.unwrap();
    client.accept("D1".parse().unwrap()).await.unwrap();

    let times: Vec<i64> =
        server.requests().iter().map(|request| request.header.as_ref().unwrap().timestamp.0).collect();
    assert_eq!(times.len(), 3);
    assert!((7_200_000..7_300_000).contains(&(times[1] - times[0])), "{times:?}");
    assert!((0..100_000).contains(&(times[2] - times[1])), "{times:?}");
}

#[tokio::test]
async fn stale_timestamp_at_the_last_attempt_ends_the_call() {
    let server = FaultyServer::start(vec![cut(), stale(), ok(DONE)]).await;
    let client = server.builder().attempts(2).build().unwrap();
    let error = client.accept("D1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { attempts: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("Common.Auth.StaleTimestamp"), "{error}");

    let server = FaultyServer::start(vec![stale(), ok("{}")]).await;
    let client = server.builder().attempts(1).build().unwrap();
    let query = QueryRequest::DisputeNo("D1".parse().unwrap());
    let Err(Error::Refused(refusal)) = client.query(&query).await else { panic!("not refused") };
    assert_eq!((refusal.code, server.requests().len()), (Code::StaleTimestamp, 1));
}

#[tokio::test]
async fn an_unbound_answer_does_not_move_the_clock() {
    let unsigned = step(|request| {
        let draft = ResponseDraft::of(request, &Code::StaleTimestamp, "null");
        ServerAction::Answer(ServerReply::new(401, draft.body))
    });
    let server = FaultyServer::start(vec![unsigned, ok(DONE)]).await;
    let client = server.client();
    let before = client.gateway_time();
    assert_eq!(client.accept("D1".parse().unwrap()).await.unwrap_err().outcome(), CallOutcome::Unknown);
    assert!(client.gateway_time().0 - before.0 < 60_000);
    assert_eq!(server.requests().len(), 1);
}

/// What becomes of a query that is answered so, and how often it was made.
async fn answered(status: u16, header: (&'static str, &'static str), body: &'static str) -> (Error, usize) {
    let server = FaultyServer::start(vec![step(move |_| {
        ServerAction::Answer(ServerReply::new(status, body).with(header.0, header.1))
    })])
    .await;
    let error = server.client().query(&QueryRequest::DisputeNo("D1".parse().unwrap())).await.unwrap_err();
    (error, server.requests().len())
}

#[tokio::test]
async fn proxy_outage_page_does_not_blame_the_secret() {
    let html = ("Content-Type", "text/html; charset=utf-8");
    let (error, tried) = answered(502, html, "<html>Bad Gateway</html>").await;
    assert!(matches!(&error, Error::Unavailable { cause: Cause::Unverified(_), .. }), "{error:?}");
    assert!(tried > 1, "it may pass");
    let expected =
        "and nothing was changed: HTTP 502, text/html: probably a proxy's answer, not the gateway's";
    assert!(error.to_string().ends_with(expected), "{error}");

    let (error, tried) = answered(302, ("Location", "https://login.example/"), "").await;
    assert!(matches!(error, Error::Unverified(_)) && tried == 1, "{error:?}");
    let expected = "HTTP 302 to https://login.example/: probably a proxy's answer, not the gateway's";
    assert_eq!(error.to_string(), expected);

    // In a gateway's form, so its claim is reported, and nothing of it is trusted.
    let (error, _) = answered(503, html, r#"{"code":"Common.System.Unavailable"}"#).await;
    assert!(matches!(error, Error::Unverified(_)), "{error:?}");
}

#[tokio::test]
async fn waiting_time_is_reported_at_the_end() {
    let server = FaultyServer::start(vec![step(|_| ServerAction::Stall)]).await;
    let patient = server.builder().attempts(2).attempt_timeout(Duration::from_secs(1)).build().unwrap();
    let error = patient.query(&QueryRequest::DisputeNo("D1".parse().unwrap())).await.unwrap_err();
    assert!(error.to_string().contains("(tried 2 times, for 2 seconds)"), "{error}");
}
