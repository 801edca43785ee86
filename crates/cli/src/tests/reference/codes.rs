//! The codes of answers, by the enum that both sides of the wire share.

use std::fmt::Write as _;

use rebuttal_client::protocol::Code;
use rebuttal_client::protocol::code::Resend;
use rebuttal_server::http_status;

use super::{cell, hold};

const OF_OPERATORS: &str = "Operator.";

#[test]
fn the_page_of_codes_is_fresh() {
    let mut body = "\
Every answer to a merchant has a `code`, and every problem document for an operator. One code has one meaning and one HTTP
status. Decide by the code; the status is for intermediaries. Ignore the code of an answer whose signature is not valid.
Codes may be added: treat an unknown code as a refusal, and do not send the request again.

## Merchants
"
    .to_owned();
    let (of_operators, of_merchants): (Vec<_>, Vec<_>) =
        Code::ALL.iter().partition(|code| code.as_str().starts_with(OF_OPERATORS));
    table(&mut body, &of_merchants);
    body.push_str("\n## Operator API only\n\nThe operator API also uses the codes above.\n");
    table(&mut body, &of_operators);
    body.push_str("\n## Sending a request again\n\n| send again | what to do |\n|---|---|\n");
    for resend in Resend::ALL {
        let _ = writeln!(body, "| {} | {} |", resend.as_str(), resend.advice());
    }
    hold("codes.md", "`crates/protocol/src/code.rs`", "Codes", &body);
}

fn table(body: &mut String, codes: &[&Code]) {
    body.push_str("\n| code | HTTP | meaning | send again |\n|---|---|---|---|\n");
    for code in codes {
        let resend = if **code == Code::Ok { "–" } else { code.resend().as_str() };
        let _ = writeln!(body, "| `{code}` | {} | {} | {resend} |", http_status(code), cell(code.meaning()));
    }
}
