//! The operator API in the document: merchants, their apps, and tokens. Disputes are in [`super::disputes`].

use anyhow::Result;
use http::StatusCode;
use rebuttal_protocol::operator::answers::{Apps, ListPage, Merchant, NewToken, Token};
use rebuttal_protocol::operator::{
    AppSettings, ChangeMerchant, CreateMerchant, CreateToken, EndOverlap, IDEMPOTENCY_KEY_MAX, PAGE_MAX,
    RevokeToken, Role, RotateSecret, TokenName,
};
use rebuttal_protocol::{AppId, Code, MerchantId};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::{ObjectBuilder, SchemaFormat};

use super::call::{Call, Format, PathOperation, Rejections, in_header, in_path, in_query};
use super::document::{Draft, OPERATOR_TOKEN};
use super::examples::ONE_DAY;
use super::schemas::{Schema, integer, list, nullable_text, object, pattern, text};
use crate::auth::permission::Permission;
use crate::operator::PREFIX;

pub(super) const TAG: &str = "Operators";

/// The codes of every reading call's rejections.
pub(super) const READS: Rejections =
    Rejections { name: "OperatorReads", format: Format::Problem, codes: &READ_CODES };
const READ_CODES: [Code; 6] = [
    Code::InvalidParameter,
    Code::MethodNotAllowed,
    Code::OperatorUnauthorized,
    Code::RateLimited,
    Code::SystemError,
    Code::Unavailable,
];
/// The codes of every changing call's rejections.
pub(super) const WRITES: Rejections =
    Rejections { name: "OperatorWrites", format: Format::Problem, codes: &WRITE_CODES };
const WRITE_CODES: [Code; 12] = [
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

/// A call that only reads.
pub(super) fn read<'d>(draft: &'d Draft, named: (&str, &str), description: &str) -> Call<'d> {
    call(draft, &READS, Permission::Read, named, description)
}

/// A call that changes something and takes a `T`.
pub(super) fn write<'d, T: ToSchema>(
    draft: &'d Draft,
    permission: Permission,
    named: (&str, &str),
    description: &str,
    example: Value,
) -> Call<'d> {
    call(draft, &WRITES, permission, named, description).body(draft.of::<T>(), example)
}

/// A call with a token of a role that has the permission.
pub(super) fn call<'d>(
    draft: &'d Draft,
    rejections: &'static Rejections,
    permission: Permission,
    named: (&str, &str),
    description: &str,
) -> Call<'d> {
    let roles = Role::ALL.iter().filter(|role| permission.is_granted_to(**role));
    let roles: Vec<_> = roles.map(|role| format!("`{role}`")).collect();
    let description = format!("{description}\n\nThe token's role: {}.", roles.join(" or "));
    Call::new(draft, rejections, TAG, named, description).secured_by([OPERATOR_TOKEN])
}

impl Call<'_> {
    /// May be repeated under its key.
    pub(super) fn idempotent(self) -> Self {
        let key = pattern(format!("^[!-~]{{1,{IDEMPOTENCY_KEY_MAX}}}$"));
        let description = "Stored for 30 days: the same key with the same request gets the first response again, also a 404 \
            or 409; with another request it gets 409. A response with a secret or token is repeated for 24 hours; after \
            that the key gets 409.";
        self.parameters([in_header("Idempotency-Key", key, description)]).rejected(&[Code::OperatorConflict])
    }
}

/// A page of a list.
pub(super) fn page(items: Schema) -> ObjectBuilder {
    let next = nullable_text().description(Some("The `cursor` of the next page; null on the last one."));
    object([("items", list(items).into()), ("nextCursor", next.into())])
}

/// The parameters of a list.
pub(super) fn paging() -> [Parameter; 2] {
    let limit = integer(1).maximum(Some(PAGE_MAX as usize));
    let cursor = text().format(Some(SchemaFormat::Custom("cursor".to_owned()))).min_length(Some(1));
    [
        in_query(
            "limit",
            limit,
            &format!("The maximum number of items in the page. The default is {PAGE_MAX}."),
        ),
        in_query("cursor", cursor, "The `nextCursor` of the page before."),
    ]
}

pub(super) fn calls(draft: &Draft) -> Result<Vec<PathOperation>> {
    let merchants = format!("{PREFIX}/merchants");
    let merchant = format!("{merchants}/{{merchantId}}");
    let apps = format!("{merchant}/apps");
    let app = format!("{apps}/{{appId}}");
    let tokens = format!("{PREFIX}/tokens");
    Ok(vec![
        PathOperation::get(&merchants, list_merchants(draft)?),
        PathOperation::post(&merchants, create_merchant(draft)?),
        PathOperation::patch(&merchant, change_merchant(draft)?),
        PathOperation::get(&apps, list_apps(draft)?),
        PathOperation::post(&apps, create_app(draft)?),
        PathOperation::patch(&app, change_app(draft)?),
        PathOperation::post(&format!("{app}/rotate"), rotate_secret(draft)?),
        PathOperation::post(&format!("{app}/endOverlap"), end_overlap(draft)?),
        PathOperation::get(&tokens, list_tokens(draft)?),
        PathOperation::post(&tokens, create_token(draft)?),
        PathOperation::post(&format!("{tokens}/{{name}}/revoke"), revoke_token(draft)?),
    ])
}

/// The path of a merchant.
fn merchant_id(draft: &Draft) -> Parameter {
    in_path("merchantId", draft.of::<MerchantId>(), 80)
}

/// The path of an app.
fn app_path(draft: &Draft) -> Result<[Parameter; 2]> {
    let app_id = in_path("appId", draft.of::<AppId>(), draft.examples.app_id()?);
    Ok([merchant_id(draft), app_id])
}

fn list_merchants(draft: &Draft) -> Result<Operation> {
    let merchants = page_of(draft.examples.merchant());
    Ok(read(draft, ("listMerchants", "List merchants"), "In the order of their numbers.")
        .parameters(paging())
        .returns_as(StatusCode::OK, "A page of merchants.", page(draft.of::<Merchant>()), &merchants)?
        .build())
}

fn create_merchant(draft: &Draft) -> Result<Operation> {
    let named = ("createMerchant", "Create a merchant");
    let request = json!({ "name": "Corner Shop", "timeZone": "Asia/Shanghai" });
    let description = "The gateway assigns the merchant's number.";
    Ok(write::<CreateMerchant>(draft, Permission::Admin, named, description, request)
        .idempotent()
        .returns(StatusCode::CREATED, "The merchant.", &draft.examples.merchant())?
        .build())
}

fn change_merchant(draft: &Draft) -> Result<Operation> {
    let named = ("changeMerchant", "Change a merchant");
    let description = "Members that are left out are not changed.";
    let request = json!({ "name": "Corner Shop" });
    Ok(write::<ChangeMerchant>(draft, Permission::Admin, named, description, request)
        .parameters([merchant_id(draft)])
        .rejected(&[Code::OperatorNotFound])
        .returns(StatusCode::OK, "The changed merchant.", &draft.examples.merchant())?
        .build())
}

fn list_apps(draft: &Draft) -> Result<Operation> {
    let description = "All of them, the oldest first, without their secrets.";
    let apps = Apps { items: vec![draft.examples.rotating_app()?] };
    Ok(read(draft, ("listApps", "List a merchant's apps"), description)
        .parameters([merchant_id(draft)])
        .rejected(&[Code::OperatorNotFound])
        .returns(StatusCode::OK, "The apps.", &apps)?
        .build())
}

fn create_app(draft: &Draft) -> Result<Operation> {
    let description = "An app is one integration of a merchant: an id, and a secret that signs its calls. The secret is \
        shown only in this response, and again when the request is repeated under its key.";
    let request = json!({ "notifyUrl": "https://shop.example/disputes" });
    let named = ("createApp", "Create an app");
    Ok(write::<AppSettings>(draft, Permission::Admin, named, description, request)
        .parameters([merchant_id(draft)])
        .idempotent()
        .rejected(&[Code::OperatorNotFound])
        .returns(
            StatusCode::CREATED,
            "The app with its secret.",
            &draft.examples.with_secret(draft.examples.app()?)?,
        )?
        .build())
}

fn change_app(draft: &Draft) -> Result<Operation> {
    let named = ("changeApp", "Change an app");
    let description = "Members that are left out are not changed.";
    let request = json!({ "enabled": true });
    Ok(write::<AppSettings>(draft, Permission::Admin, named, description, request)
        .parameters(app_path(draft)?)
        .rejected(&[Code::OperatorNotFound])
        .returns(StatusCode::OK, "The changed app.", &draft.examples.app()?)?
        .build())
}

fn rotate_secret(draft: &Draft) -> Result<Operation> {
    let description = "Creates a new secret. The old one verifies until the overlap ends, at the app's \
        `oldSecretExpiresTime`. Without an overlap (`0`) all older secrets end, within five seconds on every replica. A \
        second overlap within one is a conflict.";
    let named = ("rotateSecret", "Rotate an app's secret");
    let request = json!({ "overlapSeconds": ONE_DAY.as_secs() });
    Ok(write::<RotateSecret>(draft, Permission::Admin, named, description, request)
        .parameters(app_path(draft)?)
        .idempotent()
        .rejected(&[Code::OperatorNotFound])
        .returns(
            StatusCode::OK,
            "The app with its new secret.",
            &draft.examples.with_secret(draft.examples.rotating_app()?)?,
        )?
        .build())
}

fn end_overlap(draft: &Draft) -> Result<Operation> {
    let description = "Every secret but the newest ends, within five seconds on every replica. Where there is no overlap, \
        nothing changes. To end the newest secret too, rotate it with `overlapSeconds` 0.";
    let named = ("endOverlap", "End a rotation's overlap");
    Ok(write::<EndOverlap>(draft, Permission::Admin, named, description, json!({}))
        .parameters(app_path(draft)?)
        .idempotent()
        .rejected(&[Code::OperatorNotFound])
        .returns(StatusCode::OK, "The changed app.", &draft.examples.app()?)?
        .build())
}

fn list_tokens(draft: &Draft) -> Result<Operation> {
    let tokens = page_of(draft.examples.token(false)?);
    Ok(read(draft, ("listTokens", "List tokens"), "The valid tokens in the order of their names.")
        .parameters(paging())
        .returns_as(StatusCode::OK, "A page of tokens.", page(draft.of::<Token>()), &tokens)?
        .build())
}

fn create_token(draft: &Draft) -> Result<Operation> {
    let token = NewToken {
        name: "night-shift".to_owned(),
        role: Role::Operator.to_string(),
        token: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned().into(),
    };
    let request = json!({ "name": token.name, "role": token.role });
    let description = "A name belongs to one valid token.";
    let named = ("createToken", "Create a token");
    Ok(write::<CreateToken>(draft, Permission::Admin, named, description, request)
        .idempotent()
        .returns(StatusCode::CREATED, "The token. It is shown only in this response, and again when the request is repeated under its key.", &token)?
        .build())
}

fn revoke_token(draft: &Draft) -> Result<Operation> {
    let description = "The token is no longer valid on any replica. The call may be repeated. The first token, `operator`, \
        cannot be revoked.";
    let named = ("revokeToken", "Revoke a token");
    Ok(write::<RevokeToken>(draft, Permission::Admin, named, description, json!({}))
        .parameters([in_path("name", draft.of::<TokenName>(), "night-shift")])
        .idempotent()
        .rejected(&[Code::OperatorNotFound])
        .returns(StatusCode::OK, "The revoked token.", &draft.examples.token(true)?)?
        .build())
}

/// A list of one item.
fn page_of<T>(item: T) -> ListPage<T> {
    ListPage { items: vec![item], next_cursor: None, total: None, total_exact: None }
}
