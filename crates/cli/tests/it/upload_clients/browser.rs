//! Chromium, with a page of another origin.

use std::process::Command;

use rebuttal_testbed::{Item, Page, Ticket, browser, page, samples};
use serde_json::{Value, json};

use crate::common::folder_test_gateway;

/// Installed by `cargo xtask test`.
const UPPY: &str = "target/test-tools/uppy-6.3.1/node_modules";

const PAGE: &[u8] =
    b"<!doctype html><script src=/documented.js></script><script type=module src=/page.js></script>";

/// The page's script with the libraries that it imports.
fn bundle() -> Vec<u8> {
    let modules = page::root().canonicalize().unwrap().join(UPPY);
    let output = Command::new("node")
        .arg(modules.join("esbuild/bin/esbuild"))
        .args([
            "crates/cli/tests/it/upload_clients/page.mjs",
            "--bundle",
            "--format=esm",
            "--log-level=error",
        ])
        .current_dir(page::root())
        .env("NODE_PATH", &modules)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn json_of(tickets: &[Ticket]) -> Value {
    let fields =
        |ticket: &Ticket| ticket.fields.iter().cloned().map(|(name, value)| (name, value.into())).collect();
    let json = |ticket: &Ticket| json!({ "uploadUrl": ticket.upload_url, "formFields": Value::Object(fields(ticket)) });
    tickets.iter().map(json).collect()
}

#[test]
#[ignore = "needs Chromium, Node.js and Uppy, which cargo xtask test installs"]
fn pages_of_another_origin_upload_and_read_the_answers() {
    let fixture = folder_test_gateway();
    let tickets: Vec<_> = (0..4).map(|_| fixture.ticket("receipt.png")).collect();
    let (script, receipt) = (bundle(), samples::receipt(1));
    let blocks = Page::all().iter().flat_map(Page::blocks).filter(|block| block.language == "js").count();
    assert_eq!(blocks, 1, "another page has JavaScript: run it, too");
    let documented = Page::open("docs/integrate/upload.md").marked("in a page");
    let result = browser::result_of(&[
        ("/", "text/html", PAGE),
        ("/documented.js", "text/javascript", documented.as_bytes()),
        ("/page.js", "text/javascript", &script),
        ("/tickets", "application/json", json_of(&tickets).to_string().as_bytes()),
        ("/receipt.png", "image/png", &receipt.bytes),
    ]);
    let location = |ticket: &Ticket| {
        let (_, path) = ticket.storage_uri.split_once("s3://uploaded/").unwrap();
        format!("{}/{path}", ticket.upload_url)
    };
    for (way, ticket) in [("fetch", &tickets[0]), ("xhr", &tickets[1])] {
        let answer = &result[way];
        assert_eq!(
            (&answer["status"], &answer["location"]),
            (&json!(204), &json!(location(ticket))),
            "{result:#}"
        );
        assert!(answer["etag"].as_str().is_some_and(|tag| tag.len() == 66), "{result:#}");
        assert!(answer["x-request-id"].is_string(), "{result:#}");
    }
    assert!(result["xhr"]["sent"].as_u64() > Some(receipt.bytes.len() as u64), "{result:#}");
    assert_eq!(result["uppy"], json!({ "failed": [], "locations": [location(&tickets[2])] }), "{result:#}");
    for (way, status, code) in [("refused", 409, "PreconditionFailed"), ("large", 400, "EntityTooLarge")] {
        assert_eq!(result[way]["status"], status, "{result:#}");
        assert!(result[way]["text"].as_str().is_some_and(|text| text.contains(code)), "{result:#}");
    }
    assert!(
        result["documented"].as_str().is_some_and(|text| text.contains("PreconditionFailed")),
        "{result:#}"
    );
    let dispute = fixture.dispute();
    let items: Vec<_> = tickets.iter().map(|ticket| Item::receipt(&ticket.storage_uri)).collect();
    fixture.contest(&dispute, &items).is("OK");
}
