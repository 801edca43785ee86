//! Which responses are trusted. The status line is always `200` or always wrong: it never counts.

use rebuttal_client::protocol::{Invalid, Nonce};
use rebuttal_client::{
    AppId, AppSecret, CallOutcome, Cause, Code, Error, Finality, Proof, QueryRequest, ResponseDefect, Scheme,
    Unverified,
};

use crate::faulty_server::{
    DONE, FaultyServer, ResponseDraft, ServerAction, ServerReply, Step, faulty, noticed, ok, refused, secret,
    step,
};

const DISPUTE: &str = r#"{"disputeNo":"D1","paymentNo":"P1","merchantTradeNo":"T1","status":"NEEDS_RESPONSE",
    "type":null,"rrn":null,"deadline":null,"paymentAmount":"10.00","disputeAmount":"10.00","currency":"USD",
    "disputeReason":"Not received","createdTime":"2024-03-06T12:00:00.000+08:00"}"#;

/// The result of a changing call for one answer.
async fn accept(step: Step) -> Result<(), Error> {
    let server = FaultyServer::start(vec![step]).await;
    let client = server.builder().attempts(1).build().unwrap();
    client.accept("D1".parse().unwrap()).await.map(|answer| assert!(is_settled(&answer.proof)))
}

fn is_settled(proof: &Proof) -> bool {
    proof.verify(&secret()) == Some(Finality::Settled)
}

async fn defect(step: Step) -> ResponseDefect {
    match accept(step).await {
        Err(Error::Unknown { cause: Cause::Unverified(Unverified { defect, .. }), .. }) => defect,
        other => panic!("not unverified: {other:?}"),
    }
}

#[tokio::test]
async fn an_honest_answer_is_done_whatever_its_status_says() {
    accept(ok(DONE)).await.unwrap();
    accept(faulty(|draft| ServerReply { status: 500, ..draft.signed() })).await.unwrap();
}

#[tokio::test]
async fn request_follows_the_contract() {
    let server = FaultyServer::start(vec![ok(DISPUTE)]).await;
    let answer = server.client().query(&QueryRequest::DisputeNo("D1".parse().unwrap())).await.unwrap();
    assert_eq!(answer.data.dispute_amount, "10.00");

    let request = &server.requests()[0];
    assert_eq!(request.target, "/pg/v2/dispute/query");
    assert_eq!(request.body, br#"{"disputeNo":"D1"}"#);
    let head = request.head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    assert!(head.contains("accept: application/json\r\n"), "{head}");
    let header = head.lines().find(|line| line.starts_with("authorization: v2_sha256 appid=")).unwrap();
    assert!(!header.contains(", "), "{header}");

    let proof = serde_json::to_value(&answer.proof).unwrap();
    assert_eq!(proof["url"], format!("{}/pg/v2/dispute/query", server.url));
    assert_eq!(proof["request"]["body"], r#"{"disputeNo":"D1"}"#);
    assert!(proof["answer"]["authorization"].as_str().unwrap().starts_with("V2_SHA256 appId="));
}

#[tokio::test]
async fn an_answer_that_is_not_signed_for_this_call_proves_nothing() {
    let twice = faulty(|draft| {
        let reply = draft.signed();
        let header = reply.headers[0].1.clone();
        reply.with("Authorization", header)
    });
    let altered = faulty(|draft| {
        let reply = draft.signed();
        ServerReply { body: draft.body.replace("true", "tru ").into(), ..reply }
    });
    for (step, expected) in [
        (faulty(|draft| ServerReply::new(200, draft.body)), ResponseDefect::Unsigned),
        (twice, ResponseDefect::Header(Invalid("must be given once".to_owned()))),
        (
            faulty(|draft| ResponseDraft { app_id: AppId::from_bytes([8; 16]), ..draft }.signed()),
            ResponseDefect::OtherApp,
        ),
        (
            faulty(|draft| ResponseDraft { secret: AppSecret::from_bytes(&[1; 16]), ..draft }.signed()),
            ResponseDefect::WrongSign,
        ),
        (
            faulty(|draft| ResponseDraft { url: format!("{}x", draft.url), ..draft }.signed()),
            ResponseDefect::WrongSign,
        ),
        (altered, ResponseDefect::WrongSign),
    ] {
        assert_eq!(defect(step).await, expected);
    }
    let malformed = faulty(|draft| ServerReply::new(200, draft.body).with("Authorization", "Bearer x"));
    assert!(matches!(defect(malformed).await, ResponseDefect::Header(_)));
}

#[tokio::test]
async fn an_answer_to_another_request_proves_nothing() {
    let other = faulty(|draft| ResponseDraft { nonce: Nonce::from_bytes([9; 16]), ..draft }.signed());
    assert_eq!(defect(other).await, ResponseDefect::OtherRequest);
    let own_request_sent_back = step(|request| {
        let header = request.header.as_ref().unwrap();
        ServerAction::Answer(ServerReply::new(200, request.body.clone()).with("Authorization", header))
    });
    assert_eq!(defect(own_request_sent_back).await, ResponseDefect::OtherRequest);
}

#[tokio::test]
async fn a_notice_passed_off_as_settled_proves_nothing() {
    let exchanged = step(|request| {
        let settled = ResponseDraft::of(request, &Code::InvalidState, "null");
        let mut notice =
            ResponseDraft::that_is(Finality::Notice, request, &Code::InvalidState, "null").signed();
        let header = &mut notice.headers[0].1;
        let (rest, _) = header.rsplit_once("nonce=").unwrap();
        *header = format!("{rest}nonce={}", settled.nonce);
        ServerAction::Answer(notice)
    });
    assert_eq!(defect(exchanged).await, ResponseDefect::WrongSign);
}

#[tokio::test]
async fn proof_distinguishes_notice_from_settled_response() {
    let server = FaultyServer::start(vec![noticed(Code::AppDisabled)]).await;
    let query = QueryRequest::DisputeNo("D1".parse().unwrap());
    let Err(Error::Refused(refusal)) = server.client().query(&query).await else { panic!("not refused") };
    assert_eq!(refusal.proof.verify(&secret()), Some(Finality::Notice));
    let written = serde_json::to_string(&refusal.proof).unwrap();
    let read: Proof = serde_json::from_str(&written).unwrap();
    assert_eq!(read.verify(&secret()), Some(Finality::Notice));
}

#[tokio::test]
async fn a_weaker_scheme_is_never_accepted_and_a_stronger_one_is() {
    let answered_with = |scheme| faulty(move |draft| ResponseDraft { scheme, ..draft }.signed());
    let server = FaultyServer::start(vec![answered_with(Scheme::V2Sha256)]).await;
    let client = server.builder().scheme(Scheme::V2HmacSha256).attempts(1).build().unwrap();
    let error = client.accept("D1".parse().unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("weaker"), "{error}");
    accept(answered_with(Scheme::V2HmacSha256)).await.unwrap();
}

#[tokio::test]
async fn a_signed_body_that_is_no_envelope_proves_nothing() {
    for body in ["[]", r#"{"code":"OK","code":"OK","data":{"result":true}}"#, r#"{"data":{"result":true}}"#] {
        let signed = faulty(move |draft| ResponseDraft { body: body.to_owned(), ..draft }.signed());
        assert!(matches!(defect(signed).await, ResponseDefect::Body(_)));
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit_only() {
    let long = faulty(|draft| {
        let padding = " ".repeat(rebuttal_client::limits::ANSWER_MAX_BYTES);
        ResponseDraft { body: format!("{}{padding}", draft.body), ..draft }.signed()
    });
    assert_eq!(defect(long).await, ResponseDefect::TooLong);
}

#[tokio::test]
async fn verified_rejection_has_code_and_message() {
    let Err(Error::Refused(refusal)) = accept(refused(Code::DeadlinePassed)).await else {
        panic!("not refused")
    };
    assert_eq!((refusal.code, refusal.message.as_str()), (Code::DeadlinePassed, "because"));
    assert!(is_settled(&refusal.proof));
    let unknown_code = accept(refused(Code::Unknown("Dispute.Later".to_owned()))).await.unwrap_err();
    assert_eq!(unknown_code.outcome(), CallOutcome::Refused);
}

#[tokio::test]
async fn a_genuine_ok_with_unreadable_data_is_not_done() {
    let error = accept(ok("{\"outcome\":1}")).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { cause: Cause::Unreadable(_), .. }), "{error:?}");
}

#[tokio::test]
async fn a_query_never_leaves_an_unknown_outcome() {
    let server = FaultyServer::start(vec![faulty(|draft| ServerReply::new(401, draft.body))]).await;
    let error = server.client().query(&QueryRequest::DisputeNo("D1".parse().unwrap())).await.unwrap_err();
    assert!(
        matches!(&error, Error::Unverified(unverified) if unverified.defect == ResponseDefect::Unsigned),
        "{error:?}"
    );
    assert_eq!(error.outcome(), CallOutcome::NothingChanged);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = FaultyServer::start(vec![ok(DONE)]).await;
    let target = format!("{}/pg/v2/dispute/accept", elsewhere.url);
    let expected_target = target.clone();
    let redirect = step(move |_| ServerAction::Answer(ServerReply::new(307, "").with("Location", &target)));
    let defect = defect(redirect).await;
    assert!(
        matches!(&defect, ResponseDefect::Foreign(foreign_response) if foreign_response.status == 307),
        "{defect:?}"
    );
    assert_eq!(
        defect.to_string(),
        format!("HTTP 307 to {expected_target}: probably a proxy's answer, not the gateway's")
    );
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_proof_does_not_survive_a_change() {
    let server = FaultyServer::start(vec![ok(DONE)]).await;
    let proof = server.client().accept("D1".parse().unwrap()).await.unwrap().proof;
    assert!(is_settled(&proof));
    assert_eq!(proof.verify(&AppSecret::from_bytes(&[1; 16])), None);
    let mut changed = proof.clone();
    changed.answer_body = br#"{"code":"OK","errorMessage":null,"data":{"result":false}}"#.as_slice().into();
    assert_eq!(changed.verify(&secret()), None);
    let mut changed = proof;
    changed.request_body = br#"{"disputeNo":"D2"}"#.as_slice().into();
    assert_eq!(changed.verify(&secret()), None);
}

#[tokio::test]
async fn a_proof_that_was_written_down_verifies_again() {
    let server = FaultyServer::start(vec![ok(DONE)]).await;
    let proof = server.client().accept("D1".parse().unwrap()).await.unwrap().proof;
    let written = serde_json::to_string(&proof).unwrap();
    let read: Proof = serde_json::from_str(&written).unwrap();
    assert!(is_settled(&read));
    assert_eq!(serde_json::to_string(&read).unwrap(), written);

    let forged: Proof = serde_json::from_str(&written.replace("D1", "D2")).unwrap();
    assert_eq!(forged.verify(&secret()), None);
    for (part, other) in [("POST", "GET"), ("V2_SHA256", "V2"), ("authorization", "Authorization")] {
        assert!(serde_json::from_str::<Proof>(&written.replace(part, other)).is_err(), "{other}");
    }
}
