//! The steps of the demo, in their order.

use anyhow::Result;
use rebuttal_client::protocol::MerchantId;
use rebuttal_client::protocol::dispute::{ContestRequest, DisputeData};
use rebuttal_client::{Answer, Client, DisputeNo, EvidenceType, Finality, Proof, QueryRequest};

use super::disputes::{ALL, CONTESTED, INVITED};
use super::gateway::{DemoGateway, RECEIPT, REFUND};
use super::operator::{DemoApp, DemoOperator};
use crate::settings::DATA_DIR;
use crate::terminal::{self, Table, bold, dim, ok_mark, println};

const MERCHANT: &str = "Nordlys Coffee";
const TIME_ZONE: &str = "Europe/Oslo";

/// Runs and prints all steps.
pub(super) async fn run(gateway: &DemoGateway, once: bool) -> Result<()> {
    println("");
    println(format!("  {}", bold("Rebuttal")));
    terminal::print_wrapped(
        "  ",
        "A payment dispute, from its opening to a signed answer, on this machine alone.",
        2,
    );
    let operator_commands =
        if once { OperatorCommands::for_own_gateway() } else { OperatorCommands::for_demo(gateway) };
    print_gateway(gateway);
    let operator = DemoOperator::of(gateway)?;
    let (merchant_id, app) = register_merchant(&operator, &operator_commands).await?;
    let client = Client::new(gateway.url(), app.app_id, app.secret()?)?;
    open_disputes(&operator, merchant_id, &client).await?;
    let request = upload_evidence(&client).await?;
    submit(&client, &app, &request).await?;
    resubmit(&client, &request).await?;
    if once {
        print_next_steps_without_gateway()
    } else {
        print_next_steps(gateway, &operator_commands, &app)
    }
    println("");
    Ok(())
}

/// Prints operator commands for the user: for the demo's gateway if it keeps running, otherwise for a gateway that the
/// user starts with `serve`, which the commands use by default.
struct OperatorCommands {
    exports: Option<String>,
}

impl OperatorCommands {
    fn for_demo(gateway: &DemoGateway) -> Self {
        let (url, data) = (gateway.url(), gateway.folder().join("data"));
        Self { exports: Some(format!("export REBUTTAL_OPERATOR_URL={url} REBUTTAL_DATA={}", data.display())) }
    }

    const fn for_own_gateway() -> Self {
        Self { exports: None }
    }

    /// Prints an operator command, for a new terminal.
    fn print(&self, words: &str) {
        let line = operator_command(words);
        let lines: Vec<_> = self.exports.iter().chain([&line]).map(String::as_str).collect();
        print_command(&lines);
    }
}

fn operator_command(words: &str) -> String {
    format!("{} operator {words}", program())
}

fn print_gateway(gateway: &DemoGateway) {
    print_step(1, "A gateway starts");
    print_done(format!("it listens on {}", bold(gateway.url())));
    print_done(format!("its data is in {} and is removed at the end", gateway.folder().display()));
    print_command(&[&format!("{} serve", program())]);
}

async fn register_merchant(
    operator: &DemoOperator,
    operator_commands: &OperatorCommands,
) -> Result<(MerchantId, DemoApp)> {
    let merchant_id = operator.register_merchant(MERCHANT, TIME_ZONE).await?;
    let app = operator.register_app(merchant_id).await?;
    print_step(2, "An operator registers a merchant and its app");
    print_done(format!("{} is merchant {merchant_id}, in {TIME_ZONE}", bold(MERCHANT)));
    print_done(format!("its app is {}; the secret is shown only once", app.app_id));
    operator_commands.print(&format!(
        "merchant create --name {} --time-zone {TIME_ZONE}",
        terminal::shell_quote(MERCHANT)
    ));
    Ok((merchant_id, app))
}

async fn open_disputes(operator: &DemoOperator, merchant_id: MerchantId, client: &Client) -> Result<()> {
    let now = client.gateway_time();
    print_step(3, "Six disputes are opened");
    let mut table = Table::new(["dispute", "disputed", "reason", "stage", "due"]).numbers(&[1]);
    for dispute in &ALL {
        operator.open_dispute(&dispute.request(merchant_id, now)?).await?;
        table.row([
            dispute.dispute_no.to_owned(),
            format!("{} {}", dispute.disputed, dispute.currency),
            dispute.reason.to_owned(),
            dispute.stage.as_str().replace('_', "-").to_lowercase(),
            dim(terminal::relative_time(now, dispute.deadline(now))).to_string(),
        ]);
    }
    // Indented like everything below a step.
    let width = terminal::stdout_width().map(|width| width - 5);
    table.lines(width).iter().for_each(|line| println(format!("     {line}").trim_end()));
    print_command(&[&operator_command("dispute list")]);
    Ok(())
}

async fn upload_evidence(client: &Client) -> Result<ContestRequest> {
    print_step(4, &format!("{MERCHANT} uploads its evidence for {}", CONTESTED.dispute_no));
    let submission = client
        .contest(CONTESTED.dispute_no.parse()?)
        .bytes(EvidenceType::Receipt, "receipt.png", RECEIPT)
        .named("Transaction receipt")
        .bytes(EvidenceType::Refund, "refund.pdf", REFUND)
        .named("Refund confirmation")
        .upload()
        .await?;
    let request = submission.request().clone();
    for (item, content) in request.evidence_list.iter().zip([RECEIPT, REFUND]) {
        let (name, size) = (&item.name, terminal::file_size(content.len()));
        print_done(format!("{:<8} {name}, {size}", item.evidence_type.as_str()));
        print_detail(dim(item.url));
    }
    Ok(request)
}

async fn submit(client: &Client, app: &DemoApp, request: &ContestRequest) -> Result<()> {
    let answer = client.submit(request).await?;
    print_step(5, "… and contests");
    print_done(format!("{} is contested; the gateway answered and signed:", bold(CONTESTED.dispute_no)));
    let Answer { proof, .. } = answer;
    println("");
    print_detail(String::from_utf8_lossy(&proof.answer_body));
    let header = proof.answer.to_string();
    let (scheme, fields) = header.split_once(' ').unwrap_or_default();
    print_detail(format!("Authorization: {scheme}"));
    for field in fields.split(',') {
        let (name, value) = field.split_once('=').unwrap_or_default();
        terminal::print_wrapped(&format!("         {name:<9} "), &dim(value).to_string(), 9);
    }
    println("");
    verify_answer(&proof, app)?;
    print_command(&[
        &format!("{} contest {} \\", program(), CONTESTED.dispute_no),
        "  --receipt receipt.png --name 'Transaction receipt' \\",
        "  --refund refund.pdf --name 'Refund confirmation'",
    ]);
    Ok(())
}

/// Verifies what the client verified, and prints it.
fn verify_answer(proof: &Proof, app: &DemoApp) -> Result<()> {
    let secret = app.secret()?;
    let mut altered = proof.clone();
    altered.answer_body = String::from_utf8_lossy(&proof.answer_body).replace("true", "trve").into();
    anyhow::ensure!(proof.verify(&secret) == Some(Finality::Settled), "the answer does not verify");
    anyhow::ensure!(altered.verify(&secret).is_none(), "an altered answer verifies");
    print_done("signed with the app's secret, in the scheme of the request");
    print_done(
        "the nonce is derived from the request's nonce and signature: the answer settles this request, and fits no other",
    );
    print_done("the signature covers method, URL, time, nonce and every byte of the body");
    print_done("with one byte changed, the verification fails");
    Ok(())
}

async fn resubmit(client: &Client, request: &ContestRequest) -> Result<()> {
    let query = QueryRequest::DisputeNo(CONTESTED.dispute_no.parse::<DisputeNo>()?);
    let DisputeData { status, .. } = client.query(&query).await?.data;
    print_step(6, "The result");
    print_done(format!("{} is {}", CONTESTED.dispute_no, bold(status)));
    client.submit(request).await?;
    print_done("the same contest again, as after a lost answer: OK, and nothing changed");
    Ok(())
}

fn print_next_steps_without_gateway() {
    print_heading("Continue");
    print_detail("Run it again and keep the gateway, to contest the other disputes yourself:");
    print_command(&[&format!("{} demo", program())]);
    println("");
    print_detail(format!("A gateway that keeps its data, in ./{DATA_DIR}:"));
    print_command(&[&format!("{} serve", program())]);
}

fn print_next_steps(gateway: &DemoGateway, operator_commands: &OperatorCommands, app: &DemoApp) {
    let folder = gateway.folder().display();
    print_heading("Continue in another terminal");
    print_detail("Contest the next one yourself:");
    print_command(&[
        &format!("export REBUTTAL_URL={}", gateway.url()),
        &format!("export REBUTTAL_APP_ID={}", app.app_id),
        &format!("export REBUTTAL_APP_SECRET={}", app.app_secret.expose()),
        &format!("{} contest {} \\", program(), INVITED.dispute_no),
        &format!("  --receipt {folder}/receipt.png \\"),
        &format!("  --refund {folder}/refund.pdf"),
    ]);
    println("");
    print_detail("See its history and evidence as an operator does:");
    operator_commands.print(&format!("dispute show {}", INVITED.dispute_no));
    println("");
    println(format!("  {}", dim("The gateway keeps running. Ctrl-C stops it and removes its data.")));
}

fn print_step(number: u8, title: &str) {
    println("");
    terminal::print_wrapped(&format!("  {}  ", dim(number)), &bold(title).to_string(), 5);
}

fn print_heading(title: &str) {
    println("");
    println(format!("  {}", bold(title)));
}

fn print_done(text: impl std::fmt::Display) {
    terminal::print_wrapped(&format!("     {} ", ok_mark()), &text.to_string(), 7);
}

fn print_detail(text: impl std::fmt::Display) {
    terminal::print_wrapped("       ", &text.to_string(), 7);
}

/// Prints a command that does the same, to be copied.
fn print_command(lines: &[&str]) {
    println("");
    for line in lines {
        println(format!("       {}", terminal::command(line)));
    }
}

/// How this program was called, so that copied commands run.
fn program() -> String {
    std::env::args().next().map_or_else(|| "rebuttal".to_owned(), |name| terminal::shell_quote(&name))
}
