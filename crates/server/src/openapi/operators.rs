//! The operator API as the document tells it: merchants, their apps, and tokens. Disputes are in [`super::disputes`].

use anyhow::Result;
use http::StatusCode;
use rebuttal_protocol::Code;
use rebuttal_protocol::operator::{IDEMPOTENCY_KEY_MAX, PAGE_MAX, Role};
use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, Parameter};

use super::call::{Answered, Call, Form, Group, Usage, in_header, in_path, in_query};
use super::document::Told;
use super::examples::{Examples, ONE_DAY};
use super::words::{Schema, form, list, must, number, object, of, or_null, text};
use crate::auth::permission::Permission;

pub(super) const TAG: &str = "Operators";

/// What every call that only reads may be refused with.
pub(super) const READING: Group = Group { name: "OperatorsReading", form: Form::Problem, codes: &READ };
const READ: [Code; 6] = [
    Code::InvalidParameter,
    Code::MethodNotAllowed,
    Code::OperatorUnauthorized,
    Code::RateLimited,
    Code::SystemError,
    Code::Unavailable,
];
/// And what every one that changes something may.
pub(super) const CHANGING: Group = Group { name: "OperatorsChanging", form: Form::Problem, codes: &CHANGE };
const CHANGE: [Code; 12] = [
    Code::RequestMalformed,
    Code::InvalidParameter,
    Code::MethodNotAllowed,
    Code::NotAcceptable,
    Code::TooLarge,
    Code::UnsupportedMediaType,
    Code::OperatorUnauthorized,
    Code::OperatorForbidden,
    Code::RateLimited,
    Code::SystemError,
    Code::Unavailable,
    Code::OutcomeUnknown,
];

/// An operator's call that is not complete without its answers.
pub(super) struct Asked {
    call: Call,
    right: Permission,
}

/// A call that only reads.
pub(super) fn read(id: &'static str, summary: &'static str, description: &str) -> Asked {
    let call = Call {
        group: &READING,
        id,
        tag: TAG,
        summary,
        description: description.to_owned(),
        parameters: Vec::new(),
        takes: None,
        answers: Vec::new(),
        own: Vec::new(),
    };
    Asked { call, right: Permission::Read }
}

/// A call that changes something.
pub(super) fn change(
    right: Permission,
    id: &'static str,
    summary: &'static str,
    description: &str,
    (schema, example): (&'static str, Value),
) -> Asked {
    let Asked { call, .. } = read(id, summary, description);
    Asked { call: Call { group: &CHANGING, takes: Some(Usage(schema, example)), ..call }, right }
}

impl Asked {
    pub(super) fn with(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.call.parameters.extend(parameters);
        self
    }

    /// May be sent again under its key. The same key with another request is a conflict.
    pub(super) fn keyed(self) -> Self {
        let key = form(format!("^[!-~]{{1,{IDEMPOTENCY_KEY_MAX}}}$"));
        let what = "Kept for 30 days: the same key with the same request is answered the first answer again, be it a 404 \
                    or 409, with another request 409. An answer that showed a secret or token is given again for 24 \
                    hours; after that 409.";
        self.with([in_header("Idempotency-Key", key.into(), what)]).refused(&[Code::OperatorConflict])
    }

    pub(super) fn refused(mut self, codes: &[Code]) -> Self {
        self.call.own.extend_from_slice(codes);
        self
    }

    pub(super) fn answered(
        mut self,
        status: StatusCode,
        what: &'static str,
        schema: impl Into<Schema>,
        example: Value,
    ) -> Self {
        self.call.answers.push(Answered { status, what, schema: schema.into(), example });
        self
    }

    pub(super) fn done(self) -> Operation {
        self.call.of_operators(self.right)
    }
}

/// A page of a list: its items, and where the next one begins.
pub(super) fn page(items: &str) -> utoipa::openapi::ObjectBuilder {
    let next = text().description(Some("Send it as `cursor` for the next page; null on the last one."));
    object([must("items", list(of(items))), must("nextCursor", or_null(next))])
}

/// How a list is gone through.
pub(super) fn paging() -> [Parameter; 2] {
    let limit = number(1, PAGE_MAX as usize).into();
    let cursor = super::words::named_form("cursor").min_length(Some(1)).into();
    [
        in_query("limit", limit, &format!("Most items of the page; {PAGE_MAX} where it is left out.")),
        in_query("cursor", cursor, "What the page before told as `nextCursor`."),
    ]
}

fn merchant_id() -> Parameter {
    in_path("merchantId", of("MerchantId"), 80)
}

pub(super) fn calls(examples: &Examples) -> Result<Vec<Told>> {
    let (merchants, apps) = ("/merchants", "/merchants/{merchantId}/apps");
    Ok(vec![
        Told::get(merchants, list_merchants(examples)?).of_operators(),
        Told::post(merchants, create_merchant(examples)?).of_operators(),
        Told::patch("/merchants/{merchantId}", change_merchant(examples)?).of_operators(),
        Told::get(apps, list_apps(examples)?).of_operators(),
        Told::post(apps, create_app(examples)?).of_operators(),
        Told::patch("/merchants/{merchantId}/apps/{appId}", change_app(examples)?).of_operators(),
        Told::post("/merchants/{merchantId}/apps/{appId}/rotate", rotate_secret(examples)?).of_operators(),
        Told::post("/merchants/{merchantId}/apps/{appId}/endOverlap", end_overlap(examples)?).of_operators(),
        Told::get("/tokens", list_tokens(examples)?).of_operators(),
        Told::post("/tokens", create_token()).of_operators(),
        Told::post("/tokens/{name}/revoke", revoke_token(examples)?).of_operators(),
    ])
}

fn list_merchants(examples: &Examples) -> Result<Operation> {
    let example = json!({ "items": [examples.merchant()?], "nextCursor": null });
    Ok(read("listMerchants", "List merchants", "By their numbers.")
        .with(paging())
        .answered(StatusCode::OK, "A page of merchants.", page("Merchant"), example)
        .done())
}

fn create_merchant(examples: &Examples) -> Result<Operation> {
    let taken = ("CreateMerchant", json!({ "name": "Corner Shop", "timeZone": "Asia/Shanghai" }));
    Ok(change(Permission::Administer, "createMerchant", "Make a merchant", "The gateway numbers it.", taken)
        .keyed()
        .answered(StatusCode::CREATED, "The merchant.", of("Merchant"), examples.merchant()?)
        .done())
}

fn change_merchant(examples: &Examples) -> Result<Operation> {
    let taken = ("ChangeMerchant", json!({ "name": "Corner Shop" }));
    Ok(change(
        Permission::Administer,
        "changeMerchant",
        "Change a merchant",
        "What is left out stays.",
        taken,
    )
    .with([merchant_id()])
    .refused(&[Code::OperatorNotFound])
    .answered(StatusCode::OK, "The merchant as it is now.", of("Merchant"), examples.merchant()?)
    .done())
}

fn list_apps(examples: &Examples) -> Result<Operation> {
    let apps = object([must("items", list(of("App")))]);
    let example = json!({ "items": [examples.rotating_app()?] });
    Ok(read("listApps", "List a merchant's apps", "All of them, the oldest first, without their secrets.")
        .with([merchant_id()])
        .refused(&[Code::OperatorNotFound])
        .answered(StatusCode::OK, "The apps.", apps, example)
        .done())
}

fn create_app(examples: &Examples) -> Result<Operation> {
    let description = "An app is one integration of a merchant: an id and a secret that sign its calls. The secret is shown \
        this once, and again to whoever repeats the request under its key.";
    let taken = ("AppSettings", json!({ "notifyUrl": "https://shop.example/disputes" }));
    Ok(change(Permission::Administer, "createApp", "Make an app", description, taken)
        .with([merchant_id()])
        .keyed()
        .refused(&[Code::OperatorNotFound])
        .answered(
            StatusCode::CREATED,
            "The app with its secret.",
            of("NewApp"),
            examples.with_secret(examples.app()?)?,
        )
        .done())
}

fn app_id(examples: &Examples) -> Result<Parameter> {
    Ok(in_path("appId", of("AppId"), examples.app_id()?))
}

fn change_app(examples: &Examples) -> Result<Operation> {
    let taken = ("AppSettings", json!({ "enabled": true }));
    Ok(change(Permission::Administer, "changeApp", "Change an app", "What is left out stays.", taken)
        .with([merchant_id(), app_id(examples)?])
        .refused(&[Code::OperatorNotFound])
        .answered(StatusCode::OK, "The app as it is now.", of("App"), examples.app()?)
        .done())
}

fn rotate_secret(examples: &Examples) -> Result<Operation> {
    let description = "Makes a new secret; the old one verifies until the overlap is over, which `oldSecretExpiresTime` \
        tells of the app until then. Without an overlap (`0`) all older secrets end, within five seconds on every replica. \
        A second overlap within one is a conflict.";
    let taken = ("RotateSecret", json!({ "overlapSeconds": ONE_DAY.as_secs() }));
    Ok(change(Permission::Administer, "rotateSecret", "Rotate an app's secret", description, taken)
        .with([merchant_id(), app_id(examples)?])
        .keyed()
        .refused(&[Code::OperatorNotFound])
        .answered(
            StatusCode::OK,
            "The app with its new secret.",
            of("NewApp"),
            examples.with_secret(examples.rotating_app()?)?,
        )
        .done())
}

fn end_overlap(examples: &Examples) -> Result<Operation> {
    let description = "Every secret but the newest ends, within five seconds on every replica. Where no overlap is \
        running, nothing changes. To end the newest secret too, rotate it with `overlapSeconds` 0.";
    Ok(change(
        Permission::Administer,
        "endOverlap",
        "End a rotation's overlap",
        description,
        ("EndOverlap", json!({})),
    )
    .with([merchant_id(), app_id(examples)?])
    .keyed()
    .refused(&[Code::OperatorNotFound])
    .answered(StatusCode::OK, "The app as it is now.", of("App"), examples.app()?)
    .done())
}

fn list_tokens(examples: &Examples) -> Result<Operation> {
    let example = json!({ "items": [examples.token(false)?], "nextCursor": null });
    Ok(read("listTokens", "List tokens", "Those that let somebody in, by their names.")
        .with(paging())
        .answered(StatusCode::OK, "A page of tokens.", page("Token"), example)
        .done())
}

fn create_token() -> Operation {
    let taken = ("CreateToken", json!({ "name": "night-shift", "role": Role::Operator }));
    let token = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let example = json!({ "name": "night-shift", "role": Role::Operator, "token": token });
    change(Permission::Administer, "createToken", "Make a token", "A name is one token's at a time.", taken)
        .keyed()
        .answered(StatusCode::CREATED, "The token, shown this once.", of("NewToken"), example)
        .done()
}

fn revoke_token(examples: &Examples) -> Result<Operation> {
    let description = "From then on the token lets nobody in, on any replica. It may be repeated. The first token, \
        `operator`, cannot be revoked.";
    Ok(change(
        Permission::Administer,
        "revokeToken",
        "Revoke a token",
        description,
        ("RevokeToken", json!({})),
    )
    .with([in_path("name", of("TokenName"), "night-shift")])
    .keyed()
    .refused(&[Code::OperatorNotFound])
    .answered(StatusCode::OK, "The token.", of("Token"), examples.token(true)?)
    .done())
}
