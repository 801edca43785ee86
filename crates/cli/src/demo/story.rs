//! What the demo does and says, in its order.

use anyhow::Result;
use rebuttal_client::protocol::MerchantId;
use rebuttal_client::protocol::dispute::{ContestRequest, DisputeData};
use rebuttal_client::{Answer, Client, DisputeNo, EvidenceType, Finality, Proof, QueryRequest};

use super::cases::{ALL, CONTESTED, INVITED};
use super::gateway::{Gateway, RECEIPT, REFUND};
use super::operator::{App, Operator};
use crate::settings::DATA_DIR;
use crate::terminal::{self, Table, bold, dim, ok_mark, println};

const MERCHANT: &str = "Nordlys Coffee";
const TIME_ZONE: &str = "Europe/Oslo";

/// Tells the story and does what it tells.
pub(super) async fn tell(gateway: &Gateway, once: bool) -> Result<()> {
    println("");
    println(format!("  {}", bold("Rebuttal")));
    terminal::print_wrapped(
        "  ",
        "A payment dispute, from its opening to a signed answer, on this machine alone.",
        2,
    );
    let reader = if once { Reader::of_a_gateway_of_their_own() } else { Reader::of(gateway) };
    opening(gateway);
    let operator = Operator::of(gateway)?;
    let (merchant_id, app) = merchant(&operator, &reader).await?;
    let client = Client::new(gateway.url(), app.app_id, app.secret()?)?;
    disputes(&operator, merchant_id, &client).await?;
    let request = evidence(&client).await?;
    contest(&client, &app, &request).await?;
    afterwards(&client, &request).await?;
    if once {
        onward_without()
    } else {
        onward(gateway, &reader, &app)
    }
    println("");
    Ok(())
}

/// Where the reader's own commands go: to the demo if it stays, else to a gateway that they start with `serve`, which
/// is where the commands go by themselves.
struct Reader {
    before: Option<String>,
}

impl Reader {
    fn of(gateway: &Gateway) -> Self {
        let (url, data) = (gateway.url(), gateway.folder().join("data"));
        Self { before: Some(format!("export REBUTTAL_OPERATOR_URL={url} REBUTTAL_DATA={}", data.display())) }
    }

    const fn of_a_gateway_of_their_own() -> Self {
        Self { before: None }
    }

    /// What they may do as an operator, in a terminal where they have done nothing yet.
    fn operator_first(&self, words: &str) {
        let line = operator_command(words);
        let lines: Vec<_> = self.before.iter().chain([&line]).map(String::as_str).collect();
        command(&lines);
    }
}

fn operator_command(words: &str) -> String {
    format!("{} operator {words}", program())
}

fn opening(gateway: &Gateway) {
    step(1, "A gateway starts");
    done(format!("it listens on {}", bold(gateway.url())));
    done(format!("its data lies in {} and is removed at the end", gateway.folder().display()));
    command(&[&format!("{} serve", program())]);
}

async fn merchant(operator: &Operator, reader: &Reader) -> Result<(MerchantId, App)> {
    let merchant_id = operator.register_merchant(MERCHANT, TIME_ZONE).await?;
    let app = operator.register_app(merchant_id).await?;
    step(2, "An operator registers a merchant and its app");
    done(format!("{} is merchant {merchant_id}, in {TIME_ZONE}", bold(MERCHANT)));
    done(format!("its app is {}; the secret is shown this once", app.app_id));
    reader.operator_first(&format!(
        "merchant create --name {} --time-zone {TIME_ZONE}",
        terminal::shell_quote(MERCHANT)
    ));
    Ok((merchant_id, app))
}

async fn disputes(operator: &Operator, merchant_id: MerchantId, client: &Client) -> Result<()> {
    let now = client.gateway_time();
    step(3, "Six disputes come in");
    let mut table = Table::new(["dispute", "disputed", "reason", "stage", "due"]).numbers(&[1]);
    for case in &ALL {
        operator.open_dispute(&case.request(merchant_id, now)?).await?;
        table.row([
            case.dispute_no.to_owned(),
            format!("{} {}", case.disputed, case.currency),
            case.reason.to_owned(),
            case.stage.as_str().replace('_', "-").to_lowercase(),
            dim(terminal::relative_time(now, case.deadline(now))).to_string(),
        ]);
    }
    // Set in like everything below a step.
    let width = terminal::stdout_width().map(|width| width - 5);
    table.lines(width).iter().for_each(|line| println(format!("     {line}").trim_end()));
    command(&[&operator_command("dispute list")]);
    Ok(())
}

async fn evidence(client: &Client) -> Result<ContestRequest> {
    step(4, &format!("{MERCHANT} uploads its evidence for {}", CONTESTED.dispute_no));
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
        done(format!("{:<8} {name}, {size}", item.evidence_type.as_str()));
        more(dim(item.url));
    }
    Ok(request)
}

async fn contest(client: &Client, app: &App, request: &ContestRequest) -> Result<()> {
    let answer = client.submit(request).await?;
    step(5, "… and contests");
    done(format!("{} is contested; the gateway answered and signed:", bold(CONTESTED.dispute_no)));
    let Answer { proof, .. } = answer;
    println("");
    more(String::from_utf8_lossy(&proof.answer_body));
    let header = proof.answer.to_string();
    let (scheme, fields) = header.split_once(' ').unwrap_or_default();
    more(format!("Authorization: {scheme}"));
    for field in fields.split(',') {
        let (name, value) = field.split_once('=').unwrap_or_default();
        terminal::print_wrapped(&format!("         {name:<9} "), &dim(value).to_string(), 9);
    }
    println("");
    checked(&proof, app)?;
    command(&[
        &format!("{} contest {} \\", program(), CONTESTED.dispute_no),
        "  --receipt receipt.png --name 'Transaction receipt' \\",
        "  --refund refund.pdf --name 'Refund confirmation'",
    ]);
    Ok(())
}

/// Tells what the client checked, and checks it again before it says so.
fn checked(proof: &Proof, app: &App) -> Result<()> {
    let secret = app.secret()?;
    let mut altered = proof.clone();
    altered.answer_body = String::from_utf8_lossy(&proof.answer_body).replace("true", "trve").into();
    anyhow::ensure!(proof.verify(&secret) == Some(Finality::Settled), "the answer does not verify");
    anyhow::ensure!(altered.verify(&secret).is_none(), "an altered answer verifies");
    done("signed with the app's secret, in the scheme of the request");
    done(
        "the nonce is made from the request's nonce and sign: it answers this request, no other, and settles it",
    );
    done("the sign covers method, URL, time, nonce and every byte of the body");
    done("with one byte changed it proves nothing");
    Ok(())
}

async fn afterwards(client: &Client, request: &ContestRequest) -> Result<()> {
    let query = QueryRequest::DisputeNo(CONTESTED.dispute_no.parse::<DisputeNo>()?);
    let DisputeData { status, .. } = client.query(&query).await?.data;
    step(6, "What stands now");
    done(format!("{} is {}", CONTESTED.dispute_no, bold(status)));
    client.submit(request).await?;
    done("the same contest again, as after a lost answer: OK, and nothing changed");
    Ok(())
}

fn onward_without() {
    heading("Go on");
    more("The same once more, and the gateway stays for you to contest the other disputes by hand:");
    command(&[&format!("{} demo", program())]);
    println("");
    more(format!("A gateway of your own, in ./{DATA_DIR}:"));
    command(&[&format!("{} serve", program())]);
}

fn onward(gateway: &Gateway, reader: &Reader, app: &App) {
    let folder = gateway.folder().display();
    heading("Go on, in another terminal");
    more("Contest the next one yourself:");
    command(&[
        &format!("export REBUTTAL_URL={}", gateway.url()),
        &format!("export REBUTTAL_APP_ID={}", app.app_id),
        &format!("export REBUTTAL_APP_SECRET={}", app.app_secret.expose()),
        &format!("{} contest {} \\", program(), INVITED.dispute_no),
        &format!("  --receipt {folder}/receipt.png \\"),
        &format!("  --refund {folder}/refund.pdf"),
    ]);
    println("");
    more("See its history and evidence as an operator does:");
    reader.operator_first(&format!("dispute show {}", INVITED.dispute_no));
    println("");
    println(format!("  {}", dim("The gateway stays up. Ctrl-C stops it and removes its data.")));
}

fn step(number: u8, title: &str) {
    println("");
    terminal::print_wrapped(&format!("  {}  ", dim(number)), &bold(title).to_string(), 5);
}

fn heading(title: &str) {
    println("");
    println(format!("  {}", bold(title)));
}

fn done(text: impl std::fmt::Display) {
    terminal::print_wrapped(&format!("     {} ", ok_mark()), &text.to_string(), 7);
}

fn more(text: impl std::fmt::Display) {
    terminal::print_wrapped("       ", &text.to_string(), 7);
}

/// A command that does the same, ready to be copied.
fn command(lines: &[&str]) {
    println("");
    for line in lines {
        println(format!("       {}", terminal::command(line)));
    }
}

/// How this program was called, so that what is copied runs.
fn program() -> String {
    std::env::args().next().map_or_else(|| "rebuttal".to_owned(), |name| terminal::shell_quote(&name))
}
