//! What the operator API answers, one type for each shape: the gateway writes it, and the command line reads it.
//!
//! Words of a list that may grow (a status, a scheme, a role) are texts here, so that a program reads what a newer
//! gateway answers; code that depends on one parses it. Times are RFC 3339 in UTC. Unknown members are ignored.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::dispute::DisputeData;
use crate::{AppId, Code, MerchantId};

/// A merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Merchant {
    /// Its number.
    pub merchant_id: MerchantId,
    /// Its name.
    pub name: String,
    /// The time zone of its times.
    pub time_zone: String,
}

/// An app.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// Its id.
    pub app_id: AppId,
    /// Its new secret, only in the answer of what made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_secret: Option<SecretText>,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// Where its notifications go, if anywhere.
    pub notify_url: Option<String>,
    /// How it must sign: a word of [`crate::Scheme`].
    pub scheme: String,
    /// Whether it may call.
    pub enabled: bool,
    /// When the secret before the newest expires, if it is still valid. A gateway of an older version omits it.
    pub old_secret_expires_time: Option<String>,
}

/// All apps of a merchant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Apps {
    /// The oldest first.
    pub items: Vec<App>,
}

/// A token, without what opens the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// What it is called.
    pub name: String,
    /// What its holder may do: a word of [`super::Role`].
    pub role: String,
    /// When it was made.
    pub created_time: String,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_time: Option<String>,
}

/// A token that was just made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewToken {
    /// What it is called.
    pub name: String,
    /// What its holder may do: a word of [`super::Role`].
    pub role: String,
    /// What opens the API.
    pub token: SecretText,
}

/// A secret in an answer: wiped from memory when dropped, never printed.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// The text. The name is long so that every use is seen in review.
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
    /// At most as many as requested.
    pub items: Vec<T>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
    /// How many there are in all, of what is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Whether the total is exact; otherwise there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_exact: Option<bool>,
}

/// A dispute in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisputeSummary {
    /// What its merchant sees of it.
    #[serde(flatten)]
    pub dispute: DisputeData,
    /// Whose payment is disputed.
    pub merchant_id: MerchantId,
    /// The network's code for the reason.
    pub reason_code: Option<String>,
    /// What its state allows an operator: words of [`super::OperatorActionKind`].
    pub allowed_actions: Vec<String>,
}

/// A dispute with all that was submitted and all that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// What a list shows of it.
    #[serde(flatten)]
    pub summary: DisputeSummary,
    /// The oldest first.
    pub submissions: Vec<Submission>,
    /// The oldest first.
    pub history: Vec<HistoryEntry>,
}

/// What was submitted with one contest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    /// Counts the dispute's submissions from 1.
    pub submission_id: String,
    /// When it was submitted.
    pub submitted_time: String,
    /// In which stage: a word of [`crate::dispute::Stage`].
    #[serde(rename = "type")]
    pub stage: String,
    /// In the order sent.
    pub evidence: Vec<Evidence>,
}

/// One piece of submitted evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Names the piece within its dispute: the submission's number and its own place, both from 1.
    pub evidence_id: String,
    /// What it shows: a word of [`crate::dispute::EvidenceType`].
    #[serde(rename = "type")]
    pub evidence_type: String,
    /// What the merchant calls it.
    pub name: String,
    /// Where the merchant put it.
    pub url: String,
    /// Of the bytes that were submitted, in lower-case hex.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// What kind of file it is.
    pub media_type: String,
}

/// Something that happened to a dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Counts the dispute's entries from 1.
    pub sequence: u64,
    /// When.
    pub time: String,
    /// What: a word of [`crate::dispute::Event`].
    pub event: String,
    /// Who acted: an operator's token, an app, or the gateway.
    pub actor: String,
    /// The status afterwards: a word of [`crate::dispute::Status`].
    pub status: Option<String>,
    /// In which stage: a word of [`crate::dispute::Stage`].
    #[serde(rename = "type")]
    pub stage: Option<String>,
    /// With which deadline.
    pub deadline: Option<String>,
    /// What was submitted.
    pub submission_id: Option<String>,
    /// What an operator noted.
    pub note: Option<String>,
    /// Binds the entry to the one before it, in lower-case hex.
    pub hash: String,
}

/// Where a file can be fetched without a token, for a while, and what it is then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceLink {
    /// Where. Whoever has it can fetch the file.
    pub url: String,
    /// Until when the store answers it.
    pub expires_time: String,
    /// Of the bytes that were submitted, in lower-case hex.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// What kind of file it is.
    pub media_type: String,
}

/// Why a call was not served: a problem document of RFC 9457. `type` is left out: `about:blank` is meant, and the code
/// tells kinds apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What the code means.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What became of the request.
    pub code: Code,
    /// What happened, why, and what to do. Merchants' answers have a code, too, but no detail.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_newer_gateway_answers_is_read() {
        let told = json!({
            "disputeNo": "D1", "paymentNo": "P1", "merchantTradeNo": "T1", "status": "REOPENED", "type": "COURT",
            "rrn": null, "deadline": null, "paymentAmount": "1.00", "disputeAmount": "1.00", "currency": "XYZ",
            "disputeReason": "-", "createdTime": "2030-01-01T00:00:00.000+00:00", "merchantId": 80,
            "reasonCode": null, "allowedActions": ["reopen"], "submissions": [], "isUrgent": true,
            "history": [{
                "sequence": 1, "time": "-", "event": "REOPENED", "actor": "judge", "status": "REOPENED",
                "type": "COURT", "deadline": null, "submissionId": null, "note": null, "hash": "-", "seal": {},
            }],
        });
        let dispute: Dispute = serde_json::from_value(told).unwrap();
        assert_eq!(dispute.summary.dispute.status, "REOPENED");
        assert_eq!(dispute.summary.allowed_actions, ["reopen"]);
        assert_eq!(dispute.history.first().map(|entry| entry.event.as_str()), Some("REOPENED"));
        let problem = json!({ "code": "Operator.Asleep", "detail": "come back tomorrow", "until": "-" });
        let problem: Problem = serde_json::from_value(problem).unwrap();
        assert_eq!(problem.code, Code::Unknown("Operator.Asleep".to_owned()));
    }

    #[test]
    fn a_secret_is_in_no_debug_output() {
        let token = NewToken { name: "n".into(), role: "admin".into(), token: "hush".to_owned().into() };
        assert!(!format!("{token:?}").contains("hush"));
    }
}
