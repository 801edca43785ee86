//! The responses of the operator API. The gateway serializes these types, the command line parses them, and the OpenAPI
//! document is derived from them.
//!
//! A value of a list that may grow (a status, a scheme, a role) is a string here, so that a program can parse the
//! responses of a newer gateway; code that acts on one parses it further. Times are RFC 3339 in UTC. Unknown members
//! are ignored.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{NotifyUrl, TimeZoneName, TokenName};
use super::{OperatorActionKind, Role};
use crate::dispute::{DisputeData, Event, EvidenceType, Stage, Status};
use crate::schema::{hex, number, one_of, pattern, schema, text};
use crate::storage_uri::MediaType;
use crate::text::{MerchantName, Note, ReasonCode};
use crate::time::Time;
use crate::{AppId, AppSecret, Code, EvidenceName, MerchantId, Scene, Scheme, StorageUri};

/// A merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Merchant {
    /// The merchant's number.
    pub merchant_id: MerchantId,
    /// The merchant's name.
    #[schema(value_type = MerchantName)]
    pub name: String,
    /// The time zone of the times in answers to the merchant.
    #[schema(value_type = TimeZoneName)]
    pub time_zone: String,
}

/// An app.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// The app's id.
    pub app_id: AppId,
    /// The merchant that the app belongs to.
    pub merchant_id: MerchantId,
    /// The address of its notifications; null if it has none.
    #[schema(required, value_type = Option<NotifyUrl>)]
    pub notify_url: Option<String>,
    /// The scheme that its requests must be signed with.
    #[schema(value_type = Scheme)]
    pub scheme: String,
    /// Whether the app may call.
    pub enabled: bool,
    /// The end of the overlap in which the secret before the newest still verifies; null without an overlap. Gateways
    /// of older versions leave it out.
    #[schema(required, value_type = Option<Time>)]
    pub old_secret_expires_time: Option<String>,
}

/// An app with the secret that the request created.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewApp {
    /// The app.
    #[serde(flatten)]
    pub app: App,
    /// The new secret. It is shown only once.
    #[schema(value_type = AppSecret)]
    pub app_secret: SecretText,
}

/// All apps of a merchant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Apps {
    /// The apps, the oldest first.
    pub items: Vec<App>,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The token's name.
    #[schema(value_type = TokenName)]
    pub name: String,
    /// The token's role.
    #[schema(value_type = Role)]
    pub role: String,
    /// When the token was created.
    #[schema(value_type = Time)]
    pub created_time: String,
    /// When the token was revoked; left out for a valid token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Time>)]
    pub revoked_time: Option<String>,
}

/// A new token.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    /// The token's name.
    #[schema(value_type = TokenName)]
    pub name: String,
    /// The token's role.
    #[schema(value_type = Role)]
    pub role: String,
    /// The bearer token. It is shown only once.
    pub token: SecretText,
}

/// A secret in a response: wiped from memory when dropped, never printed.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct SecretText(String);

schema!(SecretText, text(), "A secret.");

impl SecretText {
    /// The text. The name makes every use visible in review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListPage<T> {
    /// At most as many items as the request asks for.
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last one.
    pub next_cursor: Option<String>,
    /// How many items match, if the list counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Whether the total is exact; otherwise there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_exact: Option<bool>,
}

/// A dispute in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisputeSummary {
    /// The members that the merchant's query returns.
    #[serde(flatten)]
    pub dispute: DisputeData,
    /// The merchant whose payment is disputed.
    pub merchant_id: MerchantId,
    /// The card network's code for the reason.
    #[schema(required, value_type = Option<ReasonCode>)]
    pub reason_code: Option<String>,
    /// The actions that the dispute's state allows.
    #[schema(value_type = Vec<OperatorActionKind>)]
    pub allowed_actions: Vec<String>,
}

/// A dispute with its submissions and its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorDispute {
    /// The members of the dispute in a list.
    #[serde(flatten)]
    pub summary: DisputeSummary,
    /// The submissions, the oldest first.
    pub submissions: Vec<OperatorSubmission>,
    /// The history, the oldest entry first.
    pub history: Vec<HistoryEntry>,
}

/// The evidence of one contest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorSubmission {
    /// The submission's number within the dispute, from 1.
    pub submission_id: String,
    /// When the contest arrived.
    #[schema(value_type = Time)]
    pub submitted_time: String,
    /// The stage in which the dispute was contested.
    #[serde(rename = "type")]
    #[schema(value_type = Stage)]
    pub stage: String,
    /// The files in the order of the contest.
    pub evidence: Vec<Evidence>,
}

/// One submitted evidence item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Identifies the file within its dispute: the number of the submission and of the file, both from 1.
    #[schema(value_type = EvidenceId)]
    pub evidence_id: String,
    /// The type of evidence.
    #[serde(rename = "type")]
    #[schema(value_type = EvidenceType)]
    pub evidence_type: String,
    /// The merchant's name for the file.
    #[schema(value_type = EvidenceName)]
    pub name: String,
    /// The address of the upload.
    #[schema(value_type = StorageUri)]
    pub url: String,
    /// SHA-256 of the submitted bytes; it never changes.
    #[schema(value_type = Sha256)]
    pub sha256: String,
    /// The file's size in bytes.
    #[schema(value_type = FileSize)]
    pub size: u64,
    /// The file's media type.
    #[schema(value_type = MediaType)]
    pub media_type: String,
    /// The number of pages of a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub pages: Option<usize>,
    /// The number of sheets of a workbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub sheets: Option<usize>,
    /// A picture's pixels from left to right, as stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub width: Option<u32>,
    /// A picture's pixels from top to bottom, as stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub height: Option<u32>,
    /// What you should know before you open the file. Left out if the file was recorded without an inspection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Vec<FileNote>>)]
    pub notes: Option<BTreeSet<String>>,
}

/// The schema of [`Evidence::evidence_id`], which is also a parameter of paths.
pub enum EvidenceId {}

schema!(EvidenceId, pattern("^[1-9][0-9]*-[1-9][0-9]*$"), "Identifies a file within its dispute.");

enum FileNote {}

schema!(FileNote, one_of(file_notes()), file_notes_description());

fn file_notes() -> impl Iterator<Item = &'static str> {
    crate::Note::ALL.iter().map(|note| note.as_str())
}

/// Each note with its meaning.
fn file_notes_description() -> String {
    let meaning = |note: &crate::Note| format!("`{note}`: {}.", note.phrase());
    let meanings: Vec<_> = crate::Note::ALL.iter().map(meaning).collect();
    format!("Something in a file that operators should know before they open it. {}", meanings.join(" "))
}

enum Sha256 {}

schema!(Sha256, hex(64), "SHA-256 in lower-case hex.");

enum FileSize {}

schema!(FileSize, number(1, usize::try_from(Scene::max_bytes_of_any()).unwrap_or(usize::MAX)), "In bytes.");

/// One event in the history of a dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// The entry's number within the dispute, from 1.
    #[schema(minimum = 1, maximum = 4_294_967_295_u64)]
    pub sequence: u64,
    /// When it happened.
    #[schema(value_type = Time)]
    pub time: String,
    /// What happened.
    #[schema(value_type = Event)]
    pub event: String,
    /// Who acted: an operator's token, an app, or the gateway.
    pub actor: String,
    /// The dispute's state after the event.
    #[schema(required, value_type = Option<Status>)]
    pub status: Option<String>,
    /// The dispute's stage after the event.
    #[serde(rename = "type")]
    #[schema(required, value_type = Option<Stage>)]
    pub stage: Option<String>,
    /// The dispute's deadline after the event.
    #[schema(required, value_type = Option<Time>)]
    pub deadline: Option<String>,
    /// The submission of a contest.
    #[schema(required)]
    pub submission_id: Option<String>,
    /// The operator's note.
    #[schema(required, value_type = Option<Note>)]
    pub note: Option<String>,
    /// SHA-256 that binds the entry to the one before it.
    #[schema(value_type = Sha256)]
    pub hash: String,
}

/// A link to download a file without a token, and the file's properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceLink {
    /// The address to GET the file from. It is a secret: anyone who has it can download the file.
    pub url: String,
    /// When the link expires.
    #[schema(value_type = Time)]
    pub expires_time: String,
    /// SHA-256 of the submitted bytes; it never changes.
    #[schema(value_type = Sha256)]
    pub sha256: String,
    /// The file's size in bytes.
    #[schema(value_type = FileSize)]
    pub size: u64,
    /// The file's media type.
    #[schema(value_type = MediaType)]
    pub media_type: String,
}

/// The response to an operator's request that failed: a problem document of RFC 9457. It has no `type`, which means
/// `about:blank`; the code identifies the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDetails {
    /// The meaning of the code.
    #[serde(default)]
    #[schema(required)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    #[schema(required, minimum = 400, maximum = 599)]
    pub status: u16,
    /// The code.
    pub code: Code,
    /// What happened, why, and what to do.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_of_a_newer_gateway_are_parsed() {
        let newer_answer = json!({
            "disputeNo": "D1", "paymentNo": "P1", "merchantTradeNo": "T1", "status": "REOPENED", "type": "COURT",
            "rrn": null, "deadline": null, "paymentAmount": "1.00", "disputeAmount": "1.00", "currency": "XYZ",
            "disputeReason": "-", "createdTime": "2030-01-01T00:00:00.000+00:00", "merchantId": 80,
            "reasonCode": null, "allowedActions": ["reopen"], "submissions": [], "isUrgent": true,
            "history": [{
                "sequence": 1, "time": "-", "event": "REOPENED", "actor": "judge", "status": "REOPENED",
                "type": "COURT", "deadline": null, "submissionId": null, "note": null, "hash": "-", "seal": {},
            }],
        });
        let dispute: OperatorDispute = serde_json::from_value(newer_answer).unwrap();
        assert_eq!(dispute.summary.dispute.status, "REOPENED");
        assert_eq!(dispute.summary.allowed_actions, ["reopen"]);
        assert_eq!(dispute.history.first().map(|entry| entry.event.as_str()), Some("REOPENED"));
        let problem = json!({ "code": "Operator.Asleep", "detail": "come back tomorrow", "until": "-" });
        let problem: ProblemDetails = serde_json::from_value(problem).unwrap();
        assert_eq!(problem.code, Code::Unknown("Operator.Asleep".to_owned()));
    }

    #[test]
    fn a_secret_is_in_no_debug_output() {
        let token = NewToken { name: "n".into(), role: "admin".into(), token: "hush".to_owned().into() };
        assert_eq!(format!("{token:?}"), r#"NewToken { name: "n", role: "admin", token: SecretText(..) }"#);
    }
}
