//! Where the document is served, to whom, and with which headers.

use rebuttal_testbed::{Operator, Request};

use super::{document, fetch};
use crate::common::{gateway, operators_address};

#[test]
fn each_listener_logs_what_it_serves() {
    let shared = gateway().folder().start();
    let paths =
        |address| document(address).operations().map(|(path, ..)| path.to_owned()).collect::<Vec<_>>();
    let has_path = |paths: &[String], part: &str| paths.iter().any(|path| path.starts_with(part));
    let all = paths(shared.address());
    assert!(
        ["/pg/v2", "/uploaded", "/operator/v1", "/healthz"].iter().all(|part| has_path(&all, part)),
        "{all:?}"
    );

    let apart = gateway().folder().args(["--operator-listen", "127.0.0.1:0"]).start();
    let merchants = paths(apart.address());
    assert!(has_path(&merchants, "/pg/v2") && !has_path(&merchants, "/operator"), "{merchants:?}");
    let operators = paths(operators_address(&apart));
    assert!(has_path(&operators, "/operator/v1") && !has_path(&operators, "/pg"), "{operators:?}");
    assert!(!has_path(&operators, "/uploaded"), "{operators:?}");
    for (address, description) in [
        (apart.address(), "The gateway's public base URL"),
        (operators_address(&apart), "The address of the operators' listener."),
    ] {
        let document = fetch(address, "/openapi.json").json();
        let server = document["servers"][0]["description"].as_str().unwrap();
        assert!(server.starts_with(description), "{server}");
    }
}

#[test]
fn document_is_public_and_cached_by_etag() {
    let gateway = gateway().start();
    let first = fetch(gateway.address(), "/openapi.json");
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let etag = first.header("etag").expect("an entity tag").to_owned();
    // Neither the request's headers nor the gateway's data change the document.
    let operator = Operator::new(gateway.address(), &gateway.operator_token());
    let merchant_id = operator.open_merchant("A unique name", "Europe/Oslo");
    let app = operator.open_app(merchant_id, rebuttal_testbed::signer::Scheme::Sha256);
    let request = Request::new("GET", "/openapi.json", "").header("Host", "elsewhere.example");
    let again = request.send(gateway.address()).unwrap();
    assert_eq!(again.body, first.body);
    for secret in [gateway.operator_token(), app.app_id, app.app_secret, gateway.base_url()] {
        assert!(!first.text().contains(&secret), "{secret}");
    }
    let known = Request::new("GET", "/openapi.json", "").header("If-None-Match", etag.clone());
    let known = known.send(gateway.address()).unwrap();
    assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, Some(etag.as_str())));
}

/// The page runs only its own script, sends nothing to another host, and has no form for a secret.
#[test]
fn docs_page_has_a_strict_content_security_policy() {
    let gateway = gateway().start();
    let page = fetch(gateway.address(), "/docs");
    document(gateway.address()).holds("GET", "/docs", &page);
    let page = page.text();
    for (path, media_type, caching) in [
        ("/docs", "text/html; charset=utf-8", "no-cache"),
        ("/docs/page.css", "text/css; charset=utf-8", "no-cache"),
        ("/docs/redoc-2.5.4.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
    ] {
        assert!(
            path == "/docs" || page.contains(&format!("\"{}\"", &path[1..])),
            "{path} is not in the page"
        );
        let part = fetch(gateway.address(), path);
        assert_eq!((part.status, part.header("content-type")), (200, Some(media_type)), "{path}");
        assert_eq!(part.header("cache-control"), Some(caching), "{path}");
        assert_eq!(part.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(part.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = part.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{path}: {policy}");
        for word in ["unsafe", "http", "*", "blob"] {
            assert!(!policy.contains(word), "{path}: {policy}");
        }
        let known = Request::new("GET", path, "").header("If-None-Match", part.header("etag").unwrap());
        let known = known.send(gateway.address()).unwrap();
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
    }
}

#[test]
fn unsupported_method_gets_the_allowed_methods() {
    let gateway = gateway().start();
    let response = Request::new("POST", "/openapi.json", "{}").send(gateway.address()).unwrap();
    assert_eq!((response.status, response.header("allow")), (405, Some("GET,HEAD")));
    document(gateway.address()).holds("GET", "/openapi.json", &response);
}

#[test]
fn invalid_host_is_answered_as_described() {
    let gateway = gateway().folder().start();
    let document = document(gateway.address());
    for (method, path) in [
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("POST", "/uploaded"),
        ("GET", "/operator/v1/disputes"),
        ("POST", "/pg/v2/dispute/query"),
    ] {
        let response = Request::new(method, path, "").header("Host", "a b").send(gateway.address()).unwrap();
        assert_eq!(response.status, 400, "{path}");
        document.holds(method, path, &response);
    }
}

#[test]
fn api_docs_off_serves_neither_document_nor_page() {
    let gateway = gateway().args(["--api-docs", "off"]).start();
    for path in ["/openapi.json", "/docs", "/docs/page.css", "/docs/redoc-2.5.4.js"] {
        assert_eq!(fetch(gateway.address(), path).status, 404, "{path}");
    }
}
