//! An app's secret as it was given, and where: what is wrong with one is told with the place that holds it, and without
//! any of it.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use rebuttal_client::AppSecret;
use rebuttal_client::protocol::Invalid;

use crate::profile::ProfileName;
use crate::settings::{Secret, Sources};

/// A secret that was given.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) text: Secret,
    pub(crate) origin: Origin,
}

/// Where a secret comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A flag or a variable.
    Given(Sources),
    File(PathBuf),
    /// This profile, in this file.
    Profile(ProfileName, PathBuf),
    /// An answer to our question.
    Asked,
}

impl Held {
    pub(crate) fn parsed(&self) -> Result<AppSecret> {
        self.text.expose().parse().map_err(|error: Invalid| {
            let told = format!("{error}; {}", flaw(self.text.expose()));
            match &self.origin {
                Origin::Given(sources) => sources.fault("app_secret", format!("the app's secret: {told}")),
                Origin::File(path) => anyhow!("the app's secret in {}: {told}", path.display()),
                Origin::Profile(name, file) => {
                    anyhow!("the app's secret in the profile {name} ({}): {told}", file.display())
                }
                Origin::Asked => anyhow!("the app's secret: {told}"),
            }
        })
    }
}

/// In what a secret is not of its form.
fn flaw(text: &str) -> String {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.chars().count() {
        0 => "it is empty".to_owned(),
        _ if text.trim() != text => "white space or a line end is around it".to_owned(),
        _ if text.starts_with(['"', '\'']) => "it is in quotes".to_owned(),
        32 if is_hex(text) => "it is in upper case".to_owned(),
        32 => "not all of it are hex digits".to_owned(),
        1 => "it has 1 character".to_owned(),
        count => format!("it has {count} characters"),
    }
}
