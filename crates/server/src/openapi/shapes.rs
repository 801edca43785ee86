//! The objects of the wire: what requests take and what answers tell, member by member, as `protocol` and the
//! operator's views have them. A detail compares every one with what a running gateway answers.

use rebuttal_protocol::dispute::{EVIDENCE_MAX, Event};
use rebuttal_protocol::operator::OperatorActionKind;
use rebuttal_protocol::{Code, FileFormat};
use utoipa::openapi::{AllOfBuilder, ObjectBuilder, OneOfBuilder};

use super::words::{
    Member, Schema, count, exactly, flag, form, list, may, must, null, number, object, of, of_as, one_of,
    or_null, sometimes, text,
};
use crate::http::error::status;

/// Every object that has a name.
pub(super) fn shapes() -> Vec<(&'static str, Schema)> {
    [merchants_requests(), merchants_answers(), operators_requests(), operators_answers(), refusals()]
        .into_iter()
        .flatten()
        .collect()
}

type Shapes = Vec<(&'static str, Schema)>;

fn merchants_requests() -> Shapes {
    let item = object([
        must("type", of("EvidenceType")),
        must("name", of("EvidenceName")),
        must("url", of_as("StorageUri", "Where the file lies; no url twice in one contest.")),
    ]);
    let items = list(item).min_items(Some(1)).max_items(Some(EVIDENCE_MAX));
    let media_types = FileFormat::ALL.iter().map(|format| format.media_type()).chain(["image/jpg"]);
    let content_type = one_of(distinct(media_types))
        .description(Some("The file's media type in either case; left out, it follows from the extension."));
    let keys = || {
        [
            may("disputeNo", of("DisputeNo")),
            may("paymentNo", of("PaymentNo")),
            may("merchantTradeNo", of("MerchantTradeNo")),
        ]
    };
    let by_one = ["disputeNo", "paymentNo", "merchantTradeNo"]
        .into_iter()
        .fold(OneOfBuilder::new(), |either, key| either.item(object([must(key, text())])));
    vec![
        ("ContestRequest", object([must("disputeNo", of("DisputeNo")), must("evidenceList", items)]).into()),
        ("AcceptRequest", object([must("disputeNo", of("DisputeNo"))]).into()),
        (
            "QueryRequest",
            AllOfBuilder::new()
                .description(Some("Exactly one of the three."))
                .item(object(keys()))
                .item(by_one)
                .into(),
        ),
        (
            "GenerateUploadUrlRequest",
            object([
                must("filename", of("Filename")),
                may("contentType", content_type),
                must("scene", of("Scene")),
            ])
            .into(),
        ),
    ]
}

fn merchants_answers() -> Shapes {
    let always = |what| text().description(Some(what));
    vec![
        ("Done", object([must("result", flag().enum_values(Some([true])))]).into()),
        ("DisputeData", object(dispute()).into()),
        (
            "UploadUrlData",
            object([
                must(
                    "uploadUrl",
                    always("Where to post the form: the gateway itself, or an S3 of its operator."),
                ),
                must("httpMethod", one_of(["POST"])),
                must(
                    "formFields",
                    object([]).additional_properties(Some(utoipa::openapi::RefOr::from(text()))).description(
                        Some("Every field must be posted unaltered, and after them the part `file`."),
                    ),
                ),
                must("storageUri", of_as("StorageUri", "The `url` of this file in a contest.")),
                must(
                    "expireTime",
                    count().description(Some("Until when the form is taken, Unix milliseconds.")),
                ),
            ])
            .into(),
        ),
    ]
}

/// A dispute as its merchant sees it.
fn dispute() -> Vec<Member> {
    vec![
        must("disputeNo", of("DisputeNo")),
        must("paymentNo", of("PaymentNo")),
        must("merchantTradeNo", of("MerchantTradeNo")),
        must("status", of("Status")),
        must("type", or_null(of("Stage"))),
        must("rrn", or_null(of("Rrn"))),
        must("deadline", or_null(of_as("Time", "The latest deadline; it binds in `NEEDS_RESPONSE` only."))),
        must("paymentAmount", of("Amount")),
        must("disputeAmount", of("Amount")),
        must("currency", of("Currency")),
        must("disputeReason", of("DisputeReason")),
        must("createdTime", of("Time")),
    ]
}

fn operators_requests() -> Shapes {
    let merchant = |member: fn(&'static str, Schema) -> Member| {
        exactly([member("name", of("MerchantName")), member("timeZone", of("TimeZone"))])
    };
    let app = exactly([
        may(
            "notifyUrl",
            of_as(
                "NotifyUrl",
                "Where notifications will go, which are not delivered yet; null takes it away.",
            ),
        ),
        may("scheme", of("Scheme")),
        may("enabled", flag().description(Some("Whether the app may call."))),
    ]);
    let deadline = || of_as("Time", "A moment in the future.");
    let opening = exactly([
        may("disputeNo", of_as("DisputeNo", "The upstream's own number; left out, the gateway makes one.")),
        must("merchantId", of("MerchantId")),
        must("paymentNo", of("PaymentNo")),
        must("merchantTradeNo", of("MerchantTradeNo")),
        must("paymentAmount", of("Amount")),
        must("disputeAmount", of("Amount")),
        must("currency", of("Currency")),
        must("disputeReason", of("DisputeReason")),
        may("reasonCode", of("ReasonCode")),
        must("type", of("Stage")),
        may("rrn", of("Rrn")),
        must("deadline", deadline()),
    ]);
    vec![
        ("CreateMerchant", merchant(must).into()),
        ("ChangeMerchant", merchant(may).into()),
        ("AppSettings", app.into()),
        ("RotateSecret", exactly([must("overlapSeconds", of("OverlapSeconds"))]).into()),
        ("EndOverlap", exactly([]).into()),
        ("CreateToken", exactly([must("name", of("TokenName")), must("role", of("Role"))]).into()),
        ("RevokeToken", exactly([]).into()),
        ("OpenDispute", opening.into()),
        ("Resolve", exactly([must("outcome", of("Outcome")), may("note", of("Note"))]).into()),
        ("RequestEvidence", exactly([must("deadline", deadline()), must("note", of("Note"))]).into()),
        ("Extend", exactly([must("deadline", of_as("Time", "Later than the present one."))]).into()),
        (
            "Advance",
            exactly([
                must("type", of_as("Stage", "Later than the present one.")),
                must("deadline", deadline()),
            ])
            .into(),
        ),
        ("Withdraw", exactly([may("note", of("Note"))]).into()),
    ]
}

fn operators_answers() -> Shapes {
    vec![
        (
            "Merchant",
            object([
                must("merchantId", of("MerchantId")),
                must("name", of("MerchantName")),
                must("timeZone", of("TimeZone")),
            ])
            .into(),
        ),
        ("App", object(app()).into()),
        ("NewApp", object(app().into_iter().chain([must("appSecret", of("AppSecret"))])).into()),
        ("Token", object(token().into_iter().chain([sometimes("revokedTime", of("Time"))])).into()),
        (
            "NewToken",
            object([
                must("name", of("TokenName")),
                must("role", of("Role")),
                must("token", text().description(Some("What opens the API. It is shown this once."))),
            ])
            .into(),
        ),
        ("DisputeSummary", object(summary()).into()),
        (
            "Dispute",
            object(summary().into_iter().chain([
                must("submissions", list(of("Submission"))),
                must("history", list(of("HistoryEntry"))),
            ]))
            .into(),
        ),
        ("Submission", submission().into()),
        ("HistoryEntry", history_entry().into()),
        ("EvidenceLink", evidence_link().into()),
    ]
}

fn app() -> Vec<Member> {
    vec![
        must("appId", of("AppId")),
        must("merchantId", of("MerchantId")),
        must("notifyUrl", or_null(of("NotifyUrl"))),
        must("scheme", of("Scheme")),
        must("enabled", flag()),
        must(
            "oldSecretExpiresTime",
            or_null(of_as(
                "Time",
                "Until when the secret before the last rotation verifies, too; null where none does.",
            )),
        ),
    ]
}

fn token() -> Vec<Member> {
    vec![must("name", of("TokenName")), must("role", of("Role")), must("createdTime", of("Time"))]
}

/// A dispute as operators see it in a list.
fn summary() -> Vec<Member> {
    let actions = OperatorActionKind::ALL.iter().map(|kind| kind.as_str());
    let own = [
        must("merchantId", of("MerchantId")),
        must("reasonCode", or_null(of("ReasonCode"))),
        must(
            "allowedActions",
            list(one_of(actions)).description(Some("What the state allows the operator to do.")),
        ),
    ];
    dispute().into_iter().chain(own).collect()
}

fn submission() -> ObjectBuilder {
    let named = [
        must("evidenceId", form(EVIDENCE_ID).description(Some("Names the file within its dispute."))),
        must("type", of("EvidenceType")),
        must("name", of("EvidenceName")),
        must("url", of("StorageUri")),
    ];
    let evidence = object(named.into_iter().chain(content()));
    object([
        must("submissionId", text().description(Some("Counts the dispute's submissions from 1."))),
        must("submittedTime", of("Time")),
        must("type", of_as("Stage", "In which stage it was submitted.")),
        must("evidence", list(evidence)),
    ])
}

/// What a file is made of.
fn content() -> [Member; 3] {
    let largest = usize::try_from(rebuttal_protocol::Scene::max_bytes_of_any()).unwrap_or(usize::MAX);
    [
        must("sha256", of_as("Sha256", "Of the bytes that were submitted; it never changes.")),
        must("size", number(1, largest).description(Some("In bytes."))),
        must("mediaType", of("MediaType")),
    ]
}

fn evidence_link() -> ObjectBuilder {
    let url = text().description(Some("Where the file is fetched with GET. It is a secret."));
    let expires = of_as("Time", "Until when the store answers it.");
    object([must("url", url), must("expiresTime", expires)].into_iter().chain(content()))
}

fn history_entry() -> ObjectBuilder {
    object([
        must(
            "sequence",
            number(1, u32::MAX as usize).description(Some("Counts the dispute's entries from 1.")),
        ),
        must("time", of("Time")),
        must("event", one_of(Event::ALL.iter().map(|event| event.as_str()))),
        must("actor", text().description(Some("Who acted: an operator's token, an app, or the gateway."))),
        must("status", or_null(of_as("Status", "Where the dispute stood afterwards."))),
        must("type", or_null(of("Stage"))),
        must("deadline", or_null(of("Time"))),
        must("submissionId", or_null(text())),
        must("note", or_null(of("Note"))),
        must("hash", of_as("Sha256", "Binds the entry to the one before it.")),
    ])
}

fn refusals() -> Shapes {
    let code = one_of(Code::ALL.iter().map(Code::as_str)).description(Some(code_table()));
    vec![
        ("Code", code.into()),
        (
            "Refusal",
            object([
                must("code", of("Code")),
                must("errorMessage", text().description(Some("What happened, why, and what to do."))),
                must("data", null()),
            ])
            .description(Some("A merchant's call that was not served."))
            .into(),
        ),
        (
            "Problem",
            object([
                must("title", text().description(Some("What the code means."))),
                must("status", number(400, 599)),
                must("code", of("Code")),
                must("detail", text().description(Some("What happened, why, and what to do."))),
            ])
            .description(Some("An operator's call that was not served: a problem document of RFC 9457."))
            .into(),
        ),
    ]
}

/// One code, one meaning, one status.
fn code_table() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let (status, meaning, again) = (status(code).as_u16(), code.meaning(), code.resend().as_str());
        format!("| `{code}` | {status} | {meaning} | {again} |\n")
    });
    format!(
        "One code has one meaning and one status.\n\n| code | HTTP | meaning | send again |\n|---|---|---|---|\n{}",
        rows.collect::<String>()
    )
}

/// As `operator::disputes::view` makes them: the submission's number and the file's own place.
pub(super) const EVIDENCE_ID: &str = "^[1-9][0-9]*-[1-9][0-9]*$";

fn distinct<'w>(words: impl Iterator<Item = &'w str>) -> Vec<&'w str> {
    let mut seen = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}
