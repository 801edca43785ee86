//! `docs/integrate/signature.md`: its values are those of the vectors, its commands make them, and what it quotes of
//! `rebuttal verify` is what that says.

use rebuttal_testbed::{Page, page};
use serde_json::Value;

use super::Reader;
use crate::ground::Ended;

const PAGE: &str = "docs/integrate/signature.md";

#[test]
#[ignore = "needs openssl, which cargo xtask test installs"]
fn every_command_of_the_page_makes_what_the_page_says() {
    let reader = Reader::of(PAGE);
    let blocks = reader.page.blocks();
    let names: Vec<_> = blocks.iter().filter_map(|block| block.mark.strip_prefix("run: ")).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for name in names {
        // The last one finds a mistake, which is what its exit code tells, too.
        let code = if name == "rebuttal verify" { 3 } else { 0 };
        let ended = Ended::run(reader.shell(&reader.commands(name)));
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        reader.was_told(name, &ended);
    }
}

#[test]
fn the_values_of_the_page_are_those_of_the_vectors() {
    let page = Page::open(PAGE);
    let vectors: Value = serde_json::from_str(&page::file("testdata/signing.json")).unwrap();
    let good = vectors["good"].as_array().unwrap();
    let vector = |name: &str| good.iter().find(|vector| vector["name"] == name).unwrap();
    for name in ["contest", "hmac-contest", "answer"] {
        let header = page.marked(&format!("header: {name}"));
        assert_eq!(vector(name)["authorization"], header.trim(), "{name}");
    }
    assert_eq!(vector("contest")["body"], page.marked("body").trim());
    assert_eq!(vector("answer")["body"], page.marked("answer").trim());
    assert_eq!(vectors["answerNonce"]["answerNonce"], page.marked("said: nonce").trim());
    for name in ["appId", "appSecret", "method", "url", "timestamp", "nonce"] {
        let value = vector("contest")[name].as_str().unwrap();
        assert!(page.text.contains(&format!(" | `{value}`")), "step 3 has no {name} {value}");
    }
}

#[test]
fn what_the_page_quotes_of_verify_is_what_it_says() {
    let sentences: String = ["mistakes", "bodies"]
        .map(|name| page::file(&format!("crates/cli/src/verify/{name}.rs")).replace("\\\"", "\""))
        .concat();
    let table = Page::open(PAGE).text.split_once("| `rebuttal verify` says |").unwrap().1.to_owned();
    let rows: Vec<_> =
        table.lines().skip(2).filter_map(|row| row.strip_prefix("| ")?.split_once(" |")).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for (quoted, _) in rows {
        let sentence = quoted.strip_prefix("the secret has ").unwrap_or(quoted);
        assert!(sentences.contains(sentence), "`rebuttal verify` never says {quoted:?}");
    }
}
