//! Every operation of the document, called thousands of times by schemathesis: with valid and invalid input, alone and
//! in sequences. `hooks.py` signs its requests.

use std::path::Path;
use std::process::Command;

use rebuttal_testbed::signer::Scheme;
use rebuttal_testbed::{Item, TestGateway, samples};
use serde_json::{Value, json};

use crate::common::{gateway, scale, scaled};

/// Installed by `cargo xtask test`.
const TOOL: &str = "target/test-tools/schemathesis-4.32.5";
const HOOKS: &str = "crates/cli/tests/it/openapi/schemathesis";
/// Random cases of each operation, in addition to the edge cases of its schema.
const DRAWN: usize = 25;
/// With fewer cases, operations were left out.
const CASES_MIN: u64 = 1_500;
/// Enough disputes for the whole run, and as many files as a contest may name.
const DISPUTES: usize = 100;
const FILES: usize = 20;

/// Test data that hooks.py inserts into calls, so that they are accepted.
fn fixture_json(fixture: &TestGateway, seed: u64) -> Value {
    let files: Vec<_> = (0..FILES).map(|_| fixture.upload(&samples::receipt(1))).collect();
    let contested = fixture.dispute();
    fixture.contest(&contested, &[Item::receipt(&files[0])]).is("OK");
    let stronger = fixture.operator.open_app(fixture.merchant_id, Scheme::HmacSha256);
    let apps = [&fixture.signer, &stronger].map(|signer| {
        json!({ "scheme": signer.scheme.name(), "appId": signer.app_id, "appSecret": signer.app_secret })
    });
    let spare_merchant_id = fixture.operator.open_merchant("Spare Shop", "UTC");
    json!({
        "seed": seed,
        "apps": apps,
        "token": fixture.gateway.operator_token(),
        "merchantId": fixture.merchant_id,
        "spareMerchantId": spare_merchant_id,
        "spareAppId": fixture.operator.open_app(spare_merchant_id, Scheme::Sha256).app_id,
        "disputes": (0..DISPUTES).map(|_| fixture.dispute()).collect::<Vec<_>>(),
        "contested": contested,
        "files": files,
    })
}

/// The same cases in every test run; others in every soak.
fn seed() -> u64 {
    if scale() <= 1.0 { 1 } else { rebuttal_testbed::clock::now_ms().unsigned_abs() % 1_000_000 }
}

#[test]
#[ignore = "needs schemathesis, which cargo xtask test installs"]
fn generated_requests_match_the_openapi_document() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    // Many calls are meant to fail, all from one address.
    let fixture = TestGateway::with_builder(gateway().args(["--failed-auth-per-second", "10000"]));
    let seed = seed();
    let hooks = root.join(HOOKS);
    let paths = std::env::join_paths([root.join(TOOL), hooks.clone()]).unwrap();
    let run = Command::new("python3")
        .args(["-m", "schemathesis.cli", "--no-color", "--config-file"])
        .arg(hooks.join("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", fixture.base), "--continue-on-failure"])
        .args(["--max-examples", &scaled(DRAWN).to_string(), "--seed", &seed.to_string()])
        .current_dir(fixture.gateway.scratch())
        .env("PYTHONPATH", paths)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("REBUTTAL_TEST_FIXTURE", fixture_json(&fixture, seed).to_string())
        .output()
        .expect("python3 runs");
    let stdout = String::from_utf8_lossy(&run.stdout);
    let failures = String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success(),
        "{stdout}\n{failures}\nseed {seed}; the gateway said:\n{}",
        fixture.gateway.stderr()
    );
    let cases =
        stdout.lines().find(|line| line.contains(" generated, ")).unwrap_or_else(|| panic!("{stdout}"));
    let count = cases.split_whitespace().next().and_then(|count| count.parse::<u64>().ok());
    assert!(count >= Some(CASES_MIN), "{stdout}");
    eprintln!("{} (seed {seed})", cases.trim());
}
