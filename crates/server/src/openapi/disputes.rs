//! The operator API in the document: opening, reading and changing disputes.

use anyhow::{Context as _, Result};
use http::StatusCode;
use rebuttal_evidence::s3::LINK_LIFETIME;
use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::operator::answers::{DisputeSummary, EvidenceId};
use rebuttal_protocol::operator::{OpenDispute, OperatorAction, OperatorActionKind};
use rebuttal_protocol::time::Time;
use rebuttal_protocol::{Code, DisputeNo, FileFormat, MerchantId};
use serde_json::{Value, json};
use utoipa::PartialSchema as _;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::{Content, ObjectBuilder, RefOr, Response, Schema as Inline};

use super::call::{PathOperation, in_path, in_query, with_id};
use super::document::Draft;
use super::examples::opening;
use super::operators::{WRITES, call, page, paging, read, write};
use super::schemas::{Schema, binary, boolean, integer, pattern};
use crate::auth::permission::Permission;
use crate::operator::PREFIX;
use crate::operator::disputes::list::Q_MAX;

const DEADLINE: &str = "2034-06-03T12:00:00.000+08:00";

pub(super) fn calls(draft: &Draft) -> Result<Vec<PathOperation>> {
    let disputes = format!("{PREFIX}/disputes");
    let dispute = format!("{disputes}/{{disputeNo}}");
    let evidence = format!("{dispute}/evidence/{{evidenceId}}");
    let mut calls = vec![
        PathOperation::get(&disputes, list_disputes(draft)?),
        PathOperation::post(&disputes, open_dispute(draft)?),
        PathOperation::get(&dispute, show_dispute(draft)?),
        PathOperation::get(&evidence, download_evidence(draft)),
        PathOperation::get(&format!("{evidence}/link"), link_evidence(draft)?),
    ];
    for kind in OperatorActionKind::ALL {
        calls.push(PathOperation::post(&format!("{dispute}/{kind}"), action(*kind, draft)?));
    }
    Ok(calls)
}

fn dispute_no(draft: &Draft) -> Parameter {
    in_path("disputeNo", draft.of::<DisputeNo>(), "1234567890")
}

fn evidence_id(draft: &Draft) -> Parameter {
    in_path("evidenceId", draft.of::<EvidenceId>(), "1-1")
}

fn list_disputes(draft: &Draft) -> Result<Operation> {
    let prefix = pattern(r"^[^\u0000-\u001f\u007f-\u009f]*$").max_length(Some(Q_MAX));
    let filters = [
        in_query("merchantId", draft.of::<MerchantId>(), "Only disputes of this merchant."),
        in_query("status", draft.of::<Status>(), "Only disputes in this state."),
        in_query("type", draft.of::<Stage>(), "Only disputes in this stage."),
        in_query("deadlineBefore", draft.of::<Time>(), "Only disputes with a deadline before this time."),
        in_query("createdAfter", draft.of::<Time>(), "Only disputes opened after this time."),
        in_query(
            "q",
            prefix,
            "Only disputes with a dispute, payment, trade or reference number that starts with this.",
        ),
    ];
    let total = integer(0).description(Some("How many disputes match; the gateway counts up to 10,000."));
    let exact =
        boolean().description(Some("Whether the total is exact; otherwise at least as many disputes match."));
    let disputes = page(draft.of::<DisputeSummary>())
        .property("total", total)
        .required("total")
        .property("totalExact", exact)
        .required("totalExact");
    let description = "The disputes that match every filter, the newest first. For a page at most 10,000 disputes are examined: \
                       it may have fewer items than `limit`, or none, while `nextCursor` is not null; the next page \
                       continues where this one ended.";
    Ok(read(draft, ("listDisputes", "List disputes"), description)
        .parameters(filters)
        .parameters(paging())
        .returns_as(StatusCode::OK, "A page of disputes.", disputes, &draft.examples.listed())?
        .build())
}

fn open_dispute(draft: &Draft) -> Result<Operation> {
    let description = "The members of the request never change afterwards. A `disputeNo` or an `Idempotency-Key` is \
        required, so that a repeated request does not open a second dispute.";
    let named = ("openDispute", "Open a dispute");
    let opened = draft.examples.opened();
    Ok(write::<OpenDispute>(draft, Permission::Operate, named, description, opening())
        .idempotent()
        .returns(StatusCode::CREATED, "The dispute.", &opened)?
        .returns(StatusCode::OK, "The dispute was opened before, with the same members.", &opened)?
        .build())
}

fn show_dispute(draft: &Draft) -> Result<Operation> {
    let description = "Returns the dispute with all submissions and its history.";
    Ok(read(draft, ("showDispute", "Show a dispute"), description)
        .parameters([dispute_no(draft)])
        .rejected(&[Code::OperatorNotFound, Code::DisputeNotFound])
        .returns(StatusCode::OK, "The dispute.", &draft.examples.contested())?
        .build())
}

fn download_evidence(draft: &Draft) -> Operation {
    let description = "Returns the submitted bytes as an attachment, only if they still have the SHA-256 that was recorded.";
    let mut operation = read(draft, ("downloadEvidence", "Download a piece of evidence"), description)
        .parameters([dispute_no(draft), evidence_id(draft)])
        .rejected(&[Code::OperatorNotFound, Code::DisputeNotFound])
        .build();
    let file = with_id(Response::builder()).description("The file.");
    let file = FileFormat::ALL
        .iter()
        .fold(file, |file, format| file.content(format.media_type(), Content::new(Some(binary()))));
    operation.responses.responses.insert(StatusCode::OK.as_str().to_owned(), file.build().into());
    operation
}

fn link_evidence(draft: &Draft) -> Result<Operation> {
    let minutes = LINK_LIFETIME.as_secs() / 60;
    let description = format!(
        "Where evidence is stored in S3, returns a link by which a browser or a program fetches the file from there as \
         an attachment, without a token, within {minutes} minutes. The link is created only if the bytes, read for this \
         request, still have the SHA-256 that was recorded; compare it with that of the fetched file. Anyone who has the \
         link can use it, and it cannot be revoked: treat it as a password. Evidence in a folder has no links."
    );
    Ok(read(draft, ("linkEvidence", "Link to a piece of evidence"), &description)
        .parameters([dispute_no(draft), evidence_id(draft)])
        .rejected(&[Code::OperatorNotFound, Code::DisputeNotFound, Code::OperatorConflict])
        .returns(StatusCode::OK, "The link.", &draft.examples.link()?)?
        .build())
}

/// The summary and the description of an action, and an example of its request.
fn described(kind: OperatorActionKind) -> (&'static str, &'static str, Value) {
    match kind {
        OperatorActionKind::RequestEvidence => (
            "Request more evidence",
            "`UNDER_REVIEW` becomes `NEEDS_RESPONSE`. If the deadline passes without a response, the earlier submission counts.",
            json!({ "deadline": DEADLINE, "note": "A proof of delivery, please" }),
        ),
        OperatorActionKind::Resolve => (
            "Resolve a dispute",
            "Decides the dispute. The same outcome may be sent again; another one is rejected.",
            json!({ "outcome": "WON", "note": "The issuer took the receipt" }),
        ),
        OperatorActionKind::Advance => (
            "Advance a dispute to a later stage",
            "The dispute needs a response again, in the new stage.",
            json!({ "type": "PRE_ARBITRATION", "deadline": DEADLINE }),
        ),
        OperatorActionKind::Extend => (
            "Extend a deadline",
            "Extends the deadline. An expired dispute needs a response again.",
            json!({ "deadline": DEADLINE }),
        ),
        OperatorActionKind::Withdraw => (
            "Withdraw a dispute",
            "The cardholder or the issuer took the dispute back. The call may be repeated.",
            json!({ "note": "The cardholder found the parcel" }),
        ),
    }
}

fn action(kind: OperatorActionKind, draft: &Draft) -> Result<Operation> {
    let (summary, description, request) = described(kind);
    let changed = draft.examples.changed(kind, &request)?;
    Ok(call(draft, &WRITES, Permission::Operate, (kind.as_str(), summary), description)
        .body(request_of(kind, draft)?, request)
        .parameters([dispute_no(draft)])
        .idempotent()
        .rejected(&[Code::OperatorNotFound, Code::DisputeNotFound, Code::InvalidState])
        .returns(StatusCode::OK, "The changed dispute.", &changed)?
        .build())
}

/// The schema of one action's request: the one of [`OperatorAction`] with the action's title, without other members.
fn request_of(kind: OperatorActionKind, draft: &Draft) -> Result<Schema> {
    draft.within::<OperatorAction>();
    let RefOr::T(Inline::OneOf(actions)) = OperatorAction::schema() else {
        anyhow::bail!("OperatorAction is one of its variants")
    };
    let mut requests = actions.items.into_iter().filter_map(|action| match action {
        RefOr::T(Inline::Object(object)) if object.title.as_deref() == Some(kind.as_str()) => Some(object),
        _ => None,
    });
    let request = requests.next().with_context(|| format!("no schema for {kind}"))?;
    let closed = AdditionalProperties::FreeForm(false);
    Ok(ObjectBuilder::from(request).additional_properties(Some(closed)).into())
}
