//! A body that was serialized again: the report says what its spelling proves, and names no library that would have
//! written it differently.

use std::path::Path;

use rebuttal_testbed::Scheme;

use super::{SentRequest, sent, signer, url};
use crate::common::{CommandOutput, without_rebuttal_env};

/// What `verify` says where one body was signed and another sent.
fn message(signed: &str, body: &str) -> String {
    let at = url();
    let case = SentRequest { url: &at, body, ..sent(&signer(Scheme::Sha256), "POST", &at, signed) };
    let output = case.verify(&["--json"]);
    assert_eq!(output.code, 3, "{output:?}");
    let mistakes = output.json()["mistakes"].clone();
    assert_eq!(mistakes.as_array().unwrap().len(), 1, "{signed}: {mistakes}");
    let printed = mistakes[0]["mistake"].as_str().unwrap();
    printed
        .strip_prefix("the body is signed as written anew")
        .unwrap_or_else(|| panic!("{printed}"))
        .to_owned()
}

/// What was signed, what was sent, and what is said of it.
const SPELLINGS: [(&str, &str, &str); 20] = [
    // One spelling, two libraries: nothing in it distinguishes them.
    (
        r#"{"a":"\u00e4"}"#,
        r#"{"a":"ä"}"#,
        ": with \\u escapes of what is not ASCII, as PHP's json_encode or Python's json.dumps with \
         separators=(',', ':') writes it",
    ),
    // The slash distinguishes them.
    (
        r#"{"a":"\u00e4\/"}"#,
        r#"{"a":"ä/"}"#,
        ": with \\u escapes of what is not ASCII and with \\/ for each slash, as PHP's json_encode writes it",
    ),
    (
        r#"{"a":"\u00e4/"}"#,
        r#"{"a":"ä/"}"#,
        ": with \\u escapes of what is not ASCII, as Python's json.dumps with separators=(',', ':') or \
         PHP's json_encode with JSON_UNESCAPED_SLASHES writes it",
    ),
    // No escape is reported that is not in the body.
    (
        r#"{"a":"b\/c"}"#,
        r#"{"a":"b/c"}"#,
        ": with \\/ for each slash, as PHP's json_encode or Swift's JSONSerialization writes it",
    ),
    (
        r#"{"a":"ä\/"}"#,
        r#"{"a":"ä/"}"#,
        ": with \\/ for each slash, as Swift's JSONSerialization or PHP's json_encode with \
         JSON_UNESCAPED_UNICODE writes it",
    ),
    // Spaces are Python's; escapes are, too.
    (
        r#"{"a": "b", "c": 1}"#,
        r#"{"a":"b","c":1}"#,
        ": with a space after each colon and comma, as Python's json.dumps writes it",
    ),
    (
        r#"{"a": "\u00e4/"}"#,
        r#"{"a":"ä/"}"#,
        ": with a space after each colon and comma and with \\u escapes of what is not ASCII, as Python's \
         json.dumps writes it",
    ),
    (
        r#"{"a": "ä"}"#,
        r#"{"a":"ä"}"#,
        ": with a space after each colon and comma, as Python's json.dumps with ensure_ascii=False writes it",
    ),
    // What everybody writes proves nobody.
    (r#"{"a":"b"}"#, r#"{ "a" : "b" }"#, ": without white space, as most libraries write it"),
    (
        r#"{"a":"\u003cb\u003e"}"#,
        r#"{"a":"<b>"}"#,
        ": with \\u escapes of < >, as Go's json.Marshal or Gson writes it",
    ),
    (r#"{"a":"\u003cb\u003d"}"#, r#"{"a":"<b="}"#, ": with \\u escapes of < =, as Gson writes it"),
    (
        r#"{"a":"\u00E4\u002B"}"#,
        r#"{"a":"ä+"}"#,
        ": with \\u escapes with upper-case digits of what is not ASCII and with \\u escapes of +, as \
         .NET's System.Text.Json writes it",
    ),
    // Written as by one library, with sorted keys.
    (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, ", its members sorted"),
    (
        r#"{"a":"ä/"}"#,
        r#"{"a":"\u00e4\/"}"#,
        ": with the escapes of its strings resolved, as JSON.stringify, Go's json.Marshal, Gson and others write it",
    ),
    // Half of them escape this line end, and half do not.
    (
        r#"{"a":"\u2028"}"#,
        "{\"a\":\"\u{2028}\"}",
        ": with \\u escapes of what is not ASCII, as PHP's json_encode, Go's json.Marshal, Gson and others write it",
    ),
    // Numbers are reported separately, and no unchanged order is.
    (
        r#"{"a": 129.0}"#,
        r#"{"a":129.00}"#,
        ": with a space after each colon and comma and with its numbers written anew, such as 129.0 for 129.00, as \
         Python's json.dumps writes it",
    ),
    (
        r#"{"a":129,"b":1000}"#,
        r#"{"a":129.00,"b":1e3}"#,
        ": with its numbers written anew, such as 129 for 129.00, as JSON.stringify, PHP's json_encode, Go's \
         json.Marshal and others write it",
    ),
    (
        r#"{"a":1.0e+20}"#,
        r#"{"a":1e20}"#,
        ": with its numbers written anew, such as 1.0e+20 for 1e20, as PHP's json_encode writes it",
    ),
    (r#"{"a":1,"b":129.00}"#, r#"{"b":129.00,"a":1}"#, ", its members sorted"),
    (
        r#"{"a":1,"b":129}"#,
        r#"{"b":129.00,"a":1}"#,
        ", its members sorted: with its numbers written anew, such as 129 for 129.00",
    ),
];

#[test]
fn json_spelling_names_only_matching_libraries() {
    for (signed, sent, said) in SPELLINGS {
        assert_eq!(message(signed, sent), said, "{signed} in the place of {sent}");
    }
}

/// What each prints is signed, and must be found and named for it.
#[test]
#[ignore = "needs Python, PHP and Node.js, which cargo xtask test installs"]
fn real_library_output_is_attributed_to_the_library() {
    const SENT: &str = r#"{"name":"ä/<b>=&'\"\\ 😀\u2028\u007f\n\u001f","list":[{},[],1,true,null]}"#;
    let php = |flags: &str| format!("echo json_encode(json_decode(getenv('SENT')), {flags});");
    let node = |indent: u8| {
        format!("process.stdout.write(JSON.stringify(JSON.parse(process.env.SENT), null, {indent}))")
    };
    let python = |more: &str| {
        format!("import json, os, sys; sys.stdout.write(json.dumps(json.loads(os.environ['SENT']){more}))")
    };
    for (program, flag, code, name) in [
        ("python3", "-c", python(""), "as Python's json.dumps writes it"),
        (
            "python3",
            "-c",
            python(", ensure_ascii=False"),
            "Python's json.dumps with ensure_ascii=False writes it",
        ),
        (
            "python3",
            "-c",
            python(", separators=(',', ':')"),
            "Python's json.dumps with separators=(',', ':') writes it",
        ),
        ("python3", "-c", python(", indent=2"), "Python's json.dumps with indent=2 writes it"),
        ("python3", "-c", python(", indent=4"), "Python's json.dumps with indent=4 writes it"),
        ("php", "-r", php("0"), "as PHP's json_encode writes it"),
        (
            "php",
            "-r",
            php("JSON_UNESCAPED_SLASHES"),
            "as PHP's json_encode with JSON_UNESCAPED_SLASHES writes it",
        ),
        (
            "php",
            "-r",
            php("JSON_UNESCAPED_UNICODE"),
            "as PHP's json_encode with JSON_UNESCAPED_UNICODE writes it",
        ),
        (
            "php",
            "-r",
            php("JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE"),
            "as PHP's json_encode with JSON_UNESCAPED_SLASHES and JSON_UNESCAPED_UNICODE writes it",
        ),
        ("php", "-r", php("JSON_PRETTY_PRINT"), "as PHP's json_encode with JSON_PRETTY_PRINT writes it"),
        ("node", "-e", node(0), "as JSON.stringify writes it"),
        ("node", "-e", node(2), "as JSON.stringify with an indent of 2 writes it"),
        ("node", "-e", node(4), "as JSON.stringify with an indent of 4 writes it"),
    ] {
        let mut command = without_rebuttal_env(Path::new(program));
        command.args([flag, &code]).env("SENT", SENT);
        let written = CommandOutput::run(command);
        assert_eq!((written.code, written.stderr.as_str()), (0, ""), "{code}: {written:?}");
        let said = message(&written.stdout, SENT);
        assert!(said.ends_with(name), "{code} wrote {}: {said}", written.stdout);
    }
}
