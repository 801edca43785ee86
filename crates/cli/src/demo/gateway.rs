//! A gateway inside this process, in a folder that is removed with it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rebuttal_server::Config;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A receipt of the disputed sale.
pub(super) const RECEIPT: &[u8] = include_bytes!("../../assets/receipt.png");
/// The confirmation of its refund.
pub(super) const REFUND: &[u8] = include_bytes!("../../assets/refund.pdf");

/// A running gateway with the demo's files next to its data.
pub(super) struct DemoGateway {
    folder: TempDir,
    url: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<()>>,
}

impl DemoGateway {
    pub(super) async fn start(listen: SocketAddr) -> Result<Self> {
        let temp = std::env::temp_dir();
        let folder =
            tempfile::Builder::new().prefix("rebuttal-demo-").tempdir_in(&temp).with_context(|| {
                let temp = temp.display();
                format!("the demo cannot create a folder in {temp}; set TMPDIR to a writable folder")
            })?;
        std::fs::write(folder.path().join("receipt.png"), RECEIPT)?;
        std::fs::write(folder.path().join("refund.pdf"), REFUND)?;
        let mut config = Config::new(folder.path().join("data"));
        config.listen = listen;
        let (stop, stop_receiver) = oneshot::channel();
        let (url_sender, url) = oneshot::channel();
        let running = tokio::spawn(rebuttal_server::run(
            config,
            async {
                // A dropped sender means stop, too.
                let _ = stop_receiver.await;
            },
            |ready| {
                let _ = url_sender.send(ready.public_urls.first().map(ToString::to_string));
            },
        ));
        match url.await {
            Ok(Some(url)) => Ok(Self { folder, url, stop, running }),
            Ok(None) => bail!("the gateway has no address"),
            // It never became ready, so it has ended with an error.
            Err(_) => {
                running.await?.context("the gateway did not start")?;
                bail!("the gateway ended before it was ready")
            }
        }
    }

    /// Its base URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The folder of its data and the demo's files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file with the first operator's token.
    pub(super) fn token_file(&self) -> PathBuf {
        self.folder().join("data/operator.token")
    }

    /// Finishes what is in flight and removes the folder.
    pub(super) async fn stop(self) -> Result<()> {
        // A gateway that has already ended returns its error below.
        let _ = self.stop.send(());
        self.running.await??;
        self.folder.close().context("the demo's folder could not be removed")
    }
}

#[cfg(test)]
mod tests {
    use rebuttal_client::protocol::FileFormat;
    use rebuttal_documents::inspect;

    use super::*;

    #[test]
    fn the_demos_files_are_valid_evidence() {
        inspect(RECEIPT, FileFormat::Png).unwrap();
        inspect(REFUND, FileFormat::Pdf).unwrap();
    }
}
