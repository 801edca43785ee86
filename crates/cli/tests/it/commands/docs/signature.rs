//! `docs/integrate/signature.md`: its values are those of the test vectors, its commands and code produce them, and its
//! quotes of `rebuttal verify` are what the command prints.

use std::path::Path;

use rebuttal_testbed::{Page, page};
use serde_json::Value;

use super::DocsReader;
use crate::commands::signing::mistakes;
use crate::common::{CommandOutput, without_rebuttal_env};

const PAGE: &str = "docs/integrate/signature.md";

#[test]
#[ignore = "needs openssl, which cargo xtask test installs"]
fn commands_of_the_page_produce_its_values() {
    let reader = DocsReader::of(PAGE);
    let blocks = reader.page.blocks();
    let names: Vec<_> = blocks.iter().filter_map(|block| block.mark.strip_prefix("run: ")).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for name in names {
        // The last one finds a mistake, and its exit code says so.
        let code = if name == "rebuttal verify" { 3 } else { 0 };
        let output = CommandOutput::run(reader.shell(&reader.commands(name)));
        assert_eq!(output.code, code, "{name}: {output:?}");
        reader.assert_prints(name, &output);
    }
}

#[test]
fn values_of_the_page_match_the_test_vectors() {
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

/// The code of a language in the page's table, verbatim.
fn hmac_in(page: &Page, language: &str) -> String {
    let begin = format!("| {language} | `");
    let row = page.text.lines().find_map(|line| line.strip_prefix(begin.as_str())?.strip_suffix("` |"));
    row.unwrap_or_else(|| panic!("no {language}")).to_owned()
}

#[test]
#[ignore = "needs Python, PHP, Node.js and a JDK, which cargo xtask test installs"]
fn hmac_examples_in_each_language_match_the_page() {
    let page = Page::open(PAGE);
    let vectors: Value = serde_json::from_str(&page::file("testdata/signing.json")).unwrap();
    let good = vectors["good"].as_array().unwrap();
    let vector = good.iter().find(|vector| vector["name"] == "hmac-contest").unwrap();
    let value = |name: &str| vector[name].as_str().unwrap();
    let text =
        ["appId", "method", "url", "timestamp", "nonce", "body"].map(|name| format!("{}\n", value(name)));
    let [python, node, php, java] =
        ["Python", "TypeScript", "PHP", "Java"].map(|language| hmac_in(&page, language));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, source: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, source).unwrap();
        path
    };
    let python = format!(
        "import hmac, os\nAPP_SECRET, text = os.environ['SECRET'], os.environ['TEXT'].encode()\nprint({python})"
    );
    let node = format!(
        "import {{ createHmac }} from 'node:crypto';\nconst appSecret = process.env.SECRET, text = process.env.TEXT;\n\
         console.log({node});"
    );
    let php = format!("<?php define('APP_SECRET', getenv('SECRET')); $text = getenv('TEXT'); echo {php};");
    let java = format!(
        "import static java.nio.charset.StandardCharsets.UTF_8; import java.util.HexFormat; import javax.crypto.Mac;\n\
         import javax.crypto.spec.SecretKeySpec;\n\
         class Sign {{ public static void main(String[] words) throws Exception {{\n\
         String APP_SECRET = System.getenv(\"SECRET\"); byte[] text = System.getenv(\"TEXT\").getBytes(UTF_8);\n\
         {java} System.out.println(sign); }} }}"
    );
    for (program, path) in [
        ("python3", write("sign.py", python)),
        ("node", write("sign.mjs", node)),
        ("php", write("sign.php", php)),
        ("java", write("Sign.java", java)),
    ] {
        let mut command = without_rebuttal_env(Path::new(program));
        command.arg(path).env("SECRET", value("appSecret")).env("TEXT", text.concat());
        let output = CommandOutput::run(command);
        assert_eq!(
            (output.stdout.trim(), output.stderr.as_str()),
            (value("sign"), ""),
            "{program}: {output:?}"
        );
    }
}

#[test]
fn quoted_verify_output_is_real() {
    let outputs = mistakes::outputs();
    let table = Page::open(PAGE).text.split_once("| `rebuttal verify` prints |").unwrap().1.to_owned();
    let rows: Vec<_> =
        table.lines().skip(2).filter_map(|row| row.strip_prefix("| ")?.split_once(" |")).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for (quoted, _) in rows {
        let is_printed = outputs.iter().any(|(_, output)| output.stdout.contains(quoted));
        assert!(is_printed, "`rebuttal verify` never prints {quoted:?}");
    }
}
