//! `rebuttal query`: the state of a dispute, from the gateway's signed answer.

use anyhow::Result;
use rebuttal_client::protocol::dispute::DisputeData;
use rebuttal_client::protocol::{MerchantTradeNo, PaymentNo};
use rebuttal_client::{DisputeNo, QueryRequest};
use serde::Serialize;

use crate::access::MerchantAccess;
use crate::exit::{self, Exit};
use crate::outcome::{self, FailureHints, OutcomeJson};
use crate::wait_notice::with_wait_notice;
use crate::{signals, summary, terminal};

/// Show a dispute's status
///
/// By one of three numbers. Of several disputes of one payment or trade, the one that needs a response soonest is
/// shown, otherwise the newest.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    key: DisputeKey,

    /// Print one JSON object on standard output: the outcome, the dispute, and the signed answer as proof
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: MerchantAccess,
}

/// One of the three numbers.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct DisputeKey {
    /// Number of the dispute
    dispute_no: Option<DisputeNo>,

    /// Number of the payment at the platform
    #[arg(long, value_name = "NO")]
    payment_no: Option<PaymentNo>,

    /// Number of the trade at the merchant
    #[arg(long, value_name = "NO")]
    merchant_trade_no: Option<MerchantTradeNo>,
}

/// The object that `--json` prints.
#[derive(Serialize)]
struct QueryJson<'a> {
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute: Option<&'a DisputeData>,
}

impl QueryArgs {
    pub(crate) async fn run(self) -> Result<Exit> {
        let request = match (self.key.dispute_no, self.key.payment_no, self.key.merchant_trade_no) {
            (Some(number), _, _) => Some(QueryRequest::DisputeNo(number)),
            (_, Some(number), _) => Some(QueryRequest::PaymentNo(number)),
            (_, _, number) => number.map(QueryRequest::MerchantTradeNo),
        };
        let result = match (self.access.client(), request) {
            (Ok(client), Some(request)) => {
                let stop = signals::stop()?;
                tokio::select! {
                    answer = with_wait_notice(client.base_url(), client.query(&request)) => answer.map_err(anyhow::Error::from),
                    () = stop => Err(anyhow::anyhow!("interrupted: a query changes nothing")),
                }
            }
            (Err(error), _) => Err(error),
            (_, None) => Err(anyhow::anyhow!("one of the three numbers must be given")),
        };
        let names = self.access.names();
        let hints = FailureHints { names: &names, no_effect: "A query changes nothing.", again: None };
        let dispute = result.as_ref().ok().map(|answer| &answer.data);
        outcome::finish(
            &result,
            self.json.then(|| QueryJson { outcome: OutcomeJson::from_answer(&result, &hints), dispute }),
            |answer| {
                summary::facts(answer).iter().for_each(|(label, value)| terminal::print_field(label, value))
            },
            |error| hints.print(error),
            |error| {
                terminal::eprint_error(&format!(
                    "the answer could not be written to standard output: {error}"
                ))
            },
        )
    }
}
