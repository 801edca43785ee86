//! The options with which a merchant's command reaches the same gateway as the same app when it is run again in another
//! shell. Otherwise the same command could accept another merchant's dispute.

use std::ffi::OsString;

use super::{ConnectionArgs, MerchantAccess};
use crate::profile::Profile;
use crate::rerun_command::{self, RerunDefaults};

impl MerchantAccess {
    /// What variables and profiles gave, as options. A profile that holds the secret is named. A secret that was given
    /// directly is not repeated, and the other values of a profile are written out: a profile that an option names
    /// would bring its own secret.
    pub(crate) fn rerun_defaults(&self) -> RerunDefaults {
        let ConnectionArgs { url, app_id, app_secret, app_secret_file, scheme, trust, .. } = &self.given;
        // A profile that cannot be read was reported already.
        let named = self.profile().ok().flatten();
        let mut options: Vec<(&str, OsString)> = Vec::new();
        let held = match (app_secret, named) {
            (Some(_), Some(named)) => named.profile,
            (None, Some(named)) => {
                options.push(("--profile", named.name.to_string().into()));
                Profile::default()
            }
            (_, None) => Profile::default(),
        };
        let texts = [
            ("--url", url.as_ref().or(held.url.as_ref()).map(ToString::to_string)),
            ("--app-id", app_id.or(held.app_id).map(|id| id.to_string())),
            ("--scheme", scheme.or(held.scheme).map(|scheme| scheme.to_string())),
        ];
        options.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text?.into()))));
        let paths = [
            ("--app-secret-file", app_secret_file.as_ref()),
            ("--trust", trust.as_ref().or(held.trust.as_ref())),
        ];
        options.extend(
            paths.into_iter().filter_map(|(name, path)| Some((name, rerun_command::absolute_path(path?)))),
        );
        let (excluded, needs): (&[_], _) = match app_secret {
            Some(_) if rerun_command::has_option("--app-secret") => (
                &["--app-secret", "--profile"],
                Some(
                    "First set REBUTTAL_APP_SECRET, or add --app-secret-file: the secret itself is not repeated.",
                ),
            ),
            Some(_) => {
                (&["--profile"], Some("It takes the secret from REBUTTAL_APP_SECRET, as it is set here."))
            }
            None => (&[], None),
        };
        RerunDefaults { options, excluded, needs }
    }
}
