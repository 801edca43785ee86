//! `rebuttal demo`: a dispute from its opening to a signed answer, step by step on one machine, over real HTTP.

mod disputes;
mod gateway;
mod operator;
mod walkthrough;

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;

use anyhow::Result;

use crate::exit::{self, Exit};
use crate::log::{self, LogFormat};
use crate::{outcome, settings, signals};
use gateway::DemoGateway;

/// Run a demonstration: a new gateway, six disputes, one contested
///
/// Starts a gateway in an empty temporary folder, opens disputes as an operator would, and contests one as a
/// merchant would: uploads a receipt and a refund confirmation, submits them, and verifies the signed answer. The
/// gateway then runs until Ctrl-C, so that you can continue.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP_OUTPUT_ONLY)]
pub(crate) struct DemoArgs {
    /// Stop at the end of the demonstration
    #[arg(long)]
    once: bool,

    /// Where the gateway listens [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDR", value_parser = settings::address)]
    listen: Option<SocketAddr>,
}

impl DemoArgs {
    pub(crate) async fn run(self) -> Result<Exit> {
        // The client warns where it finds no trusted certificates; the demo uses plain HTTP.
        log::start(LogFormat::Text, "warn,rustls_platform_verifier=error")?;
        let mut stop = pin!(signals::stop_or_hangup()?);
        let gateway = DemoGateway::start(self.listen.unwrap_or((Ipv4Addr::LOCALHOST, 0).into())).await?;
        tokio::select! {
            result = walkthrough::run(&gateway, self.once) => result?,
            () = &mut stop => return gateway.stop().await.map(|()| Exit::Done),
        }
        if !self.once {
            stop.await;
        }
        gateway.stop().await?;
        outcome::finish_output(Exit::Done)
    }
}
