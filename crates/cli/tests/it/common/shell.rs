//! Shared by the tests of the commands: a merchant with a shell, and the output of a command.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rebuttal_testbed::{Gateway, Sample, TestGateway, samples};
use serde_json::Value;

use super::bin;

/// The binary, without a terminal and without `REBUTTAL_` variables.
pub(crate) fn rebuttal(words: &[&str]) -> Command {
    let mut command = without_rebuttal_env(bin());
    command.args(words);
    command
}

/// A program without this run's `REBUTTAL_` variables.
pub(crate) fn without_rebuttal_env(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REBUTTAL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// The exit code and the output of a command.
#[derive(Debug, Clone)]
pub(crate) struct CommandOutput {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl CommandOutput {
    pub(crate) fn from_output(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    pub(crate) fn run(mut command: Command) -> Self {
        Self::from_output(command.output().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A printed command, to be run by this shell.
pub(crate) fn pasted(mut shell: Command, command: &str) -> Command {
    let words = command.strip_prefix("rebuttal ").unwrap();
    shell.args(["-c", &format!("exec {} {words}", bin().display())]);
    shell
}

/// A merchant at a shell, with a running gateway.
pub(crate) struct MerchantShell {
    pub(crate) fixture: TestGateway,
    pub(crate) url: String,
}

impl MerchantShell {
    pub(crate) fn start() -> Self {
        let fixture = TestGateway::start(bin());
        Self { url: fixture.base.clone(), fixture }
    }

    /// A merchant that calls the gateway at another address, which is its public URL.
    pub(crate) fn with_public_url(url: &str) -> Self {
        let fixture = TestGateway::with_builder(Gateway::builder(bin()).args(["--public-url", url]));
        Self { url: url.to_owned(), fixture }
    }

    pub(crate) fn file(&self, sample: &Sample) -> String {
        self.file_named(sample.filename, &sample.bytes)
    }

    pub(crate) fn file_named(&self, name: &str, bytes: &[u8]) -> String {
        let path: PathBuf = self.fixture.gateway.scratch().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn receipt(&self) -> String {
        self.file(&samples::receipt(1))
    }

    /// A command of this merchant.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.program(bin());
        command.args(words);
        command
    }

    /// Runs a printed command in this merchant's shell.
    pub(crate) fn paste(&self, hint: &str) -> CommandOutput {
        CommandOutput::run(pasted(self.program(Path::new("sh")), hint))
    }

    fn program(&self, program: &Path) -> Command {
        let mut command = without_rebuttal_env(program);
        command
            .env("REBUTTAL_URL", &self.url)
            .env("REBUTTAL_APP_ID", &self.fixture.signer.app_id)
            .env("REBUTTAL_APP_SECRET", &self.fixture.signer.app_secret);
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> CommandOutput {
        CommandOutput::run(self.command(words))
    }

    pub(crate) fn status(&self, dispute_no: &str) -> String {
        self.fixture.operator.show(dispute_no)["status"].as_str().unwrap().to_owned()
    }
}
