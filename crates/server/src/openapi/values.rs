//! The single values of the wire, each with its form and limits, taken from what parses it: `protocol`.
//!
//! Where a parser's rule is code rather than a number, the pattern here says the same; a test tries both on the same
//! texts.

use rebuttal_protocol::dispute::{EvidenceType, Stage, Status};
use rebuttal_protocol::file::FILENAME_MAX;
use rebuttal_protocol::ids::{APP_ID_DIGITS, DISPUTE_NO_MAX};
use rebuttal_protocol::money::INTEGER_DIGITS_MAX;
use rebuttal_protocol::operator::{NOTIFY_URL_MAX, OVERLAP_MAX_SECONDS, Outcome, Role, TokenName};
use rebuttal_protocol::storage_uri::BUCKET;
use rebuttal_protocol::text::{DisputeReason, MerchantName, Note, ReasonCode, Rrn};
use rebuttal_protocol::{
    Currency, EvidenceName, FileFormat, MerchantId, MerchantTradeNo, PaymentNo, Scene, Scheme,
};
use utoipa::openapi::ObjectBuilder;

use super::words::{Schema, form, hex_digits, line, named_form, number, one_of, text};

/// RFC 3339 in the years that `UnixMillis::from_rfc3339` reads; whether there is such a day is the format's business.
const TIME: &str = "^(19[7-9][0-9]|2[01][0-9]{2}|22[0-7][0-9]|228[0-6])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
                    T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";
/// An http or https address: a host, a port that there can be; no user, no fragment. Which IPv6 addresses there are is
/// the format's business.
const NOTIFY_URL: &str = "^https?://(([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+|\\[[0-9A-Fa-f:.]+\\])\
                          (:0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?\
                          ([/?]([A-Za-z0-9._~!$&'()*+,;=:/?-]|%[0-9A-Fa-f]{2})*)?$";

/// Every value that has a name.
pub(super) fn values() -> Vec<(&'static str, Schema)> {
    [numbers(), texts(), words(), files(), accounts()].into_iter().flatten().collect()
}

fn said(schema: ObjectBuilder, what: &str) -> Schema {
    schema.description(Some(what)).into()
}

type Values = Vec<(&'static str, Schema)>;

fn numbers() -> Values {
    let word = |max| format!("^[0-9A-Za-z_-]{{1,{max}}}$");
    let less_than_one = "0\\.([1-9][0-9]{0,2}|0[1-9][0-9]?|00[1-9])";
    let amount = format!("^([1-9][0-9]{{0,{}}}(\\.[0-9]{{1,3}})?|{less_than_one})$", INTEGER_DIGITS_MAX - 1);
    vec![
        ("DisputeNo", said(form(word(DISPUTE_NO_MAX)), "The number of a dispute, unique in the gateway.")),
        ("PaymentNo", said(line(PaymentNo::MAX), "The platform's number of the payment.")),
        ("MerchantTradeNo", said(line(MerchantTradeNo::MAX), "The merchant's own number of the trade.")),
        (
            "MerchantId",
            said(
                number(1, MerchantId::MAX as usize),
                "The number of a merchant, as it stands in every storageUri.",
            ),
        ),
        (
            "Amount",
            said(
                form(amount),
                "A decimal, more than zero, with at most as many decimals as its currency has: three where ISO 4217 has \
                 three, else two, which are zeros where it has none. Answers show all of them.",
            ),
        ),
        (
            "Currency",
            said(one_of(currencies().iter().map(String::as_str)), "An ISO 4217 currency that people pay in."),
        ),
        (
            "Time",
            said(
                named_form("date-time").pattern(Some(TIME)),
                "RFC 3339 with its zone, between the years 1970 and 2286. Merchants are told times in their own zone, \
                 operators in UTC, with milliseconds.",
            ),
        ),
        ("Sha256", said(hex_digits(64), "SHA-256 in lower-case hex.")),
    ]
}

fn texts() -> Values {
    vec![
        ("Rrn", said(line(Rrn::MAX), "The retrieval reference number of the card networks.")),
        ("DisputeReason", said(line(DisputeReason::MAX), "Why the cardholder disputes, in words.")),
        ("ReasonCode", said(line(ReasonCode::MAX), "The network's code for the reason.")),
        ("Note", said(line(Note::MAX), "What an operator notes beside a decision.")),
        ("EvidenceName", said(line(EvidenceName::MAX), "What the merchant calls a piece of evidence.")),
        ("MerchantName", said(line(MerchantName::MAX), "A merchant's name.")),
    ]
}

fn words() -> Values {
    vec![
        (
            "EvidenceType",
            said(
                one_of(EvidenceType::ALL.iter().map(|word| word.as_str())),
                "What a piece of evidence shows.",
            ),
        ),
        (
            "Status",
            said(
                one_of(Status::ALL.iter().map(|word| word.as_str())),
                "Where a dispute stands. In `NEEDS_RESPONSE` the merchant may contest or accept until the deadline; in \
                 `UNDER_REVIEW` the outcome is awaited.",
            ),
        ),
        (
            "Stage",
            said(
                one_of(Stage::ALL.iter().map(|word| word.as_str())),
                "The stage of a dispute, which is a member called `type`. A dispute only ever goes on to a later one.",
            ),
        ),
        (
            "Outcome",
            said(one_of(Outcome::ALL.iter().map(|word| word.as_str())), "For the merchant, or against."),
        ),
        (
            "Scheme",
            said(
                one_of(Scheme::ALL.iter().map(|word| word.as_str())),
                "How an app signs, and is answered; see the security schemes.",
            ),
        ),
        (
            "Role",
            said(
                one_of(Role::ALL.iter().map(|word| word.as_str())),
                "A `viewer` reads everything, an `operator` opens and moves disputes, too, and an `admin` changes \
                 merchants, apps and tokens, too.",
            ),
        ),
    ]
}

fn files() -> Values {
    let extensions = FileFormat::ALL.map(FileFormat::extension);
    let either_case = extensions.map(|extension| {
        let letter = |letter: char| format!("[{letter}{}]", letter.to_ascii_uppercase());
        extension.chars().map(letter).collect::<String>()
    });
    let filename = format!(
        "^[^/\\\\\\u0000-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]+\\.({})$",
        either_case.join("|")
    );
    let uri = format!(
        "^s3://{BUCKET}/m/[1-9][0-9]{{0,9}}/{}/[0-9a-f]{{32}}\\.({})$",
        Scene::DisputeEvidence.folder(),
        extensions.join("|")
    );
    let mut media_types: Vec<_> = FileFormat::ALL.iter().map(|format| format.media_type()).collect();
    media_types.dedup();
    vec![
        (
            "Filename",
            said(
                text().min_length(Some(1)).max_length(Some(FILENAME_MAX)).pattern(Some(filename)),
                "A file's name; its extension decides what the file must be.",
            ),
        ),
        (
            "Scene",
            said(
                one_of(Scene::ALL.iter().map(|word| word.as_str())),
                "What a file is for, and so what it may be: jpg, jpeg, png, pdf, xls or xlsx.",
            ),
        ),
        ("StorageUri", said(form(uri), "Where an uploaded file lies.")),
        ("MediaType", said(one_of(media_types), "A registered media type.")),
    ]
}

fn accounts() -> Values {
    // Of one or two characters, one is no dot.
    let token_name = format!("^([!-~]{{3,{}}}|[!-\\-/-~][!-~]?|\\.[!-\\-/-~])$", TokenName::MAX);
    let overlap = usize::try_from(OVERLAP_MAX_SECONDS).unwrap_or(usize::MAX);
    vec![
        (
            "AppId",
            said(hex_digits(APP_ID_DIGITS), "Names an app, a merchant's integration. It is no secret."),
        ),
        ("AppSecret", said(hex_digits(APP_ID_DIGITS), "What an app signs with. It is shown this once.")),
        ("TimeZone", said(named_form("iana-time-zone"), "An IANA time zone, such as Asia/Shanghai or UTC.")),
        (
            "NotifyUrl",
            said(
                named_form("uri").max_length(Some(NOTIFY_URL_MAX)).pattern(Some(NOTIFY_URL)),
                "An absolute http or https address without user and fragment.",
            ),
        ),
        (
            "OverlapSeconds",
            said(number(0, overlap), "How long the old secret still verifies; 0 ends all older ones."),
        ),
        ("TokenName", said(form(token_name), "A token's name, which histories tell as the actor.")),
    ]
}

/// Every code of three letters that the parser takes; it is asked, because the list is its own.
fn currencies() -> Vec<String> {
    let letters = 'A'..='Z';
    let pairs = letters.clone().flat_map(|first| letters.clone().map(move |second| (first, second)));
    let codes = pairs.flat_map(|(first, second)| {
        letters.clone().map(move |third| String::from_iter([first, second, third]))
    });
    codes.filter(|code| code.parse::<Currency>().is_ok()).collect()
}
