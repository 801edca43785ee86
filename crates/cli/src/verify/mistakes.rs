//! What signers usually do wrong, each as a change to what would be right.

mod secrets;
mod shape;
mod urls;
mod values;

use std::rc::Rc;

use rebuttal_client::AppId;
use zeroize::Zeroizing;

use super::bodies;
use crate::address::Address;
use crate::profile::ProfileName;
use crate::settings::Secret;
use crate::signing::arguments::SentTo;
use crate::signing::{Draft, Value};
pub(super) use urls::percent_encoded;

/// One mistake.
#[derive(Clone)]
pub(super) struct Mistake {
    /// Mistakes of one place exclude each other.
    pub(super) place: Place,
    pub(super) sentence: String,
    pub(super) make: Rc<dyn Fn(&mut Draft)>,
    /// So rare that it is not tried together with another one.
    pub(super) is_rare: bool,
}

/// Where a mistake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Value(Value),
    /// Between the values, and after the last; their order and encoding, too.
    Ends,
    Scheme,
}

/// What is known beside the signed values.
pub(super) struct Seen<'a> {
    pub(super) sent_to: &'a SentTo,
    pub(super) base_url: &'a str,
    pub(super) target: &'a str,
    pub(super) secret: &'a str,
    /// The app that the settings name, or else the header.
    pub(super) app_id: AppId,
    pub(super) others: Vec<Other>,
}

/// What another profile holds.
pub(super) struct Other {
    pub(super) profile: ProfileName,
    pub(super) url: Option<Address>,
    pub(super) app_id: Option<AppId>,
    pub(super) secret: Option<Secret>,
}

/// Every mistake, the usual ones first.
pub(super) fn all(right: &Draft, seen: &Seen<'_>) -> Vec<Mistake> {
    let body = right.value(Value::Body).unwrap_or_default();
    let mut mistakes = shape::line_ends(right);
    mistakes.extend(urls::all(seen));
    mistakes.extend(
        bodies::variants(body).into_iter().map(|(sentence, bytes)| replaced(Value::Body, sentence, bytes)),
    );
    mistakes.extend(secrets::all(seen));
    mistakes.extend(shape::schemes(right.scheme));
    mistakes.extend(values::all(right, seen));
    mistakes.extend(
        bodies::rare(body).into_iter().map(|(sentence, bytes)| replaced(Value::Body, sentence, bytes).rare()),
    );
    mistakes.extend(shape::rare(right));
    mistakes.extend(values::near_timestamps(right));
    // What changes nothing is no mistake.
    let (own_bytes, own_key) = (right.bytes(), right.key.clone());
    mistakes.retain(|mistake| {
        let mut draft = right.clone();
        (mistake.make)(&mut draft);
        draft.bytes() != own_bytes || draft.key != own_key || draft.scheme != right.scheme
    });
    mistakes
}

impl Mistake {
    /// One that is known without a search, and changes nothing that was signed.
    pub(super) fn noted(place: Place, sentence: impl Into<String>) -> Self {
        mistake(place, sentence, |_| {})
    }

    const fn rare(mut self) -> Self {
        self.is_rare = true;
        self
    }
}

fn mistake(place: Place, sentence: impl Into<String>, make: impl Fn(&mut Draft) + 'static) -> Mistake {
    Mistake { place, sentence: sentence.into(), make: Rc::new(make), is_rare: false }
}

fn replaced(value: Value, sentence: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Mistake {
    // May be a secret.
    let bytes = Zeroizing::new(bytes.into());
    mistake(Place::Value(value), sentence, move |draft| draft.set(value, &bytes))
}
