//! What leads a merchant's command to the same gateway as the same app, in whatever shell it is run again. Elsewhere
//! the same words could give up another merchant's dispute.

use std::ffi::OsString;

use super::{Access, Given};
use crate::profile::Profile;
use crate::typed::{self, Pins};

impl Access {
    /// What was given by variables and profiles, as options. Where the secret is a profile's, that is named. Where it
    /// was given directly, it is not repeated, and what a profile holds beside is written out: a profile that an option
    /// names would bring a secret of its own.
    pub(crate) fn pins(&self) -> Pins {
        let Given { url, app_id, app_secret, app_secret_file, scheme, trust, .. } = &self.given;
        // What cannot be read was told already.
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
        options.extend(paths.into_iter().filter_map(|(name, path)| Some((name, typed::anywhere(path?)))));
        let (left_out, needs): (&[_], _) = match app_secret {
            Some(_) if typed::has("--app-secret") => (
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
        Pins { options, left_out, needs }
    }
}
