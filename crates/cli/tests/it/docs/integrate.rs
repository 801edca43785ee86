//! What `docs/integrate` quotes of the gateway is what the gateway returns: each rejection in the tables is caused.

use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::test_gateway::{ACCEPT, CONTEST, QUERY, UPLOAD_URL};
use rebuttal_testbed::upload::Part;
use rebuttal_testbed::{Answer, Item, Page, Response, SignedCall, Ticket, operator, page, samples};
use serde_json::{Value, json};

use crate::common::{LARGEST_FILE_BYTES, folder_test_gateway, test_gateway};

const SCENE: &str = "DISPUTE_EVIDENCE";

/// The rows of a page's tables of rejections, and which of them have been caused.
struct RejectionTable {
    path: &'static str,
    rows: Vec<(String, String)>,
    seen: Vec<bool>,
}

impl RejectionTable {
    fn of(path: &'static str) -> Self {
        let page = Page::open(path);
        let row = |line: &str| {
            let (code, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            let (message, _) = rest.split_once(" |")?;
            // Types and columns have words in one case.
            let is_code = code.starts_with(char::is_uppercase) && code.contains(char::is_lowercase);
            is_code.then(|| (code.to_owned(), message.to_owned()))
        };
        let rows: Vec<_> = page.text.lines().filter_map(row).collect();
        let seen = vec![false; rows.len()];
        Self { path, rows, seen }
    }

    /// Panics unless a row has this code and this message.
    #[track_caller]
    fn check(&mut self, code: &str, message: &str) {
        let rows = self.rows.iter();
        let found: Vec<_> =
            rows.map(|(row_code, pattern)| row_code == code && page::fits(pattern, message)).collect();
        assert!(found.contains(&true), "{} does not list {code}: {message}", self.path);
        for (seen, found) in self.seen.iter_mut().zip(found) {
            *seen |= found;
        }
    }

    #[track_caller]
    fn answered(&mut self, answer: &Answer) {
        self.check(&answer.code, &answer.message);
    }

    /// The response of the file store.
    #[track_caller]
    fn not_taken(&mut self, response: &Response) {
        let text = response.text().replace("&quot;", "\"");
        let (_, message) = text.split_once("<Message>").unwrap_or_else(|| panic!("taken? {text}"));
        self.check(&response.store_error(), message.split_once("</Message>").unwrap().0);
    }

    /// Panics unless every row was caused, except those that a test cannot cause.
    fn all_were(&self, but: &[&str]) {
        let rows = self.rows.iter().zip(&self.seen);
        let missing: Vec<_> = rows.filter(|(_, seen)| !**seen).map(|((code, _), _)| code.as_str()).collect();
        assert_eq!(missing, but, "{}", self.path);
    }
}

#[test]
fn signature_rejections_match_the_docs() {
    let (fixture, mut table) = (test_gateway(), RejectionTable::of("docs/integrate/signature.md"));
    let address = fixture.address();
    let call = || fixture.call(QUERY, &json!({ "disputeNo": "D-1" }));
    let with_header = |header: Option<&str>| {
        let mut request = call().request();
        request.headers.retain(|(name, _)| name != "Authorization");
        let request =
            header.into_iter().fold(request, |request, header| request.header("Authorization", header));
        Answer::checked(request.send(address).unwrap())
    };
    table.answered(&with_header(None));
    table.answered(&with_header(Some("V2_SHA256 appId=1")));
    let mut unknown = call();
    unknown.signer.app_id = "0".repeat(32);
    table.answered(&unknown.send_for_unsigned(address));
    table.answered(&call().aged_ms(600_000).send(address));
    table.answered(&call().badly_signed().send(address));
    let twice = call();
    drop(twice.send(address));
    table.answered(&twice.send(address));
    table.answered(&fixture.raw_call(QUERY, "[]").send(address));
    let app = format!("/merchants/{}/apps/{}", fixture.merchant_id, fixture.signer.app_id);
    assert_eq!(fixture.operator.patch(&app, &json!({ "enabled": false })).status, 200);
    table.answered(&call().send(address));
    table.all_were(&[]);
}

#[test]
fn upload_rejections_match_the_docs() {
    let (fixture, mut table) = (folder_test_gateway(), RejectionTable::of("docs/integrate/upload.md"));
    for params in [
        json!({ "filename": "a.gif", "scene": SCENE }),
        json!({ "filename": "a.png", "scene": SCENE, "contentType": "image/jpeg" }),
        json!({ "filename": format!("{}.png", "a".repeat(40)), "scene": SCENE }),
        json!({ "filename": ".png", "scene": SCENE }),
        json!({ "filename": "a.png", "scene": SCENE.to_lowercase() }),
    ] {
        table.answered(&fixture.post(UPLOAD_URL, &params));
    }
    let png = samples::png(1);
    let address = fixture.address();
    let form = || fixture.ticket("a.png").form(&png);
    let flipped = |sign: &str| sign.chars().rev().collect::<String>();
    let mut reordered = form();
    reordered.parts.rotate_right(1);
    for form in [
        form().without("x-amz-date"),
        form().altered("x-amz-date", |date| format!("{date}0")),
        form().with(Part::field("success_action_status", "201")),
        form().altered("x-amz-signature", flipped),
        reordered,
        form().without("file"),
        fixture.ticket("a.pdf").form(&png),
        fixture.ticket("a.png").form(&samples::png_of_size(LARGEST_FILE_BYTES + 1)),
        fixture.ticket("a.png").form(b""),
    ] {
        table.not_taken(&form.send(address));
    }
    let form = form();
    assert_eq!(form.send(address).status, 204);
    table.not_taken(&form.send(address));
    let mut no_form = form.request();
    no_form.headers.retain(|(name, _)| name != "Content-Type");
    table.not_taken(&no_form.header("Content-Type", "application/json").send(address).unwrap());
    // An expired form is in the tests of `rebuttal-evidence`.
    table.all_were(&["AccessDenied"]);
}

#[test]
fn contest_rejections_match_the_docs() {
    let (fixture, mut table) = (test_gateway(), RejectionTable::of("docs/integrate/contest.md"));
    let url = fixture.upload(&samples::receipt(1));
    let data = fixture.post(UPLOAD_URL, &json!({ "filename": "a.png", "scene": SCENE })).ok();
    let nothing = Ticket::read(&data).storage_uri;
    let no = fixture.dispute();
    let item = Item::receipt(&url);
    let contest = |no: &str, items: &[Item<'_>]| fixture.contest(no, items);
    let bad = |kind, name| Item { kind, name, url: &url };
    table.answered(&contest("NO-SUCH", std::slice::from_ref(&item)));
    table.answered(&contest(&no, &[Item::receipt("https://example.com/receipt.png")]));
    table.answered(&contest(&no, &[Item::receipt(&nothing)]));
    table.answered(&contest(&no, &[]));
    table.answered(&contest(&no, &[bad("RECEIPT", "")]));
    table.answered(&contest(&no, &[bad("receipt", "Receipt")]));
    table.answered(&contest(&no, &[item.clone(), item.clone()]));
    table.answered(&fixture.post(QUERY, &json!({})));
    table.answered(&fixture.post(QUERY, &json!({ "disputeNo": 1 })));
    table.answered(&fixture.raw_call(QUERY, "{} {}").send(fixture.address()));
    let twice = r#"{"disputeNo":"1","disputeNo":"2"}"#;
    table.answered(&fixture.raw_call(QUERY, twice).send(fixture.address()));

    contest(&no, std::slice::from_ref(&item)).is("OK");
    table.answered(&contest(&no, &[bad("OTHER", "Another")]));
    fixture.operator.does(
        &no,
        "requestEvidence",
        &json!({ "deadline": operator::in_days(7), "note": "A receipt" }),
    );
    table.answered(&contest(&no, std::slice::from_ref(&item)));
    let accepted = fixture.dispute();
    fixture.accept(&accepted).is("OK");
    table.answered(&contest(&accepted, std::slice::from_ref(&item)));
    let (deadline, at) = operator::in_ms(1_000);
    let late = fixture.dispute_with(&json!({ "deadline": deadline }));
    rebuttal_testbed::clock::wait_for("the deadline", || (now_ms() > at).then_some(()));
    table.answered(&contest(&late, std::slice::from_ref(&item)));
    table.all_were(&["File.ContentMismatch"]);
}

/// The documented bodies are accepted, except for their fictitious numbers.
#[test]
fn documented_bodies_are_accepted() {
    let fixture = test_gateway();
    let body_of = |path: &str, member: &str| {
        let blocks = Page::open(path).blocks();
        let bodies = blocks.iter().filter(|block| block.language == "json");
        let bodies = bodies.map(|block| serde_json::from_str::<Value>(&block.text).unwrap());
        bodies
            .into_iter()
            .find(|body| body.get(member).is_some())
            .unwrap_or_else(|| panic!("{path}: no {member}"))
    };
    let send = |target, body: Value| SignedCall::send(&fixture.call(target, &body), fixture.address());
    send(UPLOAD_URL, body_of("docs/integrate/upload.md", "filename")).is("OK");
    let contest = body_of("docs/integrate/contest.md", "evidenceList");
    send(CONTEST, contest.clone()).is("Dispute.NotFound");
    send(QUERY, json!({ "merchantTradeNo": "NC-1" })).is("Dispute.NotFound");
    send(ACCEPT, json!({ "disputeNo": contest["disputeNo"] })).is("Dispute.NotFound");

    let ticket = body_of("docs/integrate/upload.md", "uploadUrl");
    let given = fixture.post(UPLOAD_URL, &json!({ "filename": "a.png", "scene": SCENE })).ok();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ticket), names(&given));
    assert_eq!(names(&ticket["formFields"]), names(&given["formFields"]));
    let shown = body_of("docs/integrate/contest.md", "createdTime");
    assert_eq!(names(&shown), names(&fixture.query(&fixture.dispute()).ok()));
}
