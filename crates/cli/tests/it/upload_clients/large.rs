//! Programs that send a whole body of 7 to 40 MB before they read the answer: each reads the refusal.

use std::path::{Path, PathBuf};
use std::process::Command;

use rebuttal_testbed::test_gateway::QUERY;
use rebuttal_testbed::{Request, TestGateway};

use crate::common::{folder_test_gateway, scaled};

const SIZES: [usize; 5] = [7_000_000, 12_000_000, 20_000_000, 30_000_000, 40_000_000];
const TRIES: usize = 50;

/// Arguments: URL, media type, header `Authorization`, number of tries, files. Prints a line for each try: the status
/// and the answer.
const NODE: &str = r"
const http = require('node:http'), fs = require('node:fs')
const [url, type, authorization, tries, ...files] = process.argv.slice(1)
const headers = { 'content-type': type, authorization }
const byHttp = (body) => new Promise((resolve, reject) => {
  const request = http.request(url, { method: 'POST', headers: { ...headers, 'content-length': body.length } })
  request.on('error', reject).on('response', async (answer) => {
    resolve([answer.statusCode, Buffer.concat(await answer.toArray())])
  })
  request.end(body)
})
const byFetch = async (body) => {
  const answer = await fetch(url, { method: 'POST', headers, body })
  return [answer.status, await answer.text()]
}
void async function () {
  for (let i = 0; i < tries; i++) {
    const body = fs.readFileSync(files[i % files.length])
    const send = i % 2 ? byHttp : byFetch
    console.log(...(await send(body).catch((error) => [String(error), error.cause])).map((it) => String(it).replaceAll('\n', ' ')))
  }
}()";
const PYTHON: &str = r"
import sys, urllib.request, urllib.error
url, kind, authorization, tries, *files = sys.argv[1:]
for i in range(int(tries)):
    body = open(files[i % len(files)], 'rb').read()
    request = urllib.request.Request(url, body, {'Content-Type': kind, 'Authorization': authorization})
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode().replace('\n', ' '))
    except OSError as error:
        print(error)
";
const CURL: &str = r#"
url=$1 type=$2 authorization=$3 tries=$4; shift 4
for i in $(seq "$tries"); do
    curl --silent --show-error --header "Content-Type: $type" --header "Authorization: $authorization" \
        --write-out '%{stderr}%{http_code} ' --data-binary "@$1" "$url" 2>&1 | tr '\n' ' '; echo
    set -- "$@" "$1"; shift
done"#;

/// A form with a file of this size, or a signed call with such a body.
#[derive(Clone, Copy)]
enum Kind {
    Form,
    Call,
}

impl Kind {
    fn request(self, fixture: &TestGateway, bytes: usize) -> Request {
        match self {
            Self::Form => fixture.ticket("a.png").form(&vec![b'x'; bytes]).request(),
            Self::Call => fixture.raw_call(QUERY, vec![b' '; bytes]).request(),
        }
    }

    fn refusal(self) -> (&'static str, &'static str) {
        match self {
            Self::Form => ("400 ", "EntityTooLarge"),
            Self::Call => ("413 ", "Common.Request.TooLarge"),
        }
    }
}

/// What one of these programs prints, for each request.
fn refused(program: &[&str], kind: Kind, tries: usize) {
    let fixture = folder_test_gateway();
    let folder = fixture.gateway.scratch();
    let requests: Vec<_> = SIZES.map(|bytes| kind.request(&fixture, bytes)).into();
    // A call's signature is that of its body; a form needs none.
    let requests = match kind {
        Kind::Form => requests,
        Kind::Call => requests[..1].to_vec(),
    };
    let header = |name: &str| {
        let header = requests[0].headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        header.map_or(String::new(), |(_, value)| value.clone())
    };
    let file = |(index, request): (usize, &Request)| -> PathBuf {
        let path = folder.join(format!("body-{index}"));
        std::fs::write(&path, &request.body).unwrap();
        path
    };
    let files: Vec<_> = requests.iter().enumerate().map(file).collect();
    let url = format!("http://{}{}", fixture.address(), requests[0].target);
    let output = Command::new(program[0])
        .args(&program[1..])
        .args([&url, &header("content-type"), &header("authorization"), &tries.to_string()])
        .args(&files)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let (status, code) = kind.refusal();
    let is_read = |line: &&str| line.contains(status) && line.contains(code);
    assert_eq!(printed.lines().filter(is_read).count(), tries, "{}: {printed}", program[0]);
    assert_eq!(printed.lines().count(), tries, "{printed}{}", String::from_utf8_lossy(&output.stderr));
}

/// One try of a call, and as many of a form as the tier has.
fn reads_refusals(program: &[&str]) {
    refused(program, Kind::Form, scaled(TRIES));
    refused(program, Kind::Call, 1);
}

#[test]
#[ignore = "needs Node.js, which cargo xtask test installs"]
fn node_reads_the_refusal_of_a_large_file() {
    reads_refusals(&["node", "-e", NODE]);
}

#[test]
#[ignore = "needs Python, which cargo xtask test installs"]
fn python_reads_the_refusal_of_a_large_file() {
    reads_refusals(&["python3", "-c", PYTHON]);
}

#[test]
#[ignore = "needs curl, which cargo xtask test installs"]
fn curl_reads_the_refusal_of_a_large_file() {
    reads_refusals(&["bash", "-c", CURL, "curl"]);
}

#[test]
#[ignore = "needs a JDK, which cargo xtask test installs"]
fn java_reads_the_refusal_of_a_large_file() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/upload_clients/Large.java");
    reads_refusals(&["java", source.to_str().unwrap()]);
}
