//! What the README and `docs/start.md` tell to type does what they say.

mod start;

use std::path::Path;

use rebuttal_testbed::Gateway;

use crate::ground::{Ended, bare, bin};

#[test]
fn the_operators_commands_of_the_readme_run() {
    let readme = include_str!("../../../../README.md").replace("\\\n", "");
    let commands: Vec<_> =
        readme.lines().filter_map(|line| line.strip_prefix("    rebuttal operator ")).collect();
    assert_eq!(commands.len(), 3, "{readme}");
    let gateway = Gateway::builder(bin()).start();
    for words in commands {
        let mut command = bare(Path::new("sh"));
        command
            .args(["-c", &format!("exec {} operator {words}", bin().display())])
            .env("REBUTTAL_OPERATOR_URL", gateway.base_url())
            .env("REBUTTAL_DATA", gateway.data());
        let ended = Ended::run(command);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{words}: {ended:?}");
    }
}
