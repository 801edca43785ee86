//! The examples: one dispute throughout. Requests and signatures are those of `testdata/signing.json`; the domain code
//! opens and contests the dispute, so that states, times and hashes are those of a real gateway.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::tz::TimeZone;
use rebuttal_disputes::{
    Actor, Change, Command, ContestItem, Decision, Dispute, Fingerprint, FoundFile, Opening, decide, open,
};
use rebuttal_evidence::Credentials;
use rebuttal_evidence::policy::{UPLOAD_URL_LIFETIME, UploadTarget, sign_form};
use rebuttal_evidence::s3::DownloadLink;
use rebuttal_protocol::body::Object;
use rebuttal_protocol::dispute::{DisputeData, ReceivedContest};
use rebuttal_protocol::fields::RequestBody as _;
use rebuttal_protocol::file::UploadUrlData;
use rebuttal_protocol::operator::{OpenDispute, OperatorAction, OperatorActionKind, Role, answers};
use rebuttal_protocol::signature::{Message, Signer};
use rebuttal_protocol::storage_uri::BUCKET;
use rebuttal_protocol::{
    Authorization, Extent, FileInspection, Finality, Note, Scheme, StorageUri, UnixMillis, answer_nonce,
};
use rebuttal_store::{AppRecord, DisputeDetail, DisputeRecord, Inspections, MerchantRecord, TokenRecord};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::auth::operator::FIRST_TOKEN;
use crate::gateway::dispute_data::dispute_data;
use crate::http::paths::UPLOADED;
use crate::operator::disputes::link::link_view;
use crate::operator::disputes::view;
use crate::operator::merchants::{app_view, merchant_view};
use crate::operator::tokens::token_view;

/// Computed by an independent implementation; the tests of `protocol` compare the signature with them.
const VECTORS: &str = include_str!("../../../../testdata/signing.json");
const ZONE: &str = "Asia/Shanghai";
/// The content of the example's file; only its hash and size are shown.
const RECEIPT: &[u8] = b"Transaction receipt";
pub(super) const ONE_DAY: Duration = Duration::from_secs(24 * 3600);
const TWO_DAYS: Duration = Duration::from_secs(2 * 24 * 3600);

/// A signed message of the vectors.
pub(super) struct Signed {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) app_secret: String,
    pub(super) body: String,
    pub(super) authorization: String,
}

/// All values that the document shows.
pub(super) struct Examples {
    vectors: Value,
    opened: Dispute,
    detail: DisputeDetail,
    inspections: Inspections,
}

impl Examples {
    pub(super) fn new() -> Result<Self> {
        let vectors = serde_json::from_str(VECTORS)?;
        let contest = signed(&vectors, "contest")?;
        let (opened, detail) = detail(&contest)?;
        let inspections = Inspections::from([(contest.storage_uri()?, inspection())]);
        Ok(Self { vectors, opened, detail, inspections })
    }

    fn contested_at(&self) -> UnixMillis {
        self.detail.record.created_at + TWO_DAYS
    }

    /// The signed message of that name.
    pub(super) fn signed(&self, name: &str) -> Result<Signed> {
        signed(&self.vectors, name)
    }

    /// The answer to the signed request of that name, signed as the gateway signs it; for `contest` it is the one in
    /// the vectors.
    pub(super) fn answer_to(&self, name: &str) -> Result<Signed> {
        let (request, answer) = (self.signed(name)?, self.signed("answer")?);
        let header = request.header()?;
        let nonce = answer_nonce(Finality::Settled, &header.nonce, &header.sign);
        let (method, target, body) = (request.method.as_str(), request.url.as_str(), answer.body.as_bytes());
        let message = Message { method, base_url: "", target, body };
        let (secret, at) = (request.app_secret.parse()?, answer.header()?.timestamp);
        let signer = Signer { scheme: header.scheme, app_id: header.app_id, secret: &secret };
        let signed = signer.authorize(at, nonce, &message);
        Ok(Signed { body: answer.body, authorization: signed.to_string(), ..request })
    }

    /// The body of the signed message of that name.
    pub(super) fn body(&self, name: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.signed(name)?.body)?)
    }

    pub(super) fn dispute_no(&self) -> &str {
        self.detail.record.state.dispute_no.as_str()
    }

    pub(super) fn app_id(&self) -> Result<String> {
        Ok(self.signed("contest")?.header()?.app_id.to_string())
    }

    /// The answer to a query.
    pub(super) fn queried(&self) -> Result<DisputeData> {
        Ok(dispute_data(&self.detail.record, &TimeZone::get(ZONE)?))
    }

    /// The answer to a request for an upload form.
    pub(super) fn upload_url(&self) -> Result<UploadUrlData> {
        let contest = self.signed("contest")?;
        let (base, _) = contest.url.split_once("/pg/").context("a path of the merchant API")?;
        let storage_uri = contest.storage_uri()?;
        let credentials = Credentials {
            access_key_id: "REBUTTAL".to_owned(),
            secret_access_key: contest.app_secret.clone().into(),
            session_token: None,
            region: "rebuttal".to_owned(),
        };
        let target = UploadTarget {
            url: format!("{base}{}", UPLOADED),
            bucket: BUCKET,
            key: storage_uri.key(),
            content_type: storage_uri.format.media_type(),
            max_bytes: storage_uri.scene.max_bytes(),
        };
        let at = self.contested_at();
        let form = sign_form(&credentials, target, at, at + UPLOAD_URL_LIFETIME);
        Ok(UploadUrlData {
            upload_url: form.url,
            http_method: "POST".to_owned(),
            form_fields: form.fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            storage_uri,
            expire_time: form.expires_at,
        })
    }

    /// The dispute as it was opened.
    pub(super) fn opened(&self) -> answers::OperatorDispute {
        view::as_of(self.detail.clone(), &Inspections::new(), 1)
    }

    /// The dispute after the contest.
    pub(super) fn contested(&self) -> answers::OperatorDispute {
        view::now(self.detail.clone(), &self.inspections)
    }

    /// A link to submitted evidence in AWS S3.
    pub(super) fn link(&self) -> Result<answers::EvidenceLink> {
        let submitted = self.detail.submissions.iter().flat_map(|submission| &submission.evidence).next();
        let item = submitted.context("a piece of evidence")?.clone();
        let url = format!(
            "https://evidence.s3.eu-central-1.amazonaws.com/by-hash/m/{}/{}/{}.{}?{LINK_QUERY}",
            item.url.merchant_id,
            hex::encode(item.url.file_id),
            item.file.sha256,
            item.url.format.extension()
        );
        let expires_at = DownloadLink::end(self.contested_at() + TWO_DAYS);
        Ok(link_view(item, DownloadLink { url: url.into(), expires_at }))
    }

    /// The dispute after an operator's action: on the contested one, or on the opened one if the state requires it.
    pub(super) fn changed(&self, kind: OperatorActionKind, body: &Value) -> Result<answers::OperatorDispute> {
        let body = body.to_string();
        let action = OperatorAction::parse(kind, &Object::parse(body.as_bytes())?)?;
        let (mut detail, command) = (self.detail.clone(), Command::from(action));
        let (actor, at) = (Actor::Operator(FIRST_TOKEN.to_owned()), self.contested_at() + TWO_DAYS);
        let changed = decide(&detail.record.state, &command, &actor, at).or_else(|_| {
            detail.history.truncate(1);
            detail.submissions.clear();
            decide(&self.opened, &command, &actor, at)
        });
        let Change { dispute, entry, .. } = change(changed?)?;
        detail.record.state = dispute;
        detail.history.push(entry);
        Ok(view::now(detail, &self.inspections))
    }

    /// The same in a list.
    pub(super) fn listed(&self) -> answers::ListPage<answers::DisputeSummary> {
        let items = vec![view::summary(&self.detail.record)];
        answers::ListPage { items, next_cursor: None, total: Some(1), total_exact: Some(true) }
    }

    pub(super) fn merchant(&self) -> answers::Merchant {
        merchant_view(MerchantRecord {
            merchant_id: self.detail.record.state.merchant_id,
            name: "Corner Shop".to_owned(),
            time_zone: ZONE.to_owned(),
            created_at: self.detail.record.created_at,
        })
    }

    pub(super) fn app(&self) -> Result<answers::App> {
        self.app_with(None)
    }

    /// The app during an overlap.
    pub(super) fn rotating_app(&self) -> Result<answers::App> {
        self.app_with(Some(self.detail.record.created_at + ONE_DAY))
    }

    fn app_with(&self, overlap_until: Option<UnixMillis>) -> Result<answers::App> {
        let app = AppRecord {
            app_id: self.signed("contest")?.header()?.app_id,
            merchant_id: self.detail.record.state.merchant_id,
            time_zone: ZONE.to_owned(),
            scheme: Scheme::V2Sha256,
            enabled: true,
            notify_url: Some("https://shop.example/disputes".to_owned()),
            created_at: self.detail.record.created_at,
            secrets: Vec::new(),
        };
        Ok(app_view(app, overlap_until))
    }

    /// A new app, with the secret of the examples' signatures.
    pub(super) fn with_secret(&self, app: answers::App) -> Result<answers::NewApp> {
        Ok(answers::NewApp { app, app_secret: self.signed("contest")?.app_secret.into() })
    }

    pub(super) fn token(&self, revoked: bool) -> Result<answers::Token> {
        let created_at = self.detail.record.created_at;
        Ok(token_view(TokenRecord {
            name: "night-shift".parse()?,
            role: Role::Operator,
            created_at,
            revoked_at: revoked.then(|| created_at + TWO_DAYS),
        }))
    }
}

/// What the example's file could be.
fn inspection() -> FileInspection<String> {
    FileInspection {
        media_type: "image/png".into(),
        extent: Extent::Pixels { width: 1080, height: 1920 },
        notes: [Note::BytesAfter.to_string()].into(),
    }
}

/// The query of a presigned link, shortened.
const LINK_QUERY: &str = "response-content-disposition=attachment&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=300&\
    X-Amz-Signature=2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

/// The request that opens the example's dispute.
pub(super) fn opening() -> Value {
    json!({
        "disputeNo": "1234567890",
        "merchantId": 80,
        "paymentNo": "2404241000000080",
        "merchantTradeNo": "MTU-11677",
        "paymentAmount": "100.05",
        "disputeAmount": "100.05",
        "currency": "USD",
        "disputeReason": "Goods not received",
        "reasonCode": "13.1",
        "type": "CHARGEBACK",
        "rrn": "411510280017",
        "deadline": "2034-05-03T12:00:00.000+08:00",
    })
}

fn signed(vectors: &Value, name: &str) -> Result<Signed> {
    let good = vectors["good"].as_array().context("good vectors")?;
    let vector =
        good.iter().find(|vector| vector["name"] == name).with_context(|| format!("no vector {name}"))?;
    let text = |member: &str| vector[member].as_str().map(str::to_owned).with_context(|| member.to_owned());
    Ok(Signed {
        method: text("method")?,
        url: text("url")?,
        app_secret: text("appSecret")?,
        body: text("body")?,
        authorization: text("authorization")?,
    })
}

impl Signed {
    fn header(&self) -> Result<Authorization> {
        Ok(Authorization::parse(self.authorization.as_bytes())?)
    }

    fn contest(&self) -> Result<ReceivedContest> {
        Ok(ReceivedContest::parse(&Object::parse_signed(self.body.as_bytes())?)?)
    }

    /// The address of the contest's one file.
    fn storage_uri(&self) -> Result<StorageUri> {
        let item = self.contest()?.evidence_list.into_iter().next();
        item.and_then(|item| item.url).context("a piece of evidence")
    }
}

/// Opens the dispute, and contests it two days later as the signed example does.
fn detail(contest: &Signed) -> Result<(Dispute, DisputeDetail)> {
    let (header, call) = (contest.header()?, contest.contest()?);
    let contested_at = header.timestamp;
    let created_at = contested_at - TWO_DAYS;
    let facts = OpenDispute::parse(&Object::parse(opening().to_string().as_bytes())?)?;
    let opening = Opening { dispute_no: call.dispute_no, facts };
    let opened = change(open(None, &opening, &Actor::Operator(FIRST_TOKEN.to_owned()), created_at)?)?;

    let found = FoundFile {
        sha256: Fingerprint(Sha256::digest(RECEIPT).into()),
        size: RECEIPT.len() as u64,
        media_type: contest.storage_uri()?.format.media_type().to_owned(),
    };
    let items = call.evidence_list.into_iter();
    let items = items.map(|evidence| ContestItem { evidence, file: Ok(found.clone()) });
    let command = Command::contest(items.collect());
    let contested = change(decide(&opened.dispute, &command, &Actor::App(header.app_id), contested_at)?)?;
    let detail = DisputeDetail {
        record: DisputeRecord { state: contested.dispute, facts: opening.facts, created_at },
        history: vec![opened.entry, contested.entry],
        submissions: contested.submission.into_iter().collect(),
    };
    Ok((opened.dispute, detail))
}

fn change(decision: Decision) -> Result<Change> {
    match decision {
        Decision::Change(change) => Ok(*change),
        Decision::Repetition => bail!("nothing of this has been done before"),
    }
}
