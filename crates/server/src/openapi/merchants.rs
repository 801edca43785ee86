//! The merchant API in the document: four signed calls, and the form that uploads a file.

use anyhow::Result;
use http::StatusCode;
use rebuttal_protocol::answer::Done;
use rebuttal_protocol::dispute::{AcceptRequest, ContestRequest, QueryRequest};
use rebuttal_protocol::file::GenerateUploadUrlRequest;
use rebuttal_protocol::{Code, MerchantCall, Scene, Scheme};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::xml::Xml;
use utoipa::openapi::{Content, Required, Response};

use super::call::{
    Call, Format, PLAIN, PathOperation, Rejections, by_status, header, with_head_limit, with_headers, with_id,
};
use super::document::Draft;
use super::schemas::{binary, object, one_of, text};
use crate::http::paths::UPLOADED;
use crate::merchant::upload;

pub(super) const TAG: &str = "Merchants";

/// The codes of every merchant call's rejections.
pub(super) const REJECTIONS: Rejections =
    Rejections { name: "Merchants", format: Format::Signed, codes: &CODES };
const CODES: [Code; 16] = [
    Code::RequestMalformed,
    Code::InvalidParameter,
    Code::PathNotFound,
    Code::MethodNotAllowed,
    Code::NotAcceptable,
    Code::TooLarge,
    Code::UnsupportedMediaType,
    Code::AuthMalformed,
    Code::UnknownApp,
    Code::StaleTimestamp,
    Code::InvalidSignature,
    Code::AppDisabled,
    Code::ReplayedNonce,
    Code::RateLimited,
    Code::SystemError,
    Code::Unavailable,
];

pub(super) fn calls(draft: &Draft) -> Result<Vec<PathOperation>> {
    MerchantCall::ALL
        .iter()
        .map(|call| Ok(PathOperation::post(call.path(), operation(*call, draft)?)))
        .collect()
}

fn operation(call: MerchantCall, draft: &Draft) -> Result<Operation> {
    let examples = &draft.examples;
    let ok = StatusCode::OK;
    let call = match call {
        MerchantCall::GenerateUploadUrl => {
            let description = "Returns the address and the form for the upload of one file within ten minutes. Post a \
                `multipart/form-data` form to `uploadUrl` with every field of `formFields` unaltered and the file last, in \
                a part named `file`; then name `storageUri` in a contest.";
            let request =
                json!({ "filename": "receipt.png", "contentType": "image/png", "scene": "DISPUTE_EVIDENCE" });
            signed::<GenerateUploadUrlRequest>(draft, call, "Get an upload form", description, request)
                .rejected(&[Code::OutcomeUnknown, Code::UnsupportedFileType])
                .returns(ok, "Where and how to post the file.", &examples.upload_url()?)
        }
        MerchantCall::Contest => {
            let description = "Submits all evidence against a dispute in one call: `NEEDS_RESPONSE` becomes \
                `UNDER_REVIEW`. Either every item is accepted or none, and the message names each faulty one.\n\nThe same \
                contest again, with the same types, names and urls in any order, gets `OK` again and changes nothing, also \
                after the deadline. If the response to a contest was lost, send the contest again with a fresh header.";
            signed::<ContestRequest>(draft, call, "Contest a dispute", description, examples.body("contest")?)
                .rejected(&[
                    Code::OutcomeUnknown,
                    Code::DisputeNotFound,
                    Code::InvalidState,
                    Code::DeadlinePassed,
                    Code::EvidenceNotFound,
                    Code::EvidenceNotUploaded,
                    Code::ContentMismatch,
                ])
                .returns(ok, "Durably contested, now or before with the same evidence.", &Done::TRUE)
        }
        MerchantCall::Accept => {
            let description =
                "Accepts the loss: `NEEDS_RESPONSE` becomes `ACCEPTED`. The call may be repeated.";
            let request = json!({ "disputeNo": examples.dispute_no() });
            signed::<AcceptRequest>(draft, call, "Accept a dispute", description, request)
                .rejected(&[
                    Code::OutcomeUnknown,
                    Code::DisputeNotFound,
                    Code::InvalidState,
                    Code::DeadlinePassed,
                ])
                .returns(ok, "Durably accepted, now or before.", &Done::TRUE)
        }
        MerchantCall::Query => {
            let description = "Returns one of the merchant's disputes by exactly one of three keys. Where several match, it \
                is the one that needs a response soonest, otherwise the newest; ties go by number.";
            signed::<QueryRequest>(draft, call, "Query a dispute", description, examples.body("query")?)
                .rejected(&[Code::DisputeNotFound])
                .returns(ok, "The dispute.", &examples.queried()?)
        }
    }?;
    Ok(call.build())
}

/// A signed call that takes a `T`.
fn signed<'d, T: ToSchema>(
    draft: &'d Draft,
    call: MerchantCall,
    summary: &str,
    description: &str,
    example: Value,
) -> Call<'d> {
    Call::new(draft, &REJECTIONS, TAG, (call.name(), summary), description)
        .secured_by(Scheme::ALL.map(Scheme::as_str))
        .body(draft.of::<T>(), example)
}

/// The upload endpoint of the built-in store, which responds as S3 does.
pub(super) fn receive(draft: &Draft) -> Result<PathOperation> {
    let fields = draft.examples.upload_url()?.form_fields;
    let fields = fields.keys().fold(object([]), |form, field| form.property(field, text()).required(field));
    let largest = Scene::max_bytes_of_any();
    let description = format!(
        "The address in `uploadUrl`, unless the gateway's operator stores evidence in S3. The fields are those of \
         `formFields`, all of them and no other, in any order; `file` is the last one and has 1 to {largest} bytes \
         of the format of its extension. The signature in the form authenticates the caller; no header is signed. Pages \
         of the origins that the operator allows, by default all, may read the responses (CORS)."
    );
    let form = Content::new(Some(fields.property("file", binary()).required("file")));
    let body =
        RequestBody::builder().content("multipart/form-data", form).required(Some(Required::True)).build();
    let stored = with_id(Response::builder())
        .description("The file is durably stored.")
        .header("ETag", header(text(), "The file's SHA-256 in hex, in quotes."))
        .header(
            "Location",
            header(text(), "The address of the file as S3 returns it. Nothing is served there."),
        );
    let mut operation = Operation::builder()
        .operation_id(Some("upload"))
        .tag(TAG)
        .summary(Some("Upload a file"))
        .description(Some(description))
        .request_body(Some(body))
        .response("204", stored);
    for (status, codes) in by_status(upload::refusals()) {
        operation = operation.response(status.as_str(), rejection(status, codes));
    }
    let mut operation = with_head_limit(operation).build();
    operation.security = Some(Vec::new());
    Ok(PathOperation::post(UPLOADED, operation))
}

/// A rejection in S3's format, with S3's codes.
fn rejection(status: StatusCode, codes: Vec<&str>) -> Response {
    let names: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    let error = object([("Code", one_of(codes).into()), ("Message", text().into())]);
    let error = error.xml(Some(Xml::builder().name(Some("Error")).build()));
    let response = with_id(Response::builder()).description(names.join(", "));
    let response = match status {
        StatusCode::BAD_REQUEST => response.content(PLAIN, Content::new(Some(text()))),
        _ => response,
    };
    with_headers(status, response).content("application/xml", Content::new(Some(error))).build()
}
