//! `docs/start.md`, followed literally in two terminals. Two differences: the binary is built already, and port 8080 is
//! replaced by a free one, so that tests can run in parallel.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use rebuttal_testbed::{Page, gateway, page};

use super::DocsReader;
use crate::common::CommandOutput;

const PAGE: &str = "docs/start.md";

/// A reader who starts with a new installation on a free port.
struct NewUser {
    reader: DocsReader,
    address: String,
}

impl NewUser {
    fn arrives() -> Self {
        Self { reader: DocsReader::of(PAGE), address: format!("127.0.0.1:{}", gateway::free_port()) }
    }

    /// A terminal of the reader.
    fn shell(&self, script: &str) -> Command {
        let mut command = self.reader.shell(&script.replace("127.0.0.1:8080", &self.address));
        command
            .env("REBUTTAL_LISTEN", &self.address)
            .env("REBUTTAL_OPERATOR_URL", format!("http://{}", self.address));
        command
    }

    fn commands(&self, name: &str) -> String {
        self.reader.commands(name)
    }

    /// Runs the page's commands in order; the last ones print what the page quotes.
    fn types(&self, names: &[&str], fill_in: &str) -> CommandOutput {
        let script: String = names.iter().map(|name| self.commands(name)).collect();
        let output = CommandOutput::run(self.shell(&script.replace("=...", &format!("={fill_in}"))));
        self.reader.assert_prints(names.last().unwrap(), &output);
        output
    }
}

/// Ended when the test is over.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
#[ignore = "needs Python, which cargo xtask test installs"]
fn quick_start_page_leads_to_a_contest() {
    let new_user = NewUser::arrives();
    let mut serve = new_user.shell(&format!("exec {}", new_user.commands("the gateway")));
    let mut serve = KillOnDrop(serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(serve.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, format!("listening on http://{}\n", new_user.address));

    let operator = new_user.types(&["the operator"], "");
    assert_eq!((operator.code, operator.stderr.as_str()), (0, ""), "{operator:?}");
    let app_id = operator.stdout.split_once("✓ app ").unwrap().1.split_once(' ').unwrap().0;

    let contest = new_user.types(&["the merchant", "the contest"], app_id);
    assert_eq!((contest.code, contest.stderr.as_str()), (0, ""), "{contest:?}");
    let query = new_user.types(&["the merchant", "the query"], app_id);
    assert_eq!((query.code, query.stderr.as_str()), (0, ""), "{query:?}");
    assert_eq!(query.stdout.matches("UNDER_REVIEW").count(), 3, "{query:?}");
    let another = new_user.types(&["the merchant", "another contest"], app_id);
    assert_eq!(another.code, 3, "{another:?}");

    let urls: Vec<_> = contest.stdout.lines().filter_map(|line| line.split_once(" is stored at ")).collect();
    let [(receipt, first), (refund, second)] = urls.try_into().unwrap();
    let again = new_user.commands("the contest").replace(receipt, first).replace(refund, second);
    let script = format!("{}{again}", new_user.commands("the merchant"));
    let output = CommandOutput::run(new_user.shell(&script.replace("=...", &format!("={app_id}"))));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "the same contest again: {output:?}");
}

/// The messages in the page's troubleshooting table for missing variables and files.
#[test]
fn missing_settings_errors_match_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let (page, reader) = (Page::open(PAGE), NewUser::arrives());
    let types = |name: &str| {
        let mut shell = reader.shell(&reader.commands(name).replace("=...", "=00"));
        shell.current_dir(folder.path()).env_remove("REBUTTAL_OPERATOR_TOKEN");
        CommandOutput::run(shell).stderr
    };
    for (quoted, said) in [
        ("no gateway URL", types("the query")),
        ("rebuttal-data/app.secret: No such file or directory", types("the merchant")),
        ("no operator token is given", types("the operator")),
    ] {
        assert!(page.text.contains(&format!("`{quoted}`")) && said.contains(quoted), "{quoted}: {said}");
    }
    let python = page::file("docs/integrate/examples/contest.py");
    let quoted = "REBUTTAL_URL, REBUTTAL_APP_ID and REBUTTAL_APP_SECRET must be set";
    assert!(page.text.contains(&format!("`{quoted}`")) && python.contains(&format!("end(1, \"{quoted}\")")));
}
