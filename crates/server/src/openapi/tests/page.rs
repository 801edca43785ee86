//! The page: it shows all of the document, holds together, and needs nothing that it does not bring.

use std::collections::BTreeSet;

use super::{ALL, Apis, document, told};
use crate::openapi::page;

fn page(apis: Apis) -> String {
    page::page(&document::document(apis).unwrap())
}

/// What stands between two texts, each time.
fn between<'p>(page: &'p str, before: &str, after: char) -> Vec<&'p str> {
    page.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

#[test]
fn everything_that_is_told_has_its_place() {
    let (page, document) = (page(ALL), told(ALL));
    let ids: BTreeSet<_> = between(&page, " id=\"", '"').into_iter().collect();
    for (path, method, operation) in document.operations() {
        assert!(ids.contains(operation["operationId"].as_str().unwrap()), "{method} {path}");
        assert!(page.contains(&format!("<b>{method}</b> <code>{path}</code>")), "{method} {path}");
    }
    for (kind, prefix) in [("schemas", "schema"), ("responses", "refusals"), ("securitySchemes", "scheme")] {
        for name in document.0["components"][kind].as_object().unwrap().keys() {
            assert!(ids.contains(format!("{prefix}-{name}").as_str()), "{name}");
        }
    }
}

#[test]
fn links_lead_somewhere_and_ids_are_told_apart() {
    for apis in [ALL, Apis { operators: false, ..ALL }, Apis { merchants: false, uploads: false, ..ALL }] {
        let page = page(apis);
        let ids = between(&page, " id=\"", '"');
        let distinct: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len());
        for link in between(&page, "href=\"", '"') {
            let leads = link.strip_prefix('#').is_some_and(|id| distinct.contains(id));
            assert!(leads || link == "openapi.json", "{link}");
        }
    }
}

/// Nothing is fetched and nothing runs: what the policy forbids is not there either.
#[test]
fn it_brings_all_that_it_needs() {
    let page = page(ALL);
    for word in ["<script", "<link", "<img", "<iframe", "<form", " src=", " style=", "@import", "url(", " on"]
    {
        let tags = between(&page, "<", '>').into_iter().filter(|tag| format!("<{tag}").contains(word));
        assert_eq!(tags.collect::<Vec<_>>(), [""; 0], "{word}");
    }
    assert!(!page.contains("@import") && !page.contains("url("));
    let style = between(&page, "<style>", '<');
    assert_eq!(style.len(), 1);
    use base64::Engine as _;
    use sha2::Digest as _;
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style[0]));
    assert!(page::policy().contains(&format!("style-src 'sha256-{hash}'")), "{}", page::policy());
}

/// Each element is closed in its turn.
#[test]
fn it_is_well_formed() {
    const EMPTY: [&str; 2] = ["meta", "!doctype"];
    let page = page(ALL);
    let mut open = Vec::new();
    for tag in between(&page, "<", '>') {
        let name = tag.split_whitespace().next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if EMPTY.contains(&name) => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, [""; 0]);
    assert!(page.len() < 512 * 1024, "{} bytes", page.len());
}
