//! The AWS variables for credentials that the library supports: key pairs with or without a session token, web
//! identity, containers, and the machine's. Files such as `~/.aws/credentials` are not read.

use std::fmt;

use object_store::aws::AmazonS3ConfigKey;
use zeroize::Zeroizing;

/// The variables that are read, with the library's setting of each. Others, such as the one for unsigned requests,
/// would weaken the gateway's guarantees.
const VARIABLES: [(&str, AmazonS3ConfigKey); 11] = [
    ("AWS_ACCESS_KEY_ID", AmazonS3ConfigKey::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", AmazonS3ConfigKey::SecretAccessKey),
    ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", AmazonS3ConfigKey::MetadataEndpoint),
];
/// The variables of the region, the first taking precedence.
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The AWS variables of the environment. Wiped from memory when dropped; never printed.
#[derive(Clone, Default)]
pub struct AwsVariables {
    values: Vec<(AmazonS3ConfigKey, Zeroizing<String>)>,
    region: Option<String>,
}

impl AwsVariables {
    /// Reads the variables by a function. An empty variable counts as unset.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let values = VARIABLES.into_iter();
        let values = values.filter_map(|(name, key)| Some((key, Zeroizing::new(variable(name)?)))).collect();
        Self { values, region: REGIONS.into_iter().find_map(variable) }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (AmazonS3ConfigKey, &str)> {
        self.values.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// Whether any variable names credentials; otherwise the machine's are used.
    pub(super) fn give_credentials(&self) -> bool {
        const GIVE: [AmazonS3ConfigKey; 5] = [
            AmazonS3ConfigKey::AccessKeyId,
            AmazonS3ConfigKey::SecretAccessKey,
            AmazonS3ConfigKey::WebIdentityTokenFile,
            AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
            AmazonS3ConfigKey::ContainerCredentialsFullUri,
        ];
        self.values.iter().any(|(key, _)| GIVE.contains(key))
    }

    pub(super) fn region(&self) -> Option<String> {
        self.region.clone()
    }
}

impl fmt::Debug for AwsVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsVariables(..)")
    }
}
