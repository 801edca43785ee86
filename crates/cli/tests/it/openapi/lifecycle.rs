//! Every example of the document, sent to a gateway in the order of a dispute's lifecycle: the response is what the
//! document says, member by member.

use std::cell::RefCell;
use std::collections::BTreeSet;

use rebuttal_testbed::signer::{Scheme, Signer};
use rebuttal_testbed::{Document, Gateway, Operator, Response, SignedCall, Ticket, backend, samples};
use serde_json::{Value, json};

use super::document;
use crate::common::gateway;

/// Values that depend on when and where the test runs.
const VARIES: [&str; 22] = [
    "actor",
    "appId",
    "appSecret",
    "createdTime",
    "disputeNo",
    "expireTime",
    "expiresTime",
    "formFields",
    "hash",
    "height",
    "merchantId",
    "notes",
    "oldSecretExpiresTime",
    "revokedTime",
    "sha256",
    "size",
    "storageUri",
    "submittedTime",
    "time",
    "token",
    "uploadUrl",
    "width",
];
const MERCHANTS: &str = "/operator/v1/merchants";
const APPS: &str = "/operator/v1/merchants/{merchantId}/apps";
const APP: &str = "/operator/v1/merchants/{merchantId}/apps/{appId}";
const DISPUTES: &str = "/operator/v1/disputes";
const DISPUTE: &str = "/operator/v1/disputes/{disputeNo}";
const CONTEST: &str = "/pg/v2/dispute/contest";

/// A gateway, its document, and its callers.
struct OpenApiFixture {
    gateway: Gateway,
    document: Document,
    operator: Operator,
    merchant_id: u64,
    signer: Signer,
    /// The operations that were called, each as method and path.
    called: RefCell<BTreeSet<String>>,
}

impl OpenApiFixture {
    fn set() -> Self {
        let gateway = gateway().start();
        let operator = Operator::new(gateway.address(), &gateway.operator_token());
        let document = document(gateway.address());
        let signer = Signer { app_id: String::new(), app_secret: String::new(), scheme: Scheme::Sha256 };
        let mut stage =
            Self { gateway, document, operator, merchant_id: 0, signer, called: RefCell::default() };
        let merchant = stage.operators("POST", MERCHANTS, &[], &stage.request("POST", MERCHANTS), 201);
        stage.merchant_id = merchant["merchantId"].as_u64().unwrap();
        let app = stage.operators("POST", APPS, &[], &stage.request("POST", APPS), 201);
        let text = |name: &str| app[name].as_str().unwrap().to_owned();
        (stage.signer.app_id, stage.signer.app_secret) = (text("appId"), text("appSecret"));
        stage
    }

    /// The example of a request.
    fn request(&self, method: &str, path: &str) -> Value {
        let body = &self.document.operation(method, path)["requestBody"];
        body["content"]["application/json"]["example"].clone()
    }

    /// Panics unless a response matches its schema.
    #[track_caller]
    fn holds(&self, method: &str, path: &str, response: &Response) {
        self.called.borrow_mut().insert(format!("{method} {path}"));
        self.document.holds(method, path, response);
    }

    /// Panics unless a response matches its schema and its example.
    #[track_caller]
    fn matches_document(&self, method: &str, path: &str, response: &Response, status: u16) -> Value {
        assert_eq!(response.status, status, "{method} {path}: {}", response.text());
        self.holds(method, path, response);
        let documented = &self.document.operation(method, path)["responses"][status.to_string()];
        let answer = response.json();
        alike(&format!("{method} {path}"), &documented["content"]["application/json"]["example"], &answer);
        answer
    }

    /// Sends an operator's call; the path's parameters are replaced.
    #[track_caller]
    fn operators(
        &self,
        method: &str,
        path: &str,
        names: &[(&str, &str)],
        body: &Value,
        status: u16,
    ) -> Value {
        let merchant_id = self.merchant_id.to_string();
        let names = names.iter().copied().chain([("merchantId", merchant_id.as_str())]);
        let target =
            names.fold(path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        let target = target.strip_prefix("/operator/v1").unwrap();
        let body = Some(body).filter(|body| !body.is_null());
        let response = self.operator.send(&self.operator.request(method, target, body));
        self.matches_document(method, path, &response, status)
    }

    /// Sends a merchant's call, signed; the answer is verified.
    #[track_caller]
    fn merchants(&self, path: &str, body: &Value) -> Value {
        let call = SignedCall::new(&self.signer, &self.gateway.base_url(), path, body.to_string());
        let answer = call.send(self.gateway.address());
        self.matches_document("POST", path, &answer.response, 200)["data"].clone()
    }

    /// Opens the example's dispute under a number.
    #[track_caller]
    fn opens(&self, dispute_no: &str, status: u16) {
        let mut opening = self.request("POST", DISPUTES);
        opening["merchantId"] = self.merchant_id.into();
        opening["disputeNo"] = dispute_no.into();
        self.operators("POST", DISPUTES, &[], &opening, status);
    }

    /// Uploads a file as the example asks for it.
    fn uploads(&self) -> String {
        let path = "/pg/v2/file/generateUploadUrl";
        let ticket = Ticket::read(&self.merchants(path, &self.request("POST", path)));
        let form = ticket.form(&samples::receipt(1).bytes);
        let own = form.address().is_none_or(|address| address == self.gateway.address());
        let response = form.send(form.address().unwrap_or(self.gateway.address()));
        assert_eq!(response.status, 204, "{}", response.text());
        if own {
            self.holds("POST", "/uploaded", &response);
        }
        ticket.storage_uri
    }

    /// Contests like the example, with an existing file.
    fn contests(&self, dispute_no: &str, url: &str) {
        let mut contest = self.request("POST", CONTEST);
        contest["disputeNo"] = dispute_no.into();
        contest["evidenceList"][0]["url"] = url.into();
        self.merchants(CONTEST, &contest);
    }
}

/// Whether an answer has the example's members, everywhere, and its values where they do not vary.
#[track_caller]
fn alike(place: &str, example: &Value, answer: &Value) {
    match (example, answer) {
        (Value::Object(documented), Value::Object(given)) => {
            let names = |object: &serde_json::Map<_, _>| object.keys().cloned().collect::<Vec<String>>();
            assert_eq!(names(documented), names(given), "{place}; left: the example");
            for (name, value) in documented.iter().filter(|(name, _)| !VARIES.contains(&name.as_str())) {
                alike(&format!("{place}/{name}"), value, &given[name]);
            }
        }
        (Value::Array(documented), Value::Array(given)) => {
            assert_eq!(documented.len(), given.len(), "{place}; left: the example");
            documented.iter().zip(given).for_each(|(documented, given)| alike(place, documented, given));
        }
        // The merchant and the file of this run are not those of the example.
        (Value::String(documented), _)
            if documented.starts_with("s3://") || documented.contains("X-Amz-Signature") => {}
        _ => assert_eq!(example, answer, "{place}; left: the example"),
    }
}

/// Every operation of the document is called, so that a new one needs a call here.
#[test]
fn every_operation_matches_the_openapi_document() {
    let stage = OpenApiFixture::set();
    calls_of_a_dispute(&stage);
    operator_actions(&stage);
    calls_of_accounts(&stage);
    // Those without authentication are called by the other tests of the document.
    let is_authenticated = |path: &str| path.starts_with("/pg/") || path.starts_with("/operator/");
    let operations = stage.document.operations().filter(|(path, ..)| is_authenticated(path));
    let operations = operations.map(|(path, method, _)| format!("{method} {path}"));
    let missing: Vec<_> = operations.filter(|operation| !stage.called.borrow().contains(operation)).collect();
    assert_eq!(missing, Vec::<String>::new(), "operations that no test calls");
}

fn calls_of_a_dispute(stage: &OpenApiFixture) {
    let number = stage.request("POST", DISPUTES)["disputeNo"].as_str().unwrap().to_owned();
    stage.opens(&number, 201);
    stage.opens(&number, 200);
    let url = stage.uploads();
    stage.contests(&number, &url);
    stage.contests(&number, &url);
    let query = "/pg/v2/dispute/query";
    stage.merchants(query, &stage.request("POST", query));
    stage.operators("GET", DISPUTE, &[("disputeNo", &number)], &Value::Null, 200);
    stage.operators("GET", DISPUTES, &[], &Value::Null, 200);
    let file = stage.operator.fetch(&format!("/disputes/{number}/evidence/1-1"));
    assert_eq!(file.status, 200);
    let evidence = format!("{DISPUTE}/evidence/{{evidenceId}}");
    stage.holds("GET", &evidence, &file);
    let link = stage.operator.fetch(&format!("/disputes/{number}/evidence/1-1/link"));
    match backend::includes("s3") {
        true => drop(stage.matches_document("GET", &format!("{evidence}/link"), &link, 200)),
        false => stage.holds("GET", &format!("{evidence}/link"), &link),
    }

    stage.opens("accepted", 201);
    let accept = "/pg/v2/dispute/accept";
    let mut body = stage.request("POST", accept);
    body["disputeNo"] = "accepted".into();
    stage.merchants(accept, &body);
}

fn operator_actions(stage: &OpenApiFixture) {
    let url = stage.uploads();
    for act in ["resolve", "requestEvidence", "extend", "advance", "withdraw"] {
        stage.opens(act, 201);
        // The deadline is extended for a dispute without a response.
        if act != "extend" {
            stage.contests(act, &url);
        }
        let path = format!("{DISPUTE}/{act}");
        stage.operators("POST", &path, &[("disputeNo", act)], &stage.request("POST", &path), 200);
    }
}

fn calls_of_accounts(stage: &OpenApiFixture) {
    let one = format!("{MERCHANTS}/{{merchantId}}");
    stage.operators("GET", MERCHANTS, &[], &Value::Null, 200);
    stage.operators("PATCH", &one, &[], &stage.request("PATCH", &one), 200);
    stage.operators("GET", APPS, &[], &Value::Null, 200);
    let app_id = stage.signer.app_id.clone();
    let app = [("appId", app_id.as_str())];
    stage.operators("PATCH", APP, &app, &stage.request("PATCH", APP), 200);
    let rotate = format!("{APP}/rotate");
    stage.operators("POST", &rotate, &app, &stage.request("POST", &rotate), 200);
    let end_overlap = format!("{APP}/endOverlap");
    stage.operators("POST", &end_overlap, &app, &json!({}), 200);

    let (tokens, revoke) = ("/operator/v1/tokens", "/operator/v1/tokens/{name}/revoke");
    stage.operators("POST", tokens, &[], &stage.request("POST", tokens), 201);
    // The first token is listed, too.
    let listed = stage.operator.fetch("/tokens");
    stage.holds("GET", tokens, &listed);
    stage.operators("POST", revoke, &[("name", "night-shift")], &json!({}), 200);
}
