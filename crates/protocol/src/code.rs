//! The list of answer codes: one code, one meaning (contract §7, §8). The server maps them to HTTP statuses.

use std::fmt;
use std::str::FromStr;

/// Whether and when the request that got a code may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// The same request would get the same answer.
    No,
    /// Immediately, with a new timestamp and nonce.
    FreshHeader,
    /// After a pause, with a new timestamp and nonce; nothing was changed.
    Later,
    /// Only after a query has shown the outcome of the first one.
    QueryFirst,
    /// After the named files have been uploaded.
    AfterUploading,
    /// With another file instead of the named one.
    AnotherFile,
}

impl Resend {
    /// The words of the code table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::FreshHeader => "with a fresh header",
            Self::Later => "later",
            Self::QueryFirst => "query first",
            Self::AfterUploading => "after uploading",
            Self::AnotherFile => "with another file",
        }
    }

    /// Every value.
    pub const ALL: [Self; 6] =
        [Self::No, Self::FreshHeader, Self::Later, Self::QueryFirst, Self::AfterUploading, Self::AnotherFile];

    /// What to do, in a sentence.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::No => "The same request would get the same answer: change what the message names.",
            Self::FreshHeader => {
                "Send it again immediately, with a new timestamp and nonce, and so a new signature."
            }
            Self::Later => {
                "Send it again after a pause, that of Retry-After where it is given, with a fresh header."
            }
            Self::QueryFirst => "Query the dispute to learn the outcome of the request; then decide.",
            Self::AfterUploading => "Upload the files that the message names, then send it again.",
            Self::AnotherFile => "Upload another file instead of the one that the message names.",
        }
    }
}

macro_rules! codes {
    ($($variant:ident $word:literal $resend:ident $meaning:literal)*) => {
        /// The outcome of a request. A code on the wire never changes its meaning.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
            /// A code that this version does not know; a newer gateway may send one.
            Unknown(String),
        }

        impl Code {
            /// Every code that this version knows.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The value on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown(word) => word,
                }
            }

            /// What the code means, in one sentence.
            pub const fn meaning(&self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                    Self::Unknown(_) => "A code that this version does not know.",
                }
            }

            /// Whether the request may be sent again; unknown codes count as "no".
            pub const fn resend(&self) -> Resend {
                match self {
                    $(Self::$variant => Resend::$resend,)*
                    Self::Unknown(_) => Resend::No,
                }
            }
        }

        impl From<&str> for Code {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Unknown(word.to_owned()),
                }
            }
        }
    };
}

codes! {
    Ok "OK" No "Done."
    RequestMalformed "Common.Request.Malformed" No "The body breaks the body rules, or a member has the wrong JSON type."
    InvalidParameter "Common.Request.InvalidParameter" No "A field is missing, empty, too long or has an unknown value."
    PathNotFound "Common.Request.NotFound" No "The path was not found."
    MethodNotAllowed "Common.Request.MethodNotAllowed" No "The path exists, but not for this method."
    NotAcceptable "Common.Request.NotAcceptable" No "Responses are application/json only."
    TooLarge "Common.Request.TooLarge" No "The body is over 64 KiB."
    UnsupportedMediaType "Common.Request.UnsupportedMediaType" No "Requests must be application/json without Content-Encoding."
    AuthMalformed "Common.Auth.Malformed" No "The Authorization header is missing or malformed."
    UnknownApp "Common.Auth.UnknownApp" No "No app has this appId."
    StaleTimestamp "Common.Auth.StaleTimestamp" FreshHeader "The timestamp is outside the freshness window."
    InvalidSignature "Common.Auth.InvalidSignature" No "The signature does not match the request."
    AppDisabled "Common.Auth.AppDisabled" No "The app is disabled."
    ReplayedNonce "Common.Auth.ReplayedNonce" FreshHeader "This timestamp and nonce were used before; the first request's outcome is final."
    RateLimited "Common.RateLimited" Later "Too many requests."
    SystemError "Common.System.Error" Later "The gateway failed; search its log for the request id."
    Unavailable "Common.System.Unavailable" Later "The gateway cannot serve this now; nothing was changed."
    OutcomeUnknown "Common.System.OutcomeUnknown" QueryFirst "The gateway does not know whether the request took effect."
    DisputeNotFound "Dispute.NotFound" No "There is no dispute with this number."
    InvalidState "Dispute.InvalidState" No "The dispute's state does not allow this."
    DeadlinePassed "Dispute.DeadlinePassed" No "The dispute's deadline has passed."
    EvidenceNotFound "Evidence.NotFound" No "A url is not a storageUri of this merchant and scene."
    EvidenceNotUploaded "Evidence.NotUploaded" AfterUploading "No file is stored at a storageUri."
    UnsupportedFileType "File.UnsupportedType" No "The extension or content type is not allowed in the scene."
    ContentMismatch "File.ContentMismatch" AnotherFile "A file's content does not match its name, or is not accepted."
    OperatorUnauthorized "Operator.Unauthorized" No "The operator token is missing or unknown."
    OperatorForbidden "Operator.Forbidden" No "The operator token's role does not allow this."
    OperatorNotFound "Operator.NotFound" No "The resource was not found."
    OperatorConflict "Operator.Conflict" No "The request conflicts with the current state."
}

impl FromStr for Code {
    type Err = std::convert::Infallible;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(word))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

crate::ids::serde_as_text!(Code);
crate::schema::schema!(
    Code,
    crate::schema::one_of(Self::ALL.iter().map(Self::as_str)),
    "One code has one meaning and one HTTP status."
);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_and_meaning_is_unique() {
        let words: HashSet<_> = Code::ALL.iter().map(Code::as_str).collect();
        let meanings: HashSet<_> = Code::ALL.iter().map(Code::meaning).collect();
        assert_eq!((words.len(), meanings.len()), (Code::ALL.len(), Code::ALL.len()));
        for code in Code::ALL {
            assert_eq!(Code::from(code.as_str()), *code);
        }
    }
}
