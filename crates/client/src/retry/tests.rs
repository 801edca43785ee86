//! The table of retries, row by row.

use bytes::Bytes;
use rebuttal_protocol::signature::{Message, Signer};
use rebuttal_protocol::{AppId, AppSecret, Nonce, Scheme, UnixMillis};

use super::*;
use crate::error::{Claim, ResponseDefect, Unverified};
use crate::limits::CALL_TIMEOUT;
use crate::proof::Proof;

/// When the attempts' timestamp is stale.
const STALE_AT: UnixMillis = UnixMillis(300_000);

fn settled(code: Code) -> Attempt {
    answered(Finality::Settled, code)
}

fn noticed(code: Code) -> Attempt {
    answered(Finality::Notice, code)
}

fn answered(finality: Finality, code: Code) -> Attempt {
    let message = Message { method: "POST", base_url: "", target: "", body: b"" };
    let secret = AppSecret::from_bytes(&[2; 16]);
    let signer = Signer { scheme: Scheme::V2Sha256, app_id: AppId::from_bytes([1; 16]), secret: &secret };
    let header = signer.authorize(UnixMillis(1), Nonce::from_bytes([3; 16]), &message);
    let proof = Proof {
        url: String::new(),
        request: header.clone(),
        request_body: Bytes::new(),
        answer: header,
        answer_body: Bytes::new(),
    };
    Attempt::Verified(Box::new(VerifiedAnswer { finality, code, message: String::new(), data: None, proof }))
}

fn unverified(claim: Option<Code>) -> Attempt {
    let claim = claim.map(|code| Claim { code, message: String::new() });
    Attempt::Failed(Cause::Unverified(Unverified { defect: ResponseDefect::Unsigned, claim }))
}

fn lost() -> Attempt {
    Attempt::Failed(Cause::Lost(String::new()))
}

fn not_connected() -> Attempt {
    Attempt::Failed(Cause::NotConnected(String::new()))
}

fn judge(plan: &mut AttemptPlan, attempt: Attempt) -> Next {
    plan.judge(attempt, STALE_AT, None, CALL_TIMEOUT)
}

#[test]
fn every_code_is_sent_again_as_its_table_says() {
    for code in Code::ALL {
        let next = judge(&mut AttemptPlan::new(MerchantCall::Contest, 5), settled(code.clone()));
        match (code, code.resend()) {
            (Code::Ok, _) => assert!(matches!(next, Next::Done(_))),
            (Code::StaleTimestamp, _) => assert!(matches!(next, Next::CorrectClock(_))),
            (_, Resend::FreshHeader) => assert!(matches!(next, Next::Again(Pause::None))),
            (_, Resend::Later | Resend::QueryFirst) => assert!(matches!(next, Next::Again(Pause::Own(_)))),
            _ => assert!(matches!(next, Next::Fail(Error::Refused(_))), "{code}: {next:?}"),
        }
    }
}

#[test]
fn the_clock_is_corrected_once() {
    let mut plan = AttemptPlan::new(MerchantCall::Contest, 5);
    assert!(matches!(judge(&mut plan, settled(Code::StaleTimestamp)), Next::CorrectClock(_)));
    let Next::Fail(Error::Refused(refusal)) = judge(&mut plan, settled(Code::StaleTimestamp)) else {
        panic!("the clock was corrected twice");
    };
    assert_eq!(refusal.code, Code::StaleTimestamp);
}

#[test]
fn pauses_double_up_to_their_limit_and_attempts_end() {
    let mut plan = AttemptPlan::new(MerchantCall::Query, 8);
    let pauses = [(); 8].map(|()| match judge(&mut plan, not_connected()) {
        Next::Again(Pause::Own(pause)) => Some(pause.as_millis()),
        _ => None,
    });
    let expected = [Some(200), Some(400), Some(800), Some(1600), Some(3200), Some(5000), Some(5000), None];
    assert_eq!(pauses, expected);
}

#[test]
fn retry_after_is_obeyed_within_its_limit_and_the_calls_time() {
    let asked = |seconds, remaining| {
        let mut plan = AttemptPlan::new(MerchantCall::Query, 5);
        plan.judge(settled(Code::Unavailable), STALE_AT, Some(Duration::from_secs(seconds)), remaining)
    };
    assert!(matches!(asked(0, CALL_TIMEOUT), Next::Again(Pause::Own(_))));
    // `RETRY_AFTER_MAX` is 30 s, and still obeyed.
    for seconds in [7, 30] {
        let next = asked(seconds, CALL_TIMEOUT);
        assert!(matches!(next, Next::Again(Pause::Asked(pause)) if pause.as_secs() == seconds), "{next:?}");
    }
    for next in [asked(7, Duration::from_secs(7)), asked(31, CALL_TIMEOUT), asked(u64::MAX, CALL_TIMEOUT)] {
        assert!(matches!(next, Next::Fail(Error::Unavailable { retry_after: Some(_), .. })), "{next:?}");
    }
}

#[test]
fn outcome_depends_on_earlier_attempts() {
    let end = |call, attempts: Vec<Attempt>| {
        let mut plan = AttemptPlan::new(call, u32::try_from(attempts.len()).unwrap());
        let mut next = None;
        for attempt in attempts {
            next = Some(judge(&mut plan, attempt));
        }
        match next {
            Some(Next::Fail(error)) => error,
            next => panic!("not an end: {next:?}"),
        }
    };
    use MerchantCall::{Contest, Query};
    assert!(matches!(end(Contest, vec![not_connected()]), Error::Unavailable { .. }));
    assert!(matches!(end(Contest, vec![settled(Code::Unavailable)]), Error::Unavailable { .. }));
    assert!(matches!(end(Contest, vec![lost()]), Error::Unknown { .. }));
    assert!(matches!(end(Contest, vec![lost(), not_connected()]), Error::Unknown { attempts: 2, .. }));
    assert!(matches!(end(Contest, vec![settled(Code::OutcomeUnknown)]), Error::Unknown { .. }));
    assert!(matches!(end(Contest, vec![settled(Code::SystemError)]), Error::Unknown { .. }));
    assert!(matches!(end(Contest, vec![unverified(Some(Code::Ok))]), Error::Unknown { .. }));
    assert!(matches!(end(Query, vec![lost()]), Error::Unavailable { .. }));
    assert!(matches!(end(Query, vec![unverified(Some(Code::UnknownApp))]), Error::Unverified(_)));
}

#[test]
fn unverified_answer_is_retried_only_if_it_may_be_temporary() {
    let next = |claim| judge(&mut AttemptPlan::new(MerchantCall::Query, 5), unverified(claim));
    assert!(matches!(next(None), Next::Again(_)));
    assert!(matches!(next(Some(Code::Unavailable)), Next::Again(_)));
    assert!(matches!(next(Some(Code::Ok)), Next::Fail(_)));
    assert!(matches!(next(Some(Code::StaleTimestamp)), Next::Fail(_)));
    assert!(matches!(next(Some(Code::InvalidSignature)), Next::Fail(_)));
}

#[test]
fn a_refusal_after_a_lost_attempt_says_so() {
    let mut plan = AttemptPlan::new(MerchantCall::Contest, 5);
    judge(&mut plan, lost());
    let Next::Fail(Error::Refused(refusal)) = judge(&mut plan, settled(Code::InvalidState)) else {
        panic!("not refused");
    };
    assert_eq!(refusal.open_until, Some(STALE_AT));
}

/// After a notice the request may still take effect: a call that can change a dispute does not end by one as done or
/// refused, and not before its limits.
#[test]
fn a_notice_of_any_code_leaves_a_change_open() {
    for code in Code::ALL {
        let next = judge(&mut AttemptPlan::new(MerchantCall::Contest, 2), noticed(code.clone()));
        assert!(matches!(next, Next::Again(_) | Next::CorrectClock(_)), "{code}: {next:?}");

        let next = judge(&mut AttemptPlan::new(MerchantCall::Contest, 1), noticed(code.clone()));
        let Next::Fail(Error::Unknown { open_until: STALE_AT, cause: Cause::Answered { .. }, .. }) = next
        else {
            panic!("{code}: {next:?}");
        };

        let mut plan = AttemptPlan::new(MerchantCall::Contest, 5);
        judge(&mut plan, noticed(code.clone()));
        let Next::Fail(Error::Refused(refusal)) = judge(&mut plan, settled(Code::InvalidState)) else {
            panic!("{code}: not refused");
        };
        assert_eq!(refusal.open_until, Some(STALE_AT), "{code}");
    }
}

/// A read changes nothing, whatever its outcome.
#[test]
fn a_notice_ends_a_read_as_its_code_says() {
    let end = |code| judge(&mut AttemptPlan::new(MerchantCall::Query, 5), noticed(code));
    assert!(
        matches!(end(Code::AppDisabled), Next::Fail(Error::Refused(refusal)) if refusal.open_until.is_none())
    );
    assert!(matches!(end(Code::RateLimited), Next::Again(_)));
}

#[test]
fn latest_open_until_counts() {
    let mut plan = AttemptPlan::new(MerchantCall::Contest, 2);
    plan.judge(lost(), UnixMillis(700), None, CALL_TIMEOUT);
    let next = plan.judge(lost(), UnixMillis(500), None, CALL_TIMEOUT);
    assert!(matches!(next, Next::Fail(Error::Unknown { open_until: UnixMillis(700), .. })), "{next:?}");
}
