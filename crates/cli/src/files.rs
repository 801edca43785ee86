//! Evidence files, checked before the first byte travels.

use std::path::Path;

use rebuttal_client::EvidenceFile;

/// A file whose size, extension and content are what the gateway will demand.
pub(crate) async fn checked(path: &str) -> Result<EvidenceFile, String> {
    let shown = |error: &dyn std::fmt::Display| {
        // The client names the file where it knows it; here the path was given, so it is the better name.
        let sentence = error.to_string();
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bare = sentence.strip_prefix(path).or_else(|| sentence.strip_prefix(&name));
        match bare.and_then(|rest| rest.strip_prefix(": ")) {
            Some(bare) => format!("{path}: {bare}"),
            None => format!("{path}: {sentence}"),
        }
    };
    let file = EvidenceFile::read(path).await.map_err(|error| shown(&error))?;
    rebuttal_evidence::truth::judge(file.format(), file.content()).map_err(|lie| shown(&lie))?;
    Ok(file)
}
