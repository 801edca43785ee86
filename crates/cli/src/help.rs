//! The end of the help of every command: one example, and the exit codes. Collected here, so that one test checks all
//! of them; all other help texts are next to the items they describe.

use clap::{Arg, Command, ValueHint};

/// One example for each command that does something, by the words of the command.
const EXAMPLES: &[(&str, &str)] = &[
    ("demo", "rebuttal demo"),
    ("serve", "rebuttal serve --config /etc/rebuttal/rebuttal.toml"),
    (
        "operator merchant create",
        "rebuttal operator merchant create --name 'Tea House' --time-zone Asia/Shanghai",
    ),
    ("operator merchant list", "rebuttal operator merchant list --limit 1000 --json"),
    ("operator merchant change", "rebuttal operator merchant change 80 --name 'Tea House Ltd'"),
    (
        "operator app create",
        "rebuttal operator app create --merchant 80 --scheme V2_HMAC_SHA256 --secret-file tea-house.secret",
    ),
    ("operator app list", "rebuttal operator app list --merchant 80"),
    (
        "operator app change",
        "rebuttal operator app change 3f0c2a1b9d8e47650123456789abcdef --merchant 80 --disable",
    ),
    (
        "operator app rotate",
        "rebuttal operator app rotate 3f0c2a1b9d8e47650123456789abcdef --merchant 80 --overlap 7d",
    ),
    (
        "operator app end-overlap",
        "rebuttal operator app end-overlap 3f0c2a1b9d8e47650123456789abcdef --merchant 80",
    ),
    (
        "operator token create",
        "rebuttal operator token create --name anna --role operator --secret-file anna.token",
    ),
    ("operator token list", "rebuttal operator token list"),
    ("operator token revoke", "rebuttal operator token revoke anna"),
    (
        "operator dispute open",
        "rebuttal operator dispute open --merchant 80 --payment-no PAY-7 --merchant-trade-no T-7 \\\n    \
         --payment-amount 100.05 --currency USD --reason 'Goods not received' --deadline 7d",
    ),
    ("operator dispute list", "rebuttal operator dispute list --status NEEDS_RESPONSE --deadline-before 24h"),
    ("operator dispute show", "rebuttal operator dispute show CB-20418"),
    ("operator dispute evidence", "rebuttal operator dispute evidence CB-20418 --directory CB-20418"),
    ("operator dispute resolve", "rebuttal operator dispute resolve CB-20418 WON --note 'Refund was proven'"),
    (
        "operator dispute request-evidence",
        "rebuttal operator dispute request-evidence CB-20418 --deadline 3d --note 'Proof of delivery'",
    ),
    (
        "operator dispute extend",
        "rebuttal operator dispute extend CB-20418 --deadline 2027-03-06T12:00:00+08:00",
    ),
    ("operator dispute advance", "rebuttal operator dispute advance CB-20418 ARBITRATION --deadline 10d"),
    ("operator dispute withdraw", "rebuttal operator dispute withdraw CB-20418"),
    ("config default", "rebuttal config default > rebuttal.toml"),
    ("config check", "rebuttal config check --config /etc/rebuttal/rebuttal.toml"),
    ("config show", "rebuttal config show --config /etc/rebuttal/rebuttal.toml"),
    (
        "migrate",
        "rebuttal migrate --data /var/lib/rebuttal \\\n    \
         --evidence-to 's3://evidence?endpoint=https://s3.example.com&region=eu-central-1'",
    ),
    ("doctor", "rebuttal doctor --config /etc/rebuttal/rebuttal.toml --data /var/lib/rebuttal"),
    ("upload", "rebuttal upload receipt.png refund.pdf"),
    (
        "contest",
        "rebuttal contest CB-20418 --receipt receipt.png --refund refund.pdf --name 'Refund of 6 March'",
    ),
    ("accept", "rebuttal accept CB-20418"),
    ("query", "rebuttal query CB-20418"),
    (
        "profile add",
        "rebuttal profile add shop --url https://disputes.example.com \\\n    \
         --app-id 3f0c2a1b9d8e47650123456789abcdef",
    ),
    ("profile list", "rebuttal profile list"),
    ("profile remove", "rebuttal profile remove shop"),
    ("sign", "rebuttal sign /pg/v2/dispute/query --body '{\"disputeNo\":\"CB-20418\"}'"),
    (
        "verify",
        "rebuttal verify https://pay.example.com/pg/v2/dispute/query \\\n    \
         --authorization 'V2_SHA256 appId=…,sign=…,timestamp=…,nonce=…' --body-file request.json",
    ),
    ("completions", "rebuttal completions bash > /usr/share/bash-completion/completions/rebuttal"),
    ("man", "rebuttal man --out /usr/local/share/man/man1"),
];

/// The whole command line with all of its help. Invariant: nothing else builds it, so that the reference page, the man
/// pages and `--help` agree.
pub(crate) fn complete(command: Command) -> Command {
    with_endings(command, "", None)
}

/// Adds the endings to a command and its subcommands. `inherited` are the exit codes of the parent command, for
/// commands without exit codes of their own. Values of variables are never shown: some are secrets.
fn with_endings(command: Command, path: &str, inherited: Option<&str>) -> Command {
    let own_ending = command.get_after_help().map(ToString::to_string);
    let exits = own_ending.as_deref().or(inherited);
    let example = EXAMPLES.iter().find(|(of, _)| *of == path);
    let example = example.map(|(_, example)| format!("Example:\n  {example}"));
    let ending = [example.as_deref(), exits].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    let command =
        command.after_help(ending).mut_args(|argument| with_value_hint(argument.hide_env_values(true)));
    // The root's ending is not a list of exit codes.
    let exits = exits.filter(|_| !path.is_empty());
    command.mut_subcommands(|subcommand| {
        let path = format!("{path} {}", subcommand.get_name());
        with_endings(subcommand, path.trim_start(), exits)
    })
}

/// The argument with what a shell completes for its value, by the value's name: files for FILE, folders for DIR, and
/// nothing for numbers, times and texts.
fn with_value_hint(argument: Arg) -> Arg {
    if !argument.get_action().takes_values() {
        return argument;
    }
    let hint = match argument.get_value_names() {
        Some([name]) if name == "FILE" => ValueHint::FilePath,
        Some([name]) if name == "DIR" => ValueHint::DirPath,
        _ => ValueHint::Other,
    };
    argument.value_hint(hint)
}
