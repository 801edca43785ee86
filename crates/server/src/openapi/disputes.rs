//! Disputes as operators open, see and move them, as the document tells it.

use anyhow::Result;
use http::StatusCode;
use rebuttal_evidence::s3::LINK_LIFETIME;
use rebuttal_protocol::operator::OperatorActionKind;
use rebuttal_protocol::{Code, FileFormat};
use serde_json::{Value, json};
use utoipa::openapi::Content;
use utoipa::openapi::path::{Operation, Parameter};

use super::call::{in_path, in_query, with_id};
use super::document::Told;
use super::examples::{Examples, opening};
use super::operators::{change, page, paging, read};
use super::shapes::EVIDENCE_ID;
use super::words::{WITHOUT_CONTROLS, binary, count, flag, form, of};
use crate::auth::permission::Permission;
use crate::operator::disputes::list::Q_MAX;

const DEADLINE: &str = "2034-06-03T12:00:00.000+08:00";

pub(super) fn calls(examples: &Examples) -> Result<Vec<Told>> {
    let mut calls = vec![
        Told::get("/disputes", list_disputes(examples)?),
        Told::post("/disputes", open_dispute(examples)?),
        Told::get("/disputes/{disputeNo}", show_dispute(examples)?),
        Told::get("/disputes/{disputeNo}/evidence/{evidenceId}", download_evidence()),
        Told::get("/disputes/{disputeNo}/evidence/{evidenceId}/link", link_evidence(examples)?),
    ];
    for kind in OperatorActionKind::ALL {
        calls.push(Told::post(&format!("/disputes/{{disputeNo}}/{kind}"), act(*kind, examples)?));
    }
    Ok(calls.into_iter().map(Told::of_operators).collect())
}

fn dispute_no() -> Parameter {
    in_path("disputeNo", of("DisputeNo"), "1234567890")
}

fn evidence_id() -> Parameter {
    in_path("evidenceId", form(EVIDENCE_ID).into(), "1-1")
}

fn list_disputes(examples: &Examples) -> Result<Operation> {
    let filters = [
        in_query("merchantId", of("MerchantId"), "Of this merchant."),
        in_query("status", of("Status"), "In this state."),
        in_query("type", of("Stage"), "In this stage."),
        in_query("deadlineBefore", of("Time"), "With a deadline before this moment."),
        in_query("createdAfter", of("Time"), "Opened after this moment."),
        in_query(
            "q",
            form(WITHOUT_CONTROLS).max_length(Some(Q_MAX)).into(),
            "Whose dispute, payment, trade or reference number starts with this.",
        ),
    ];
    let disputes = page("DisputeSummary")
        .property("total", count().description(Some("How many match; counted up to 10,000.")))
        .required("total")
        .property("totalExact", flag().description(Some("Whether these are all.")))
        .required("totalExact");
    Ok(read("listDisputes", "List disputes", "Those that match every filter given, the newest first.")
        .with(filters)
        .with(paging())
        .answered(StatusCode::OK, "A page of disputes.", disputes, examples.listed()?)
        .done())
}

fn open_dispute(examples: &Examples) -> Result<Operation> {
    let description = "What it is opened with never changes. A `disputeNo` or an `Idempotency-Key` must be given, so that \
        sending it again opens no second one.";
    Ok(change(Permission::Act, "openDispute", "Open a dispute", description, ("OpenDispute", opening()))
        .keyed()
        .answered(StatusCode::CREATED, "The dispute.", of("Dispute"), examples.opened()?)
        .answered(
            StatusCode::OK,
            "It was opened before, with the same content.",
            of("Dispute"),
            examples.opened()?,
        )
        .done())
}

fn show_dispute(examples: &Examples) -> Result<Operation> {
    let description = "With all that was submitted, and all that happened.";
    Ok(read("showDispute", "Show a dispute", description)
        .with([dispute_no()])
        .refused(&[Code::OperatorNotFound, Code::DisputeNotFound])
        .answered(StatusCode::OK, "The dispute.", of("Dispute"), examples.contested()?)
        .done())
}

fn download_evidence() -> Operation {
    let description = "The bytes as they were submitted, only if they still have the SHA-256 that was recorded; always as an \
        attachment.";
    let mut operation = read("downloadEvidence", "Download a piece of evidence", description)
        .with([dispute_no(), evidence_id()])
        .refused(&[Code::OperatorNotFound, Code::DisputeNotFound])
        .done();
    let file = with_id(utoipa::openapi::Response::builder()).description("The file.");
    let file = FileFormat::ALL
        .iter()
        .fold(file, |file, format| file.content(format.media_type(), Content::new(Some(binary()))));
    operation.responses.responses.insert(StatusCode::OK.as_str().to_owned(), file.build().into());
    operation
}

fn link_evidence(examples: &Examples) -> Result<Operation> {
    let minutes = LINK_LIFETIME.as_secs() / 60;
    let description = format!(
        "Where the evidence lies in an S3, a link by which a browser or a program fetches the file from there without a \
         token, within {minutes} minutes; always as an attachment. It is made only if the bytes, read just now, still have \
         the SHA-256 that was recorded; compare it with that of what was fetched. Whoever has the link can use it, and it \
         cannot be taken back: treat it as a password. Evidence in a folder has no links."
    );
    Ok(read("linkEvidence", "Link to a piece of evidence", &description)
        .with([dispute_no(), evidence_id()])
        .refused(&[Code::OperatorNotFound, Code::DisputeNotFound, Code::OperatorConflict])
        .answered(StatusCode::OK, "The link.", of("EvidenceLink"), examples.link()?)
        .done())
}

/// What an act is called, what it does, what it takes, and an example of that.
fn told(kind: OperatorActionKind) -> (&'static str, &'static str, (&'static str, Value)) {
    match kind {
        OperatorActionKind::RequestEvidence => (
            "Ask for more evidence",
            "`UNDER_REVIEW` becomes `NEEDS_RESPONSE`. Where the deadline passes unanswered, what was submitted counts.",
            ("RequestEvidence", json!({ "deadline": DEADLINE, "note": "A proof of delivery, please" })),
        ),
        OperatorActionKind::Resolve => (
            "Resolve a dispute",
            "Decides it. The same outcome again is answered again, another one is refused.",
            ("Resolve", json!({ "outcome": "WON", "note": "The issuer took the receipt" })),
        ),
        OperatorActionKind::Advance => (
            "Go on to a later stage",
            "The dispute needs a response again, in the new stage.",
            ("Advance", json!({ "type": "PRE_ARBITRATION", "deadline": DEADLINE })),
        ),
        OperatorActionKind::Extend => (
            "Give more time",
            "Moves the deadline; an expired dispute needs a response again.",
            ("Extend", json!({ "deadline": DEADLINE })),
        ),
        OperatorActionKind::Withdraw => (
            "Withdraw a dispute",
            "The other side took it back. It may be repeated.",
            ("Withdraw", json!({ "note": "The cardholder found the parcel" })),
        ),
    }
}

fn act(kind: OperatorActionKind, examples: &Examples) -> Result<Operation> {
    let (summary, description, taken) = told(kind);
    let answered = examples.moved(kind, &taken.1)?;
    Ok(change(Permission::Act, kind.as_str(), summary, description, taken)
        .with([dispute_no()])
        .keyed()
        .refused(&[Code::OperatorNotFound, Code::DisputeNotFound, Code::InvalidState])
        .answered(StatusCode::OK, "The dispute as it is now.", of("Dispute"), answered)
        .done())
}
