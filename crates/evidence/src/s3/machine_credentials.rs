//! The machine's credentials, used if no variable names credentials. Usually the variables were forgotten, so the
//! error says that first.

use std::pin::Pin;
use std::sync::Arc;

use object_store::aws::{AwsCredential, AwsCredentialProvider};
use object_store::{CredentialProvider, Error};

/// The library's provider, with this module's error.
#[derive(Debug)]
pub(super) struct MachineCredentials(pub(super) AwsCredentialProvider);

#[derive(Debug, thiserror::Error)]
#[error(
    "no credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the AWS_… variables of another source \
     (docs/operate/evidence-on-s3.md#the-setting); the machine has no role either ({0})"
)]
struct NoCredentials(Error);

type CredentialFuture<'a> = Pin<Box<dyn Future<Output = Result<Arc<AwsCredential>, Error>> + Send + 'a>>;

impl CredentialProvider for MachineCredentials {
    type Credential = AwsCredential;

    fn get_credential<'s, 'a>(&'s self) -> CredentialFuture<'a>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(async {
            let without = |error| Error::Generic { store: "S3", source: Box::new(NoCredentials(error)) };
            self.0.get_credential().await.map_err(without)
        })
    }
}
