//! clap's errors, made safe to print.

use clap::Error;
use clap::error::{ContextKind, ContextValue};

use crate::gateway_url;
use crate::terminal;

/// Most characters of an argument that an error repeats: enough to recognize it.
const REPEATED_MAX: usize = 200;

/// Hex digits of an app's secret; a run of this many may be one.
const SECRET_DIGITS: usize = 32;

/// clap's error with arguments truncated, sanitized and without secrets. The usage line is that of the help, without
/// the options whose variables happen to be set.
pub(crate) fn sanitize_error(mut error: Error) -> Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        let Some(ContextValue::String(typed)) = error.get(kind) else { continue };
        let mut short = terminal::sanitize(&without_secrets(&gateway_url::without_user(typed)));
        if let Some((end, _)) = short.char_indices().nth(REPEATED_MAX) {
            short.truncate(end);
            short.push('…');
        }
        error.insert(kind, ContextValue::String(short));
    }
    if error.get(ContextKind::Usage).is_some() {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(super::current_command().render_usage()));
    }
    error
}

/// The text with what has the form of an app's secret redacted: it may have been given for another argument.
fn without_secrets(text: &str) -> String {
    let runs = text.split(|sign: char| !sign.is_ascii_hexdigit()).filter(|run| run.len() == SECRET_DIGITS);
    runs.fold(text.to_owned(), |error_text, secret| error_text.replace(secret, "…"))
}
