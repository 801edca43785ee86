//! The upload call: the address and the form fields for posting a file (contract §3).

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::Object;
use crate::fields::{BadRequest, Fields, RequestBody};
use crate::schema::{one_of, pattern, schema};
use crate::{Code, FileFormat, Invalid, Scene, StorageUri, UnixMillis};

/// Most characters of a file's name, extension included.
pub const FILENAME_MAX: usize = 32;
/// Most characters of a content type, unless it is the registered one of the extension (contract §3).
pub const CONTENT_TYPE_MAX: usize = 32;
/// Most characters of a scene.
pub const SCENE_MAX: usize = 50;

/// A file's name: 1 to 32 characters, a stem and an extension, no `/`, `\` or control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Filename(Box<str>);

impl Filename {
    /// The name as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last dot.
    pub fn extension(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

impl FromStr for Filename {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        crate::text::check_line(text, FILENAME_MAX)?;
        if text.contains(['/', '\\']) {
            return Err(Invalid::new("must not contain / or \\"));
        }
        match text.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() && !extension.is_empty() => Ok(Self(text.into())),
            _ => Err(Invalid::new("must have a name and an extension, such as receipt.png")),
        }
    }
}

schema!(
    Filename,
    pattern(filename_pattern()).min_length(Some(1)).max_length(Some(FILENAME_MAX)),
    "A file's name; its extension decides the format that the file must have."
);

/// The pattern that [`Filename`] and [`GenerateUploadUrlRequest::format`] accept: any line and an extension in either
/// case.
fn filename_pattern() -> String {
    let either_case = |letter: char| format!("[{letter}{}]", letter.to_ascii_uppercase());
    let extensions =
        FileFormat::ALL.map(|format| format.extension().chars().map(either_case).collect::<String>());
    let line = r"[^/\\\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+";
    format!("^{line}\\.({})$", extensions.join("|"))
}

/// Requests a form to upload one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerateUploadUrlRequest {
    /// The file's name.
    pub filename: Filename,
    /// The file's media type. By default it follows from the extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ContentType>)]
    pub content_type: Option<String>,
    /// The purpose of the file.
    pub scene: Scene,
}

enum ContentType {}

schema!(
    ContentType,
    one_of(BTreeSet::from(FileFormat::ALL.map(FileFormat::media_type)).into_iter().chain(["image/jpg"])),
    "The media type of a file format, in either case."
);

impl GenerateUploadUrlRequest {
    /// The format that the name and the content type agree on.
    ///
    /// # Errors
    /// `File.UnsupportedType` with a message, if the scene does not accept the extension, or the content type is that
    /// of another format.
    pub fn format(&self) -> Result<FileFormat, (Code, String)> {
        let refused = |sentence: String| (Code::UnsupportedFileType, sentence);
        let format = self.scene.format(self.filename.extension()).ok_or_else(|| {
            refused(format!("filename must end in one of {} for {}", self.scene.extensions(), self.scene))
        })?;
        match &self.content_type {
            Some(content_type) if !format.accepts(content_type) => Err(refused(format!(
                "contentType must be {} for .{}, or be left out",
                format.media_type(),
                format.extension()
            ))),
            _ => Ok(format),
        }
    }
}

impl RequestBody for GenerateUploadUrlRequest {
    type Data = UploadUrlData;

    fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        let filename = fields.required("filename");
        let content_type = fields.optional_with("contentType", content_type);
        let scene = fields.required_with("scene", |text| {
            crate::text::check_line(text, SCENE_MAX)?;
            text.parse()
        });
        fields.finish(|| Some(Self { filename: filename?, content_type, scene: scene? }))
    }
}

/// At most 32 characters, unless it is the registered type of a format: that of `.xlsx` has 65.
fn content_type(text: &str) -> Result<String, Invalid> {
    let registered = FileFormat::ALL.iter().any(|format| format.accepts(text));
    if !registered {
        crate::text::check_line(text, CONTENT_TYPE_MAX)?;
    }
    Ok(text.to_owned())
}

/// Where and how to post the file: every form field, and `file` last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadUrlData {
    /// The address to post the form to: of the gateway, or of its operator's S3.
    pub upload_url: String,
    /// Always `POST`.
    #[schema(value_type = Post)]
    pub http_method: String,
    /// The fields of the form. All of them must be posted unaltered, followed by the part `file`.
    pub form_fields: BTreeMap<String, String>,
    /// The `url` of the file in a contest.
    pub storage_uri: StorageUri,
    /// When the form expires, Unix milliseconds.
    pub expire_time: UnixMillis,
}

enum Post {}

schema!(Post, one_of(["POST"]), "The HTTP method of the upload.");
