//! `docs/operate/operator.md`, followed step by step on a new gateway.

use rebuttal_testbed::Gateway;

use super::DocsReader;
use crate::common::{CommandOutput, bin};

#[test]
#[ignore = "needs curl, which cargo xtask test installs"]
fn operator_page_commands_work() {
    let reader = DocsReader::of("docs/operate/operator.md");
    let gateway = Gateway::builder(bin()).start();
    let types = |script: &str| {
        let mut shell = reader.shell(script);
        shell.env("REBUTTAL_OPERATOR_URL", gateway.base_url()).env("REBUTTAL_DATA", gateway.data());
        let output = CommandOutput::run(shell);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{script}: {output:?}");
        output
    };
    let run = |name: &str| {
        let output = types(&reader.commands(name));
        reader.assert_prints(name, &output);
        output
    };
    run("tokens");
    let made = run("a merchant");
    let app_id = made.stdout.split_once("✓ app ").unwrap().1.split_once(' ').unwrap().0.to_owned();
    run("an opening");
    types(&format!(
        "export REBUTTAL_URL={} REBUTTAL_APP_ID={app_id} REBUTTAL_APP_SECRET=$(cat nordlys.secret)\n\
         rebuttal contest CB-1 --receipt crates/cli/assets/receipt.png --yes >contested",
        gateway.base_url()
    ));
    run("a look");
    run("a decision");
    let answers = types(&reader.commands("a program")).stdout;
    assert!(answers.contains(r#""paymentNo":"PAY-2""#) && answers.contains(r#""total":1"#), "{answers}");

    let rotated = types(&reader.commands("a rotation").replace('…', &app_id));
    assert!(rotated.stdout.contains("old secret until"), "{rotated:?}");
    let verified = || {
        ["secret", "new-secret", "newest-secret"].map(|name| {
            CommandOutput::run(reader.shell(&format!(
                "export REBUTTAL_URL={} REBUTTAL_APP_ID={app_id} REBUTTAL_APP_SECRET=$(cat nordlys.{name})\n\
                 rebuttal query CB-1",
                gateway.base_url()
            )))
            .code
                == 0
        })
    };
    assert_eq!(verified(), [true, true, false]);
    for (leaked, left) in
        [("a leaked old secret", [false, true, false]), ("a leaked secret", [false, false, true])]
    {
        let output = types(&reader.commands(leaked).replace('…', &app_id));
        reader.assert_prints(leaked, &output);
        assert_eq!(verified(), left, "{leaked}");
    }
    let blocks = reader.page.blocks();
    let run = blocks.iter().filter(|block| block.language == "sh" && block.mark.starts_with("run: ")).count();
    assert_eq!(run, 9, "a block of the page is not run");
    assert_eq!(blocks.iter().filter(|block| block.language == "sh").count(), run);
}
