//! Why an upload is refused: a code of S3, and a sentence that says what to do.

use std::fmt;

use rebuttal_protocol::InvalidFile;

/// The code of a refusal, as S3 names it (contract §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum S3Code {
    /// The form is not the one that was issued, or has expired.
    AccessDenied,
    /// The file has more bytes than the policy allows.
    EntityTooLarge,
    /// The file has no bytes.
    EntityTooSmall,
    /// The form's structure or the file's content is invalid.
    InvalidRequest,
    /// The body is not a well-formed `multipart/form-data`.
    MalformedPostRequest,
    /// A file was uploaded to this address before.
    PreconditionFailed,
    /// The policy was not signed by this gateway, or was altered.
    SignatureDoesNotMatch,
}

impl S3Code {
    /// Every code there is.
    pub const ALL: [Self; 7] = [
        Self::AccessDenied,
        Self::EntityTooLarge,
        Self::EntityTooSmall,
        Self::InvalidRequest,
        Self::MalformedPostRequest,
        Self::PreconditionFailed,
        Self::SignatureDoesNotMatch,
    ];

    /// The code as written in `<Code>`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDenied",
            Self::EntityTooLarge => "EntityTooLarge",
            Self::EntityTooSmall => "EntityTooSmall",
            Self::InvalidRequest => "InvalidRequest",
            Self::MalformedPostRequest => "MalformedPOSTRequest",
            Self::PreconditionFailed => "PreconditionFailed",
            Self::SignatureDoesNotMatch => "SignatureDoesNotMatch",
        }
    }
}

impl fmt::Display for S3Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an upload is refused. `Display` is a sentence for the merchant: what is wrong, and what to do.
///
/// Names of fields come from outside: they are bounded and printed escaped, but still need escaping for XML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpload {
    /// A field of the issued form was not sent before the file.
    #[error("The form lacks the field {0}. Send every field of formFields, unchanged, before the file.")]
    FieldMissing(&'static str),
    /// A field has another value than the one issued.
    #[error("The field {0} differs from the one that was issued. Send every field of formFields unchanged.")]
    FieldAltered(&'static str),
    /// A field that the form did not have.
    #[error("The field {0:?} was not issued. Send the fields of formFields and the file, nothing else.")]
    FieldUndeclared(String),
    /// A field that was sent more than once.
    #[error("The field {0:?} was sent twice. Send every field of formFields once.")]
    FieldRepeated(String),
    /// A field whose name or value is too long to be one that was issued.
    #[error("The field {0:?} is too long to be one of formFields. Send every field of formFields unchanged.")]
    FieldTooLong(String),
    /// More fields, or more bytes of fields, than any issued form has.
    #[error("The form has too many fields before the file. Send the fields of formFields and the file.")]
    TooManyFields,
    /// The form has expired.
    #[error("The upload URL has expired. Call generateUploadUrl again and upload to the new URL.")]
    Expired,
    /// The signature is not this gateway's over this policy.
    #[error("The signature does not match the policy. Send policy and x-amz-signature unchanged.")]
    SignatureMismatch,
    /// The policy is signed, but says something that this gateway does not issue.
    #[error("The policy is not one that this gateway issues. Call generateUploadUrl again.")]
    PolicyUnknown,
    /// The request is not a `multipart/form-data` form.
    #[error(
        "The upload is not a multipart/form-data form with a boundary. Send the fields and the file as one."
    )]
    NotAForm,
    /// The form breaks the rules of `multipart/form-data`; the text says which.
    #[error("The multipart/form-data body is malformed: {0}. Send it as RFC 7578 describes.")]
    Malformed(&'static str),
    /// The form ends without a file.
    #[error("The form has no part named file. Send the file as the last part, named file.")]
    FileMissing,
    /// Something follows the file.
    #[error("The file is not the last part of the form. Send every field before it and nothing after it.")]
    FileNotLast,
    /// The file is too large.
    #[error("The file is larger than {0} bytes. Send a smaller one.")]
    TooLarge(u64),
    /// The file is empty.
    #[error("The file is empty. Send a file that has content.")]
    Empty,
    /// The file's content does not match its name.
    #[error(transparent)]
    InvalidFile(InvalidFile),
    /// A file was uploaded to this address before; it is kept.
    #[error(
        "A file was already uploaded to this address. Use its storageUri, or call generateUploadUrl for another."
    )]
    AlreadyUploaded,
}

impl InvalidUpload {
    /// The code in S3's words.
    pub const fn code(&self) -> S3Code {
        match self {
            Self::FieldMissing(_)
            | Self::FieldAltered(_)
            | Self::FieldUndeclared(_)
            | Self::Expired
            | Self::PolicyUnknown => S3Code::AccessDenied,
            Self::SignatureMismatch => S3Code::SignatureDoesNotMatch,
            Self::FieldRepeated(_)
            | Self::FieldTooLong(_)
            | Self::TooManyFields
            | Self::FileMissing
            | Self::FileNotLast
            | Self::InvalidFile(_) => S3Code::InvalidRequest,
            Self::NotAForm | Self::Malformed(_) => S3Code::MalformedPostRequest,
            Self::TooLarge(_) => S3Code::EntityTooLarge,
            Self::Empty => S3Code::EntityTooSmall,
            Self::AlreadyUploaded => S3Code::PreconditionFailed,
        }
    }
}
