//! Where evidence is stored, as the setting `evidence_url` names it: `file:///srv/evidence`, or
//! `s3://bucket/prefix?endpoint=https://…&region=…&path_style=true`. Parsed once, strictly: a misspelt parameter
//! must prevent the start rather than have no effect.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The query parameters of a bucket's url.
const KEYS: [&str; 3] = ["endpoint", "region", "path_style"];
/// Bytes of a bucket's name, S3's limits.
const BUCKET_BYTES: std::ops::RangeInclusive<usize> = 3..=63;
/// Most bytes of a prefix: with it, keys stay well below S3's 1,024.
const PREFIX_MAX_BYTES: usize = 256;

/// Where evidence is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageLocation {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of an S3-compatible store.
    Bucket(Bucket),
}

/// A bucket, its endpoint, and the prefix of the gateway's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name in the store; merchants never see it.
    pub name: String,
    /// The prefix of every key, ending in `/`; or empty.
    pub prefix: String,
    /// The endpoint; by default that of AWS in the region.
    pub endpoint: Option<Endpoint>,
    /// The region that requests are signed for; by default the environment's.
    pub region: Option<String>,
    /// Whether the bucket is part of the path, rather than of the host name.
    pub path_style: bool,
}

/// The address of an S3 endpoint, without bucket: `https://s3.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

/// Why a location is refused; the sentence says what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidStorageLocation(String);

fn invalid<T>(sentence: impl Into<String>) -> Result<T, InvalidStorageLocation> {
    Err(InvalidStorageLocation(sentence.into()))
}

impl FromStr for StorageLocation {
    type Err = InvalidStorageLocation;

    fn from_str(text: &str) -> Result<Self, InvalidStorageLocation> {
        if text.contains(['%', '#']) || text.contains(char::is_whitespace) {
            return invalid("must not contain spaces, % or #");
        }
        match (text.strip_prefix("file://"), text.strip_prefix("s3://")) {
            (Some(path), _) if path.starts_with('/') && !path.contains('?') => Ok(Self::Folder(path.into())),
            (_, Some(rest)) => Bucket::parse(rest).map(Self::Bucket),
            _ => invalid("must be file:///folder or s3://bucket?endpoint=https://…&region=…&path_style=true"),
        }
    }
}

impl Bucket {
    fn parse(rest: &str) -> Result<Self, InvalidStorageLocation> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (name, prefix) = path.split_once('/').unwrap_or((path, ""));
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if !BUCKET_BYTES.contains(&name.len()) || !plain(name) {
            return invalid(
                "must name a bucket after s3://, 3 to 63 letters, digits, dots and hyphens; credentials come from the \
                 AWS_… variables",
            );
        }
        let mut parts = prefix.strip_suffix('/').unwrap_or(prefix).split('/');
        let is_part = |part: &str| plain(part) && !part.trim_matches('.').is_empty();
        if !prefix.is_empty() && (prefix.len() > PREFIX_MAX_BYTES || !parts.all(is_part)) {
            return invalid(
                "has a prefix that does not consist of letters, digits, dots, hyphens and single slashes",
            );
        }
        let prefix =
            if prefix.is_empty() { String::new() } else { format!("{}/", prefix.trim_end_matches('/')) };
        let query = BucketParameters::parse(query)?;
        let endpoint: Option<Endpoint> = query.value("endpoint").map(str::parse).transpose()?;
        // A self-hosted store seldom has DNS names for its buckets; AWS always has.
        let path_style = query.boolean("path_style")?.unwrap_or(endpoint.is_some());
        let region = query.value("region").map(str::to_owned);
        if region.as_deref().is_some_and(|region| region.is_empty() || !plain(region)) {
            return invalid("has a region that does not consist of letters, digits and hyphens");
        }
        Ok(Self { name: name.to_owned(), prefix, endpoint, region, path_style })
    }

    /// Identifies the location among all evidence locations, independent of the endpoint.
    pub fn identity(&self) -> String {
        format!("s3://{}/{}", self.name, self.prefix)
    }

    /// The bucket's address at an endpoint.
    pub(crate) fn url_at(&self, endpoint: &Endpoint) -> String {
        let (scheme, host) = endpoint.0.split_once("://").unwrap_or(("https", &endpoint.0));
        match self.path_style {
            true => format!("{scheme}://{host}/{}", self.name),
            false => format!("{scheme}://{}.{host}", self.name),
        }
    }
}

impl Endpoint {
    /// The endpoint of AWS for a region.
    pub(crate) fn of_aws(region: &str) -> Self {
        Self(format!("https://s3.{region}.amazonaws.com"))
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it uses TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for Endpoint {
    type Err = InvalidStorageLocation;

    fn from_str(text: &str) -> Result<Self, InvalidStorageLocation> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.map(|rest| rest.trim_end_matches('/')).unwrap_or_default();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte);
        if host.is_empty() || host.starts_with(['/', ':']) || !host.bytes().all(is_plain) {
            return invalid(
                "needs an endpoint such as https://s3.example.com, without user, query and fragment",
            );
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The query parameters: known keys, each once.
struct BucketParameters<'a>(Vec<(&'a str, &'a str)>);

impl<'a> BucketParameters<'a> {
    fn parse(text: &'a str) -> Result<Self, InvalidStorageLocation> {
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !KEYS.contains(&key) {
                return invalid(format!(
                    "has the unknown parameter {key:?}; known parameters are {}",
                    KEYS.join(", ")
                ));
            }
            if pairs.iter().any(|(known, _)| *known == key) {
                return invalid(format!("has {key} twice"));
            }
            pairs.push((key, value));
        }
        Ok(Self(pairs))
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    fn boolean(&self, key: &str) -> Result<Option<bool>, InvalidStorageLocation> {
        let parse =
            |text: &str| text.parse().or_else(|_| invalid(format!("needs {key} to be true or false")));
        self.value(key).map(parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(text: &str) -> Bucket {
        match text.parse().unwrap() {
            StorageLocation::Bucket(bucket) => bucket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_folder_is_named_by_its_path() {
        assert_eq!("file:///srv/evidence".parse(), Ok(StorageLocation::Folder("/srv/evidence".into())));
    }

    #[test]
    fn a_bucket_of_aws_needs_no_more_than_its_name() {
        let bucket = bucket("s3://evidence-prod");
        assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), ("evidence-prod", ""));
        assert!(bucket.endpoint.is_none() && !bucket.path_style);
        let aws = Endpoint::of_aws("eu-central-1");
        assert_eq!(bucket.url_at(&aws), "https://evidence-prod.s3.eu-central-1.amazonaws.com");
    }

    #[test]
    fn a_bucket_elsewhere_has_an_endpoint() {
        let text = "s3://files/disputes/2026/?endpoint=http://127.0.0.1:8333/&region=x-1";
        let bucket = bucket(text);
        let endpoint = bucket.endpoint.clone().unwrap();
        assert_eq!((bucket.prefix.as_str(), bucket.region.as_deref()), ("disputes/2026/", Some("x-1")));
        assert!(bucket.path_style && !endpoint.is_https());
        assert_eq!(bucket.url_at(&endpoint), "http://127.0.0.1:8333/files");
        let hosted = Bucket { path_style: false, ..bucket };
        assert_eq!(hosted.url_at(&endpoint), "http://files.127.0.0.1:8333");
    }

    #[test]
    fn unknown_parameters_are_refused_with_the_known_ones() {
        for (text, sentence) in [
            ("/srv/evidence", "must be file:///"),
            ("file://srv/evidence", "must be file:///"),
            ("file:///srv/evi%20dence", "must not contain spaces"),
            ("s3://", "must name a bucket"),
            ("s3://ab", "must name a bucket"),
            ("s3://key:secret@bucket", "AWS_"),
            ("s3://bucket/a//b", "prefix"),
            ("s3://bucket/../b", "prefix"),
            ("s3://bucket?endpont=https://x", "known parameters are endpoint, region, path_style"),
            ("s3://bucket?region=a&region=b", "region twice"),
            ("s3://bucket?region=", "region"),
            ("s3://bucket?path_style=yes", "true or false"),
            ("s3://bucket?endpoint=s3.example.com", "https://s3.example.com"),
            ("s3://bucket?endpoint=https://user@s3.example.com", "without user"),
        ] {
            let error = text.parse::<StorageLocation>().unwrap_err().to_string();
            assert!(error.contains(sentence), "{text}: {error}");
        }
    }
}
