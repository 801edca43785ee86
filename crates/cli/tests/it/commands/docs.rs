//! The commands and settings in the documentation do what the documentation says.

mod compose;
mod external_validators;
mod operator;
mod signature;
mod start;

use std::path::Path;
use std::process::Command;

use rebuttal_testbed::{Gateway, Page, page};

use crate::common::{CommandOutput, bin, rebuttal, without_rebuttal_env};

/// A reader at a terminal in the project's folder, with the binary on the path.
struct DocsReader {
    folder: tempfile::TempDir,
    page: Page,
}

impl DocsReader {
    fn of(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = page::root().canonicalize().unwrap();
        let there = folder.path();
        std::fs::create_dir(there.join("bin")).unwrap();
        std::os::unix::fs::symlink(bin(), there.join("bin/rebuttal")).unwrap();
        for name in ["docs", "crates"] {
            std::os::unix::fs::symlink(root.join(name), there.join(name)).unwrap();
        }
        Self { folder, page: Page::open(page) }
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = without_rebuttal_env(Path::new("sh"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.folder.path().join("bin")).chain(std::env::split_paths(&path));
        command
            .args(["-euc", script])
            .current_dir(self.folder.path())
            .env("PATH", std::env::join_paths(paths).unwrap())
            .env("HOME", self.folder.path());
        command
    }

    /// The commands that the page labels with this name.
    fn commands(&self, name: &str) -> String {
        self.page.marked(&format!("run: {name}"))
    }

    /// Panics unless the commands print everything that the page quotes.
    fn assert_prints(&self, name: &str, output: &CommandOutput) {
        let output = format!("{}{}", output.stdout, output.stderr);
        for line in self.page.marked(&format!("said: {name}")).lines() {
            assert!(output.lines().any(|said| page::fits(line, said)), "{name}: no {line:?}: {output:?}");
        }
    }
}

#[test]
fn operator_commands_in_the_readme_run() {
    let blocks = Page::open("README.md").blocks();
    let lines: Vec<_> = blocks.iter().flat_map(page::Block::commands).collect();
    let commands: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("rebuttal operator ")).collect();
    assert_eq!(commands.len(), 3, "{lines:?}");
    let gateway = Gateway::builder(bin()).start();
    for words in commands {
        let mut command = without_rebuttal_env(Path::new("sh"));
        command
            .args(["-c", &format!("exec {} operator {words}", bin().display())])
            .env("REBUTTAL_OPERATOR_URL", gateway.base_url())
            .env("REBUTTAL_DATA", gateway.data());
        let output = CommandOutput::run(command);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{words}: {output:?}");
    }
}

/// Every block has a language that a test checks (`cargo xtask tidy`); these are the ones that need only Rust.
#[test]
fn json_in_the_docs_parses() {
    let mut count = 0;
    for page in Page::all() {
        for block in page.blocks().iter().filter(|block| block.language == "json") {
            count += 1;
            let read = serde_json::from_str::<serde_json::Value>(&block.text);
            assert!(read.is_ok(), "{}:{}: {read:?}", page.path, block.line);
        }
    }
    assert!(count > 5, "{count} is fewer than the docs ever had");
}

/// One document without duplicate keys.
fn yaml(text: &str) -> Result<serde_json::Value, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn yaml_in_the_docs_and_packaging_parses() {
    let files =
        ["compose/compose.yaml", "prometheus/rebuttal.rules.yml", "prometheus/rebuttal.rules.test.yml"];
    for file in files {
        let read = yaml(&page::file(&format!("packaging/{file}")));
        assert!(read.as_ref().is_ok_and(serde_json::Value::is_object), "{file}: {read:?}");
    }
    let mut count = 0;
    for page in Page::all() {
        for block in page.blocks().iter().filter(|block| block.language == "yaml") {
            count += 1;
            let read = yaml(&block.text);
            assert!(
                read.as_ref().is_ok_and(serde_json::Value::is_object),
                "{}:{}: {read:?}",
                page.path,
                block.line
            );
        }
    }
    assert_eq!(count, 2, "a new message needs its own test");
    assert!(yaml("a: 1\na: 2\n").is_err(), "a key that is there twice is overlooked");
}

#[test]
fn settings_in_the_docs_are_valid() {
    let mut count = 0;
    for page in Page::all() {
        for block in page.blocks().iter().filter(|block| block.language == "toml") {
            count += 1;
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &block.text).unwrap();
            let output =
                CommandOutput::run(rebuttal(&["config", "check", "--config", file.path().to_str().unwrap()]));
            assert_eq!(
                (output.code, output.stderr.as_str()),
                (0, ""),
                "{}:{}: {output:?}",
                page.path,
                block.line
            );
        }
    }
    assert!(count > 0, "there were some");
}

#[test]
fn shell_scripts_in_the_docs_parse() {
    let mut count = 0;
    for page in Page::all() {
        for block in page.blocks().iter().filter(|block| block.language == "sh") {
            count += 1;
            let read = CommandOutput::run({
                let mut shell = without_rebuttal_env(Path::new("sh"));
                shell.args(["-n", "-c", &block.text]);
                shell
            });
            assert_eq!((read.code, read.stderr.as_str()), (0, ""), "{}:{}", page.path, block.line);
        }
    }
    assert!(count > 10, "{count} is fewer than the docs ever had");
}
