//! The calls about disputes: contest, accept and query (contract §4, §5), and the states of a dispute (§6).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::Object;
use crate::fields::{BadRequest, Fields, RequestBody};
use crate::text::{DisputeReason, Rrn};
use crate::time::Time;
use crate::wire_enum::wire_enum;
use crate::{Amount, Currency, DisputeNo, EvidenceName, Invalid, MerchantTradeNo, PaymentNo, StorageUri};

/// Most evidence items in one contest (contract §4).
pub const EVIDENCE_MAX: usize = 20;

wire_enum! {
    /// The type of an evidence item (contract §4).
    EvidenceType ("What a piece of evidence shows.") {
        /// Anything else.
        Other = "OTHER",
        /// That the money was given back.
        Refund = "REFUND",
        /// What was bought.
        Receipt = "RECEIPT",
        /// Not classified.
        Default = "DEFAULT",
    }
}

wire_enum! {
    /// The state of a dispute (contract §6).
    Status (
        "The state of a dispute. In `NEEDS_RESPONSE` the merchant may contest or accept until the deadline; in \
         `UNDER_REVIEW` the dispute awaits its outcome."
    ) {
        /// The merchant may contest or accept until the deadline.
        NeedsResponse = "NEEDS_RESPONSE",
        /// The merchant contested; the outcome is awaited.
        UnderReview = "UNDER_REVIEW",
        /// The merchant accepted the loss.
        Accepted = "ACCEPTED",
        /// The deadline passed without a response.
        Expired = "EXPIRED",
        /// Decided for the merchant.
        Won = "WON",
        /// Decided against the merchant.
        Lost = "LOST",
        /// The cardholder or the issuer withdrew the dispute.
        Withdrawn = "WITHDRAWN",
    }
}

wire_enum! {
    /// The stage of a dispute, called `type` on the wire; later ones are greater (contract §6).
    Stage ("The stage of a dispute, in members called `type`. A dispute only advances to a later stage.") {
        /// A question, before money moves.
        Inquiry = "INQUIRY",
        /// The money was taken back.
        Chargeback = "CHARGEBACK",
        /// The issuer disputes the outcome.
        PreArbitration = "PRE_ARBITRATION",
        /// The card network decides.
        Arbitration = "ARBITRATION",
    }
}

wire_enum! {
    /// What happened to a dispute, as its history lists it (contract §8).
    Event ("What happened to the dispute.") {
        /// The dispute was opened.
        Opened = "OPENED",
        /// The merchant contested.
        Contested = "CONTESTED",
        /// The merchant accepted the loss.
        Accepted = "ACCEPTED",
        /// The dispute was decided.
        Resolved = "RESOLVED",
        /// More evidence was requested.
        EvidenceRequested = "EVIDENCE_REQUESTED",
        /// The deadline was extended.
        Extended = "EXTENDED",
        /// The dispute advanced to a later stage.
        Advanced = "ADVANCED",
        /// The cardholder or the issuer withdrew it.
        Withdrawn = "WITHDRAWN",
        /// The deadline passed without a response.
        Expired = "EXPIRED",
    }
}

/// The address of an evidence item, as the client or the gateway parses it.
pub trait EvidenceUrl: Sized {
    /// Parses the field of a request, which is not empty.
    ///
    /// # Errors
    /// If the whole request must be refused.
    fn read(text: &str) -> Result<Self, Invalid>;
}

impl EvidenceUrl for StorageUri {
    fn read(text: &str) -> Result<Self, Invalid> {
        text.parse()
    }
}

/// The gateway's form: `None` if it is not a storageUri of evidence, which is answered as `Evidence.NotFound` after
/// the checks of the dispute.
impl EvidenceUrl for Option<StorageUri> {
    fn read(text: &str) -> Result<Self, Invalid> {
        Ok(text.parse().ok().filter(|url: &StorageUri| url.scene.is_evidence()))
    }
}

/// An evidence item in the gateway's form.
pub type ReceivedEvidence = EvidenceItem<Option<StorageUri>>;

/// A contest in the gateway's form.
pub type ReceivedContest = ContestRequest<Option<StorageUri>>;

/// One evidence item in a contest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(bound = "")]
pub struct EvidenceItem<Url = StorageUri> {
    /// The type of evidence.
    #[serde(rename = "type")]
    pub evidence_type: EvidenceType,
    /// The merchant's name for the file; two items may share a name.
    pub name: EvidenceName,
    /// The address of the file; no address twice in one contest.
    #[schema(value_type = StorageUri)]
    pub url: Url,
}

/// Contests a dispute with all its evidence, in one call (contract §4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(bound = "")]
pub struct ContestRequest<Url = StorageUri> {
    /// The dispute's number.
    pub dispute_no: DisputeNo,
    /// The evidence, each file once.
    #[schema(min_items = 1, max_items = 20, value_type = Vec<EvidenceItem>)]
    pub evidence_list: Vec<EvidenceItem<Url>>,
}

const _: () = assert!(EVIDENCE_MAX == 20, "the max_items of ContestRequest::evidence_list");

impl<Url: EvidenceUrl> RequestBody for ContestRequest<Url> {
    type Data = crate::answer::Done;

    fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        let dispute_no = fields.required("disputeNo");
        let mut urls: Vec<Option<&str>> = Vec::new();
        let evidence_list = fields.required_list("evidenceList", (1, EVIDENCE_MAX), |item| {
            let evidence_type = item.required("type");
            let name = item.required("name");
            let url = item.required_with("url", non_empty);
            // A longer list is refused, whatever its items are.
            let same = urls.iter().take(EVIDENCE_MAX).rposition(|known| known.is_some() && *known == url);
            if let Some(first) = same {
                item.fault(
                    "url",
                    &format!("is the same as that of evidenceList[{first}]; name each file once"),
                );
            }
            urls.push(url);
            let url = Url::read(url?).map_err(|error| item.fault("url", &error.0)).ok();
            Some(EvidenceItem { evidence_type: evidence_type?, name: name?, url: url? })
        });
        fields.finish(|| Some(Self { dispute_no: dispute_no?, evidence_list: evidence_list? }))
    }
}

fn non_empty(text: &str) -> Result<&str, Invalid> {
    if text.is_empty() { Err(Invalid::new("must not be empty")) } else { Ok(text) }
}

/// Accepts a dispute: the merchant gives up the disputed amount (contract §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptRequest {
    /// The dispute's number.
    pub dispute_no: DisputeNo,
}

impl RequestBody for AcceptRequest {
    type Data = crate::answer::Done;

    fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        let dispute_no = fields.required("disputeNo");
        fields.finish(|| Some(Self { dispute_no: dispute_no? }))
    }
}

/// Asks for one dispute by exactly one of three keys (contract §5).
///
/// Of several matches the response has the one that needs a response soonest, otherwise the newest; ties go by
/// disputeNo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum QueryRequest {
    /// By the dispute's own number.
    DisputeNo(DisputeNo),
    /// By the platform's number of the payment.
    PaymentNo(PaymentNo),
    /// By the merchant's number of the trade.
    MerchantTradeNo(MerchantTradeNo),
}

/// Not derived: then a second key, if it was invalid, would be valid as an unknown member.
impl utoipa::PartialSchema for QueryRequest {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{ObjectBuilder, OneOfBuilder, Ref, Type};
        let keys = [
            ("disputeNo", DisputeNo::name()),
            ("paymentNo", PaymentNo::name()),
            ("merchantTradeNo", MerchantTradeNo::name()),
        ];
        let by = |key: &str| {
            let object = ObjectBuilder::new().schema_type(Type::Object).required(key);
            keys.iter().fold(object, |object, (name, schema)| match *name == key {
                true => object.property(*name, Ref::from_schema_name(schema.as_ref())),
                false => object.property(*name, ObjectBuilder::new().schema_type(Type::Null)),
            })
        };
        let one_of = keys.iter().fold(OneOfBuilder::new(), |one_of, (key, _)| one_of.item(by(key)));
        let description = "Asks for one dispute by exactly one of three keys; the others may be null. Of several matches the \
                           response has the one that needs a response soonest, otherwise the newest; ties go by disputeNo.";
        one_of.description(Some(description)).into()
    }
}

impl ToSchema for QueryRequest {}

impl RequestBody for QueryRequest {
    type Data = DisputeData;

    fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        const KEYS: [&str; 3] = ["disputeNo", "paymentNo", "merchantTradeNo"];
        let mut fields = Fields::of(body);
        let dispute_no = fields.optional("disputeNo").map(Self::DisputeNo);
        let payment_no = fields.optional("paymentNo").map(Self::PaymentNo);
        let merchant_trade_no = fields.optional("merchantTradeNo").map(Self::MerchantTradeNo);
        if KEYS.iter().filter(|key| body.member(key).is_some()).count() != 1 {
            fields.fault("disputeNo, paymentNo or merchantTradeNo", "must be given, exactly one of them");
        }
        fields.finish(|| dispute_no.or(payment_no).or(merchant_trade_no))
    }
}

/// A dispute as its merchant sees it; every value is a string (contract §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisputeData {
    /// The dispute's number.
    #[schema(value_type = DisputeNo)]
    pub dispute_no: String,
    /// Number of the payment at the platform.
    #[schema(value_type = PaymentNo)]
    pub payment_no: String,
    /// The merchant's number of the trade.
    #[schema(value_type = MerchantTradeNo)]
    pub merchant_trade_no: String,
    /// The dispute's state.
    #[schema(value_type = Status)]
    pub status: String,
    /// The dispute's stage.
    #[serde(rename = "type")]
    #[schema(required, value_type = Option<Stage>)]
    pub stage: Option<String>,
    /// The card networks' retrieval reference number.
    #[schema(required, value_type = Option<Rrn>)]
    pub rrn: Option<String>,
    /// The latest deadline for a response. It applies in `NEEDS_RESPONSE` only.
    #[schema(required, value_type = Option<Time>)]
    pub deadline: Option<String>,
    /// The payment's amount.
    #[schema(value_type = Amount)]
    pub payment_amount: String,
    /// The disputed amount.
    #[schema(value_type = Amount)]
    pub dispute_amount: String,
    /// The currency of both amounts.
    #[schema(value_type = Currency)]
    pub currency: String,
    /// The cardholder's reason.
    #[schema(value_type = DisputeReason)]
    pub dispute_reason: String,
    /// When the dispute was opened.
    #[schema(value_type = Time)]
    pub created_time: String,
}
