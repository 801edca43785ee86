//! Data directories filled with disputes through the operator API, made once and kept below `target` for later runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rebuttal_testbed::samples::receipt;
use rebuttal_testbed::signer::{Scheme, Signer};
use rebuttal_testbed::{Gateway, TestGateway};
use serde_json::{Value, json};

use crate::load::{Requests, Server};
use crate::shop;

/// Files that the contests of a filled database refer to, two each.
const UPLOADS: u8 = 200;
/// Disputes opened between two reports of progress.
const CHUNK: usize = 50_000;
const CONNECTIONS: usize = 256;
const DESCRIPTION: &str = "bench.json";

/// A data directory with this many disputes, all waiting for a response, and some uploads.
pub(crate) struct Filled {
    folder: PathBuf,
    pub(crate) merchant_id: u64,
    pub(crate) signer: Signer,
    pub(crate) disputes: usize,
    pub(crate) urls: Vec<String>,
}

impl Filled {
    /// Reads the directory that an earlier run has filled with this binary's schema, or fills one.
    pub(crate) async fn with(binary: &Path, disputes: usize) -> Self {
        let name = format!("{:016x}-{disputes}", fingerprint(binary));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("filled").join(name);
        if !folder.join(DESCRIPTION).exists() {
            let _ = fs::remove_dir_all(&folder);
            fill(binary, &folder, disputes).await;
        }
        let text = fs::read(folder.join(DESCRIPTION)).expect("the description is readable");
        let description: Value = serde_json::from_slice(&text).expect("the description is JSON");
        let text = |name: &str| description[name].as_str().expect("a text").to_owned();
        let urls = description["urls"].as_array().expect("a list").iter();
        Self {
            folder,
            merchant_id: description["merchantId"].as_u64().expect("a number"),
            signer: Signer { app_id: text("appId"), app_secret: text("appSecret"), scheme: Scheme::Sha256 },
            disputes,
            urls: urls.map(|url| url.as_str().expect("a text").to_owned()).collect(),
        }
    }

    /// Copies the data, so that what is contested is not lost for the next run.
    pub(crate) fn copy_to(&self, folder: &Path) {
        let status = Command::new("cp").arg("-a").arg(&self.folder).arg(folder).status();
        assert!(status.expect("cp runs").success(), "the data is copied");
        // Otherwise the first measurement waits for the copy to be written.
        let synced = fs::File::open(folder.join("rebuttal.db")).and_then(|database| database.sync_all());
        synced.expect("the copy is synced");
    }
}

/// What a filled directory depends on: this build's schema, or the other build's binary.
fn fingerprint(binary: &Path) -> u64 {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    if binary == Path::new(env!("CARGO_BIN_EXE_rebuttal")) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/migrations/sqlite");
        let mut files: Vec<_> =
            fs::read_dir(folder).expect("migrations").map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files.iter().for_each(|file| hasher.write(&fs::read(file).expect("a migration")));
    } else {
        hasher.write(&fs::read(binary).expect("the binary is readable"));
    }
    hasher.finish()
}

async fn fill(binary: &Path, folder: &Path, disputes: usize) {
    println!("filling a database with {disputes} disputes; later runs use it again");
    fs::create_dir_all(folder).expect("a folder for the data");
    let builder = Gateway::builder(binary).built_in().data(folder).args(shop::SETTINGS);
    let mut fixture = TestGateway::with_builder(builder);
    let urls: Vec<String> = (0..UPLOADS).map(|seed| fixture.upload(&receipt(seed))).collect();
    let server = Server { address: fixture.address(), pid: fixture.gateway.pid() };
    for first in (0..disputes).step_by(CHUNK) {
        let numbers = first..disputes.min(first + CHUNK);
        let bytes = numbers.clone().map(|number| shop::opening(&fixture, number)).collect();
        let requests = Requests { bytes, wanted: "\"disputeNo\"" };
        let measured = server.closed_loop(CONNECTIONS, requests).await;
        println!("  {} disputes, {:.0} a second", numbers.end, measured.rate);
    }
    let description = json!({
        "merchantId": fixture.merchant_id, "appId": fixture.signer.app_id,
        "appSecret": fixture.signer.app_secret, "urls": urls,
    });
    // So that the log is in the database when the directory is copied.
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success(), "the gateway stops");
    fs::write(folder.join(DESCRIPTION), description.to_string()).expect("the description is written");
}
