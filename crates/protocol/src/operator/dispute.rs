//! Requests about disputes: opening one, and the acts that move it.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::body::Object;
use crate::dispute::{Stage, wire_enum};
use crate::fields::{BadRequest, Fields};
use crate::text::{DisputeReason, Note, ReasonCode, Rrn};
use crate::{Amount, Currency, DisputeNo, MerchantId, MerchantTradeNo, PaymentNo, UnixMillis};

wire_enum! {
    /// How a dispute ends.
    Outcome {
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
    /// The platform's number of the payment.
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
    /// Until when the merchant may respond.
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

/// The currency of the amounts is a member of its own.
impl Serialize for OpenDispute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("OpenDispute", Self::KNOWN.len())?;
        members.serialize_field("disputeNo", &self.dispute_no)?;
        members.serialize_field("merchantId", &self.merchant_id)?;
        members.serialize_field("paymentNo", &self.payment_no)?;
        members.serialize_field("merchantTradeNo", &self.merchant_trade_no)?;
        members.serialize_field("paymentAmount", &self.payment_amount.to_string())?;
        members.serialize_field("disputeAmount", &self.dispute_amount.to_string())?;
        members.serialize_field("currency", self.payment_amount.currency().code())?;
        members.serialize_field("disputeReason", &self.dispute_reason)?;
        members.serialize_field("reasonCode", &self.reason_code)?;
        members.serialize_field("type", &self.stage)?;
        members.serialize_field("rrn", &self.rrn)?;
        members.serialize_field("deadline", &self.deadline.to_rfc3339_utc())?;
        members.end()
    }
}

wire_enum! {
    /// Which act an operator's is: the last segment of the path that it is posted to, in the order of contract §6.
    OperatorActionKind {
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

/// An operator's act on an open dispute, as posted to `/disputes/{disputeNo}/…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum OperatorAction {
    /// `resolve`: the dispute is decided.
    Resolve {
        /// For or against the merchant.
        outcome: Outcome,
        /// A note for the history.
        note: Option<Note>,
    },
    /// `requestEvidence`: more evidence is requested.
    RequestEvidence {
        /// Until when it may respond.
        #[serde(serialize_with = "in_utc")]
        deadline: UnixMillis,
        /// What is requested.
        note: Note,
    },
    /// `extend`: the merchant gets more time.
    Extend {
        /// The new deadline.
        #[serde(serialize_with = "in_utc")]
        deadline: UnixMillis,
    },
    /// `advance`: the dispute goes on to a later stage.
    Advance {
        /// The later stage.
        #[serde(rename = "type")]
        stage: Stage,
        /// Until when the merchant may respond in it.
        #[serde(serialize_with = "in_utc")]
        deadline: UnixMillis,
    },
    /// `withdraw`: the other side took the dispute back.
    Withdraw {
        /// A note for the history.
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
