//! The merchant API as the document tells it: four signed calls, and the form that takes a file.

use anyhow::{Context as _, Result};
use http::StatusCode;
use rebuttal_protocol::{Code, MerchantCall, Scene};
use serde_json::{Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::xml::Xml;
use utoipa::openapi::{Content, Required, Response};

use super::call::{Answered, Call, Form, Group, Usage, by_status, with_head_limit, with_headers, with_id};
use super::document::Told;
use super::examples::Examples;
use super::words::{binary, must, object, of, one_of, text};
use crate::http::paths::UPLOADED;
use crate::merchant::upload;

pub(super) const TAG: &str = "Merchants";

/// What every merchant's call may be refused with.
pub(super) const CALLS: Group = Group { name: "Merchants", form: Form::Envelope, codes: &EVERY };
const EVERY: [Code; 16] = [
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

pub(super) fn calls(examples: &Examples) -> Result<Vec<Told>> {
    MerchantCall::ALL.iter().map(|call| Ok(Told::post(call.path(), operation(*call, examples)?))).collect()
}

fn operation(call: MerchantCall, examples: &Examples) -> Result<Operation> {
    match call {
        MerchantCall::GenerateUploadUrl => generate_upload_url(examples),
        MerchantCall::Contest => contest(examples),
        MerchantCall::Accept => accept(examples),
        MerchantCall::Query => query(examples),
    }
}

fn contest(examples: &Examples) -> Result<Operation> {
    use Code::{
        ContentMismatch, DeadlinePassed, DisputeNotFound, EvidenceNotFound, EvidenceNotUploaded,
        InvalidState, OutcomeUnknown,
    };
    let description = "Submits all evidence against a dispute in one call: `NEEDS_RESPONSE` becomes `UNDER_REVIEW`. Every \
        item is taken or none, and the message names each faulty one.\n\nThe same contest again, with the same types, \
        names and urls in any order, is answered `OK` and changes nothing, after the deadline too; so a contest whose \
        answer was lost is simply sent again, with a fresh header.";
    let own = [
        OutcomeUnknown,
        DisputeNotFound,
        InvalidState,
        DeadlinePassed,
        EvidenceNotFound,
        EvidenceNotUploaded,
        ContentMismatch,
    ];
    Ok(call("contest", "Contest a dispute", description, ("ContestRequest", examples.body("contest")?), &own)
        .answered("Done", "Contested, durably, or contested like this before.", examples.body("answer")?))
}

fn accept(examples: &Examples) -> Result<Operation> {
    use Code::{DeadlinePassed, DisputeNotFound, InvalidState, OutcomeUnknown};
    let description = "Gives the disputed money up: `NEEDS_RESPONSE` becomes `ACCEPTED`. It may be repeated.";
    let own = [OutcomeUnknown, DisputeNotFound, InvalidState, DeadlinePassed];
    let dispute_no = json!({ "disputeNo": examples.dispute_no() });
    Ok(call("accept", "Accept a dispute", description, ("AcceptRequest", dispute_no), &own).answered(
        "Done",
        "Accepted, durably, or accepted before.",
        examples.body("answer")?,
    ))
}

fn query(examples: &Examples) -> Result<Operation> {
    let description = "Tells one of the merchant's disputes, by exactly one of three keys. Where several match, the one \
        that needs a response soonest is told, else the newest; ties go by number.";
    let own = [Code::DisputeNotFound];
    Ok(call("query", "Query a dispute", description, ("QueryRequest", examples.body("query")?), &own)
        .answered("DisputeData", "The dispute.", examples.queried()?))
}

fn generate_upload_url(examples: &Examples) -> Result<Operation> {
    let description = "Says where and with which form one file may be uploaded, within ten minutes. Post a \
        `multipart/form-data` form to `uploadUrl` with every field of `formFields` unaltered and the file last, in a part \
        named `file`; then name `storageUri` in a contest.";
    let own = [Code::OutcomeUnknown, Code::UnsupportedFileType];
    let asked = json!({ "filename": "receipt.png", "contentType": "image/png", "scene": "DISPUTE_EVIDENCE" });
    let taken = ("GenerateUploadUrlRequest", asked);
    Ok(call("generateUploadUrl", "Ask where to upload a file", description, taken, &own).answered(
        "UploadUrlData",
        "Where and how.",
        examples.upload_url()?,
    ))
}

/// A signed call that is not complete without its answer.
struct Asked(Call);

fn call(
    id: &'static str,
    summary: &'static str,
    description: &str,
    (schema, example): (&'static str, Value),
    own: &[Code],
) -> Asked {
    Asked(Call {
        group: &CALLS,
        id,
        tag: TAG,
        summary,
        description: description.to_owned(),
        parameters: Vec::new(),
        takes: Some(Usage(schema, example)),
        answers: Vec::new(),
        own: own.to_vec(),
    })
}

impl Asked {
    fn answered(self, data: &str, what: &'static str, example: Value) -> Operation {
        let answered = Answered { status: StatusCode::OK, what, schema: of(data), example };
        Call { answers: vec![answered], ..self.0 }.of_merchants()
    }
}

/// The embedded store's end of a form, which answers as S3 does.
pub(super) fn receive(examples: &Examples) -> Result<Told> {
    let upload_url = examples.upload_url()?;
    let fields =
        upload_url.pointer("/data/formFields").and_then(Value::as_object).context("the fields of a form")?;
    let fields = fields.keys().fold(object([]), |form, field| form.property(field, text()).required(field));
    let largest = Scene::max_bytes_of_any();
    let description = format!(
        "Where `uploadUrl` leads unless the gateway's operator keeps evidence in an S3. The fields are those of \
         `formFields`, all of them and no other, in any order; `file` comes last and has 1 to {largest} bytes that \
         are what its name says. Who calls is known by the signature within the form; no header is signed."
    );
    let form = Content::new(Some(fields.property("file", binary()).required("file")));
    let body =
        RequestBody::builder().content("multipart/form-data", form).required(Some(Required::True)).build();
    let mut operation = Operation::builder()
        .operation_id(Some("upload"))
        .tag(TAG)
        .summary(Some("Upload a file"))
        .description(Some(description))
        .request_body(Some(body))
        .response("204", with_id(Response::builder()).description("The file lies there, durably."));
    for (status, codes) in by_status(upload::refusals()) {
        operation = operation.response(status.as_str(), not_taken(status, codes));
    }
    let mut operation = with_head_limit(operation).build();
    operation.security = Some(Vec::new());
    Ok(Told::post(UPLOADED, operation))
}

/// A refusal in S3's form. The codes are S3's, not those of the table.
fn not_taken(status: StatusCode, codes: Vec<&str>) -> Response {
    let told: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    let error = object([must("Code", one_of(codes)), must("Message", text())]);
    let error = error.xml(Some(Xml::builder().name(Some("Error")).build()));
    let response = with_id(Response::builder()).description(told.join(", "));
    with_headers(status, response).content("application/xml", Content::new(Some(error))).build()
}
