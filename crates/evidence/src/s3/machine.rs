//! The machine's credentials, which are used where no variable names any. Most often there are none because the
//! variables were forgotten, so the error says that first.

use std::pin::Pin;
use std::sync::Arc;

use object_store::aws::{AwsCredential, AwsCredentialProvider};
use object_store::{CredentialProvider, Error};

/// The library's provider, with our error.
#[derive(Debug)]
pub(super) struct Machine(pub(super) AwsCredentialProvider);

#[derive(Debug, thiserror::Error)]
#[error(
    "there are no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, nor another of the AWS_… \
     variables that give some (docs/operate/evidence-on-s3.md#the-setting), and the machine itself has none ({0})"
)]
struct Without(Error);

type CredentialFuture<'a> = Pin<Box<dyn Future<Output = Result<Arc<AwsCredential>, Error>> + Send + 'a>>;

impl CredentialProvider for Machine {
    type Credential = AwsCredential;

    fn get_credential<'s, 'a>(&'s self) -> CredentialFuture<'a>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(async {
            let without = |error| Error::Generic { store: "S3", source: Box::new(Without(error)) };
            self.0.get_credential().await.map_err(without)
        })
    }
}
