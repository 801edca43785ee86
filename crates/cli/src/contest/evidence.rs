//! The evidence on the command line. Read by hand, because clap's derive forgets the order of different flags, and
//! `--name` names the file just before it.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, Error, FromArgMatches};
use rebuttal_client::EvidenceType;

/// What was given, in its order.
#[derive(Debug, Clone)]
pub(super) struct Evidence(pub(super) Vec<Given>);

/// One piece as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) evidence_type: EvidenceType,
    /// A path or a storageUri.
    pub(super) source: String,
    pub(super) name: Option<String>,
}

const FLAGS: [(&str, EvidenceType, &str); 4] = [
    ("receipt", EvidenceType::Receipt, "Evidence of what was bought"),
    ("refund", EvidenceType::Refund, "Evidence that the money was given back"),
    ("other", EvidenceType::Other, "Any other evidence"),
    ("default", EvidenceType::Default, "Evidence that is not classified"),
];
const NAME: &str = "name";

impl clap::Args for Evidence {
    fn augment_args(command: Command) -> Command {
        let flag =
            |id, help| Arg::new(id).long(id).help(help).action(ArgAction::Append).help_heading("Evidence");
        let files = FLAGS.map(|(id, _, help)| flag(id, help).value_name("FILE"));
        let name =
            flag(NAME, "Name of the file given just before, 1 to 128 characters [default: the file's name]");
        command
            .args(files)
            .arg(name.value_name("TEXT"))
            .group(ArgGroup::new("evidence").args(FLAGS.map(|(id, _, _)| id)).required(true).multiple(true))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Evidence {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut words: Vec<(usize, Option<EvidenceType>, &String)> = placed(matches, NAME, None);
        for (id, evidence_type, _) in FLAGS {
            words.extend(placed(matches, id, Some(evidence_type)));
        }
        words.sort_unstable_by_key(|(place, ..)| *place);

        let mut pieces: Vec<Given> = Vec::new();
        for (_, evidence_type, text) in words {
            match (evidence_type, pieces.last_mut()) {
                (Some(evidence_type), _) => {
                    pieces.push(Given { evidence_type, source: text.clone(), name: None });
                }
                (None, Some(piece @ Given { name: None, .. })) => piece.name = Some(text.clone()),
                (None, _) => {
                    let sentence = format!("--name {text:?} must follow the one file that it names\n");
                    return Err(Error::raw(ErrorKind::ArgumentConflict, sentence));
                }
            }
        }
        Ok(Self(pieces))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Every value of a flag with its place on the command line.
fn placed<'a>(
    matches: &'a ArgMatches,
    id: &str,
    evidence_type: Option<EvidenceType>,
) -> Vec<(usize, Option<EvidenceType>, &'a String)> {
    let places = matches.indices_of(id).into_iter().flatten();
    let values = matches.get_many(id).into_iter().flatten();
    places.zip(values).map(|(place, value)| (place, evidence_type, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(words: &[&str]) -> Result<Vec<Given>, Error> {
        let command = <Evidence as clap::Args>::augment_args(Command::new("contest")).no_binary_name(true);
        Evidence::from_arg_matches(&command.try_get_matches_from(words)?).map(|evidence| evidence.0)
    }

    #[test]
    fn a_name_belongs_to_the_file_before_it_and_order_is_kept() {
        let words = ["--refund", "b.pdf", "--receipt", "a.png", "--name", "Receipt", "--refund=c.pdf"];
        let piece = |evidence_type, source: &str, name: Option<&str>| Given {
            evidence_type,
            source: source.to_owned(),
            name: name.map(str::to_owned),
        };
        assert_eq!(
            given(&words).unwrap(),
            [
                piece(EvidenceType::Refund, "b.pdf", None),
                piece(EvidenceType::Receipt, "a.png", Some("Receipt")),
                piece(EvidenceType::Refund, "c.pdf", None),
            ]
        );
    }

    #[test]
    fn a_name_without_its_file_is_wrong_usage() {
        assert!(given(&["--name", "Receipt", "--receipt", "a.png"]).is_err());
        assert!(given(&["--receipt", "a.png", "--name", "One", "--name", "Two"]).is_err());
        assert!(given(&[]).is_err());
    }
}
