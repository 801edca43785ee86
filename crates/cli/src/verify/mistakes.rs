//! The usual mistakes of signers, each as a change of the expected bytes.

mod secrets;
mod structure;
mod urls;
mod values;

use std::rc::Rc;

use rebuttal_client::AppId;
use zeroize::Zeroizing;

use super::bodies;
use crate::address::Address;
use crate::profile::ProfileName;
use crate::settings::Secret;
use crate::signing::arguments::SentUrl;
use crate::signing::{SignedBytes, SignedField};

/// One mistake.
#[derive(Clone)]
pub(super) struct Mistake {
    /// Mistakes of one location exclude each other.
    pub(super) location: MistakeLocation,
    pub(super) sentence: String,
    pub(super) apply: Rc<dyn Fn(&mut SignedBytes)>,
    /// So rare that it is not tried in combination.
    pub(super) is_rare: bool,
}

/// Where a mistake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MistakeLocation {
    Field(SignedField),
    /// Separators and terminator; also the order and encoding of the fields.
    Separators,
    Scheme,
}

/// What is known besides the signed bytes.
pub(super) struct SearchContext<'a> {
    pub(super) sent_to: &'a SentUrl,
    pub(super) base_url: &'a str,
    pub(super) target: &'a str,
    pub(super) secret: &'a str,
    /// The app that the settings name, or else the header.
    pub(super) app_id: AppId,
    pub(super) others: Vec<OtherProfile>,
}

/// The values of another profile.
pub(super) struct OtherProfile {
    pub(super) profile: ProfileName,
    pub(super) url: Option<Address>,
    pub(super) app_id: Option<AppId>,
    pub(super) secret: Option<Secret>,
}

/// Every mistake, the usual ones first.
pub(super) fn all(expected: &SignedBytes, context: &SearchContext<'_>) -> Vec<Mistake> {
    let body = expected.field(SignedField::Body).unwrap_or_default();
    let mut mistakes = structure::line_ends(expected);
    mistakes.extend(urls::all(context));
    mistakes.extend(
        bodies::variants(body)
            .into_iter()
            .map(|(sentence, bytes)| replaced(SignedField::Body, sentence, bytes)),
    );
    mistakes.extend(secrets::all(context));
    mistakes.extend(structure::schemes(expected.scheme));
    mistakes.extend(values::all(expected, context));
    mistakes.extend(
        bodies::rare(body)
            .into_iter()
            .map(|(sentence, bytes)| replaced(SignedField::Body, sentence, bytes).rare()),
    );
    mistakes.extend(structure::rare(expected));
    mistakes.extend(values::near_timestamps(expected));
    // A mistake without effect is none.
    let (own_bytes, own_key) = (expected.bytes(), expected.key.clone());
    mistakes.retain(|mistake| {
        let mut signed = expected.clone();
        (mistake.apply)(&mut signed);
        signed.bytes() != own_bytes || signed.key != own_key || signed.scheme != expected.scheme
    });
    mistakes
}

impl Mistake {
    /// A mistake that is known without a search, and changes no signed bytes.
    pub(super) fn known(location: MistakeLocation, sentence: impl Into<String>) -> Self {
        mistake(location, sentence, |_| {})
    }

    const fn rare(mut self) -> Self {
        self.is_rare = true;
        self
    }
}

fn mistake(
    location: MistakeLocation,
    sentence: impl Into<String>,
    apply: impl Fn(&mut SignedBytes) + 'static,
) -> Mistake {
    Mistake { location, sentence: sentence.into(), apply: Rc::new(apply), is_rare: false }
}

fn replaced(value: SignedField, sentence: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Mistake {
    // May be a secret.
    let bytes = Zeroizing::new(bytes.into());
    mistake(MistakeLocation::Field(value), sentence, move |signed| signed.set(value, &bytes))
}
