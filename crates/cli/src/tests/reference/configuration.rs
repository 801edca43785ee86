//! The settings, by the commented default file.

use std::fmt::Write as _;

use crate::settings::DEFAULT_FILE;

use super::hold;

#[test]
fn the_page_of_settings_is_fresh() {
    let mut body = "\
Every setting of `rebuttal serve` is a key of the TOML file that `--config` or `REBUTTAL_CONFIG` names, a variable, and a flag.
A flag wins over its variable, the variable over the file, the file over the default. None is needed. `rebuttal config
default` prints all of this as a file; `rebuttal config check` reports what is wrong with a file and the variables, and
`rebuttal config show` what is in force and where each comes from. A restart makes a change count.

In a variable, the items of a list stand between commas. An S3 takes its credentials from the `AWS_…` variables, as
[evidence-on-s3.md](../operate/evidence-on-s3.md) describes.
"
    .to_owned();
    let mut section = "";
    for setting in &DEFAULT_FILE.settings {
        if setting.section != section {
            section = setting.section;
            let _ = write!(body, "\n## {section}\n");
        }
        let key = setting.key;
        let (variable, flag) = (key.to_uppercase(), key.replace('_', "-"));
        let value = match setting.is_example {
            true => format!("No default; for example `{}`", setting.written),
            false => format!("Default: `{}`", setting.written),
        };
        let _ = write!(
            body,
            "\n### {key}\n\n{}\n\n{value}. Variable `REBUTTAL_{variable}`, flag `--{flag}`.\n",
            setting.meaning
        );
    }
    hold("configuration.md", "`crates/cli/src/settings/default.toml`", "Configuration", &body);
}
