//! Requests about disputes: opening one, and the acts that move it.

use serde::{Serialize, Serializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::body::Object;
use crate::dispute::{Stage, wire_enum};
use crate::fields::{BadRequest, Fields};
use crate::text::{DisputeReason, Note, ReasonCode, Rrn};
use crate::time::Time;
use crate::{Amount, Currency, DisputeNo, MerchantId, MerchantTradeNo, PaymentNo, UnixMillis};

wire_enum! {
    /// How a dispute ends.
    Outcome ("For the merchant, or against.") {
        /// For the merchant.
        Won = "WON",
        /// Against the merchant.
        Lost = "LOST",
    }
}

/// `POST /disputes`: what a dispute is about, which never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDispute {
    /// The upstream's own number; made by the gateway where missing.
    pub dispute_no: Option<DisputeNo>,
    /// Whose payment is disputed.
    pub merchant_id: MerchantId,
    /// Number of the payment at the platform.
    pub payment_no: PaymentNo,
    /// The merchant's number of the trade.
    pub merchant_trade_no: MerchantTradeNo,
    /// The payment's amount.
    pub payment_amount: Amount,
    /// The disputed amount, in the same currency.
    pub dispute_amount: Amount,
    /// Why the cardholder disputes.
    pub dispute_reason: DisputeReason,
    /// The network's code for it.
    pub reason_code: Option<ReasonCode>,
    /// The stage that the dispute opens in.
    pub stage: Stage,
    /// The networks' retrieval reference number.
    pub rrn: Option<Rrn>,
    /// The time up to which the merchant may respond.
    pub deadline: UnixMillis,
}

impl OpenDispute {
    const KNOWN: [&'static str; 12] = [
        "disputeNo",
        "merchantId",
        "paymentNo",
        "merchantTradeNo",
        "paymentAmount",
        "disputeAmount",
        "currency",
        "disputeReason",
        "reasonCode",
        "type",
        "rrn",
        "deadline",
    ];

    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&Self::KNOWN);
        let dispute_no = fields.optional("disputeNo");
        let merchant_id = fields
            .required_number("merchantId", 1, u64::from(MerchantId::MAX))
            .and_then(|number| MerchantId::try_from(u32::try_from(number).ok()?).ok());
        let (payment_no, merchant_trade_no) =
            (fields.required("paymentNo"), fields.required("merchantTradeNo"));
        let currency: Option<Currency> = fields.required("currency");
        let mut amount = |name| {
            let text: String = fields.required_with(name, |text| Ok(text.to_owned()))?;
            Amount::parse(&text, currency?).map_err(|error| fields.fault(name, &error.0)).ok()
        };
        let (payment_amount, dispute_amount) = (amount("paymentAmount"), amount("disputeAmount"));
        let (dispute_reason, reason_code) = (fields.required("disputeReason"), fields.optional("reasonCode"));
        let (stage, rrn) = (fields.required("type"), fields.optional("rrn"));
        let deadline = fields.required_with("deadline", UnixMillis::from_rfc3339);
        fields.finish(|| {
            Some(Self {
                dispute_no,
                merchant_id: merchant_id?,
                payment_no: payment_no?,
                merchant_trade_no: merchant_trade_no?,
                payment_amount: payment_amount?,
                dispute_amount: dispute_amount?,
                dispute_reason: dispute_reason?,
                reason_code,
                stage: stage?,
                rrn,
                deadline: deadline?,
            })
        })
    }
}

/// The request of `POST /disputes`. The currency of both amounts is a member.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OpenDisputeBody<'a> {
    /// The number that the dispute has upstream. Where it is left out, the gateway makes one.
    dispute_no: Option<&'a DisputeNo>,
    /// The merchant whose payment is disputed.
    merchant_id: MerchantId,
    /// Number of the payment at the platform.
    payment_no: &'a PaymentNo,
    /// The merchant's number of the trade.
    merchant_trade_no: &'a MerchantTradeNo,
    /// The payment's amount.
    #[schema(value_type = Amount)]
    payment_amount: String,
    /// The disputed amount.
    #[schema(value_type = Amount)]
    dispute_amount: String,
    /// The currency of both amounts.
    currency: Currency,
    /// The cardholder's reason.
    dispute_reason: &'a DisputeReason,
    /// The card network's code for the reason.
    reason_code: Option<&'a ReasonCode>,
    /// The stage in which the dispute opens.
    #[serde(rename = "type")]
    stage: Stage,
    /// The retrieval reference number.
    rrn: Option<&'a Rrn>,
    /// When the merchant must have responded, a time in the future.
    #[schema(value_type = Time)]
    deadline: String,
}

impl Serialize for OpenDispute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let body = OpenDisputeBody {
            dispute_no: self.dispute_no.as_ref(),
            merchant_id: self.merchant_id,
            payment_no: &self.payment_no,
            merchant_trade_no: &self.merchant_trade_no,
            payment_amount: self.payment_amount.to_string(),
            dispute_amount: self.dispute_amount.to_string(),
            currency: self.payment_amount.currency(),
            dispute_reason: &self.dispute_reason,
            reason_code: self.reason_code.as_ref(),
            stage: self.stage,
            rrn: self.rrn.as_ref(),
            deadline: self.deadline.to_rfc3339_utc(),
        };
        body.serialize(serializer)
    }
}

impl PartialSchema for OpenDispute {
    fn schema() -> RefOr<Schema> {
        OpenDisputeBody::schema()
    }
}

impl ToSchema for OpenDispute {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        OpenDisputeBody::schemas(schemas);
    }
}

wire_enum! {
    /// Which act an operator's is: the last segment of the path that it is posted to, in the order of contract §6.
    OperatorActionKind ("An action that an operator takes on a dispute.") {
        /// [`OperatorAction::RequestEvidence`].
        RequestEvidence = "requestEvidence",
        /// [`OperatorAction::Resolve`].
        Resolve = "resolve",
        /// [`OperatorAction::Advance`].
        Advance = "advance",
        /// [`OperatorAction::Extend`].
        Extend = "extend",
        /// [`OperatorAction::Withdraw`].
        Withdraw = "withdraw",
    }
}

/// An operator's action on a dispute, as posted to `/disputes/{disputeNo}/…`. The title of each schema is the last
/// segment of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OperatorAction {
    /// The dispute is decided.
    #[schema(title = "resolve")]
    Resolve {
        /// For the merchant, or against.
        outcome: Outcome,
        /// What to remember about the decision.
        note: Option<Note>,
    },
    /// The merchant is asked for more evidence.
    #[schema(title = "requestEvidence")]
    RequestEvidence {
        /// When the merchant must have responded, a time in the future.
        #[serde(serialize_with = "in_utc")]
        #[schema(value_type = Time)]
        deadline: UnixMillis,
        /// What evidence is missing.
        note: Note,
    },
    /// The merchant gets more time.
    #[schema(title = "extend")]
    Extend {
        /// The new deadline, later than the present one.
        #[serde(serialize_with = "in_utc")]
        #[schema(value_type = Time)]
        deadline: UnixMillis,
    },
    /// The dispute advances to a later stage.
    #[schema(title = "advance")]
    Advance {
        /// The new stage, later than the present one.
        #[serde(rename = "type")]
        stage: Stage,
        /// When the merchant must have responded in the new stage, a time in the future.
        #[serde(serialize_with = "in_utc")]
        #[schema(value_type = Time)]
        deadline: UnixMillis,
    },
    /// The cardholder or the issuer took the dispute back.
    #[schema(title = "withdraw")]
    Withdraw {
        /// What to remember about the withdrawal.
        note: Option<Note>,
    },
}

impl OperatorAction {
    /// Which one it is.
    pub const fn kind(&self) -> OperatorActionKind {
        match self {
            Self::RequestEvidence { .. } => OperatorActionKind::RequestEvidence,
            Self::Resolve { .. } => OperatorActionKind::Resolve,
            Self::Advance { .. } => OperatorActionKind::Advance,
            Self::Extend { .. } => OperatorActionKind::Extend,
            Self::Withdraw { .. } => OperatorActionKind::Withdraw,
        }
    }

    /// Reads the request that was posted under an act's name.
    pub fn parse(kind: OperatorActionKind, body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        let deadline =
            |fields: &mut Fields<'_, '_>| fields.required_with("deadline", UnixMillis::from_rfc3339);
        match kind {
            OperatorActionKind::RequestEvidence => {
                fields.refuse_unknown(&["deadline", "note"]);
                let (deadline, note) = (deadline(&mut fields), fields.required("note"));
                fields.finish(|| Some(Self::RequestEvidence { deadline: deadline?, note: note? }))
            }
            OperatorActionKind::Resolve => {
                fields.refuse_unknown(&["outcome", "note"]);
                let (outcome, note) = (fields.required("outcome"), fields.optional("note"));
                fields.finish(|| Some(Self::Resolve { outcome: outcome?, note }))
            }
            OperatorActionKind::Advance => {
                fields.refuse_unknown(&["type", "deadline"]);
                let (stage, deadline) = (fields.required("type"), deadline(&mut fields));
                fields.finish(|| Some(Self::Advance { stage: stage?, deadline: deadline? }))
            }
            OperatorActionKind::Extend => {
                fields.refuse_unknown(&["deadline"]);
                let deadline = deadline(&mut fields);
                fields.finish(|| Some(Self::Extend { deadline: deadline? }))
            }
            OperatorActionKind::Withdraw => {
                fields.refuse_unknown(&["note"]);
                let note = fields.optional("note");
                fields.finish(|| Some(Self::Withdraw { note }))
            }
        }
    }
}

fn in_utc<S: Serializer>(at: &UnixMillis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_utc())
}
