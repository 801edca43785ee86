//! The evidence on the command line. Not derived by clap, which would lose the order of different flags: `--name` names
//! the file just before it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, Error, FromArgMatches, value_parser};
use rebuttal_client::protocol::dispute::EVIDENCE_MAX;
use rebuttal_client::protocol::{EvidenceName, Invalid};
use rebuttal_client::{EvidenceType, StorageUri};

/// The evidence, in the order of the command line.
#[derive(Debug, Clone)]
pub(super) struct EvidenceArgs(pub(super) Vec<EvidenceArg>);

/// One item on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EvidenceArg {
    pub(super) evidence_type: EvidenceType,
    pub(super) source: EvidenceArgSource,
    pub(super) name: Option<EvidenceName>,
}

/// Where an item is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EvidenceArgSource {
    /// In this local file.
    Path(PathBuf),
    /// Uploaded already.
    Uploaded(StorageUri),
}

/// The flag for a type of evidence.
struct EvidenceFlag {
    /// The flag without its dashes.
    id: &'static str,
    help: &'static str,
    /// Its position in the help; the most usual types come first.
    index: u8,
}

impl EvidenceFlag {
    const fn of(evidence_type: EvidenceType) -> Self {
        let (index, id, help) = match evidence_type {
            EvidenceType::Receipt => (1, "receipt", "Evidence of what was bought"),
            EvidenceType::Refund => (2, "refund", "Evidence of a refund"),
            EvidenceType::Other => (3, "other", "Any other evidence"),
            EvidenceType::Default => (4, "default", "Evidence that is not classified"),
        };
        Self { id, help, index }
    }

    /// All flags, in the order of the help.
    fn all() -> Vec<Self> {
        let mut flags: Vec<_> =
            EvidenceType::ALL.iter().map(|evidence_type| Self::of(*evidence_type)).collect();
        flags.sort_unstable_by_key(|flag| flag.index);
        flags
    }
}

/// The flag of a type, with its dashes.
pub(super) fn flag(evidence_type: EvidenceType) -> String {
    format!("--{}", EvidenceFlag::of(evidence_type).id)
}

const NAME: &str = "name";

impl clap::Args for EvidenceArgs {
    fn augment_args(command: Command) -> Command {
        let flag = |id, help| {
            Arg::new(id)
                .long(id)
                .help(help)
                .action(ArgAction::Append)
                .help_heading("Evidence")
                .value_parser(value_parser!(OsString))
        };
        let all = EvidenceFlag::all();
        let files = all.iter().map(|EvidenceFlag { id, help, .. }| flag(*id, *help).value_name("FILE"));
        let name =
            flag(NAME, "Name of the file given just before, 1 to 128 characters [default: the file's name]");
        let evidence = ArgGroup::new("evidence").args(all.iter().map(|flag| flag.id));
        command.args(files).arg(name.value_name("TEXT")).group(evidence.required(true).multiple(true))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for EvidenceArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut words: Vec<(usize, Option<EvidenceType>, &OsString)> = values_with_index(matches, NAME, None);
        for evidence_type in EvidenceType::ALL {
            words.extend(values_with_index(
                matches,
                EvidenceFlag::of(*evidence_type).id,
                Some(*evidence_type),
            ));
        }
        words.sort_unstable_by_key(|(index, ..)| *index);

        let mut pieces: Vec<EvidenceArg> = Vec::new();
        for (_, evidence_type, text) in words {
            match (evidence_type, pieces.last_mut()) {
                (Some(evidence_type), _) => pieces.push(parse_piece(evidence_type, text, &pieces)?),
                (None, Some(piece @ EvidenceArg { name: None, .. })) => {
                    let error_text = |why: &str| conflict(&format!("--name {text:?} {why}"));
                    let name = text.to_str().ok_or_else(|| error_text("must be UTF-8"))?;
                    piece.name = Some(name.parse().map_err(|error: Invalid| error_text(&error.to_string()))?);
                }
                (None, _) => {
                    return Err(conflict(&format!("--name {text:?} must follow the one file that it names")));
                }
            }
        }
        match pieces.len() > EVIDENCE_MAX {
            true => Err(conflict(&format!("a contest has at most {EVIDENCE_MAX} pieces of evidence"))),
            false => Ok(Self(pieces)),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Parses an item that follows `others`.
fn parse_piece(
    evidence_type: EvidenceType,
    word: &OsString,
    others: &[EvidenceArg],
) -> Result<EvidenceArg, Error> {
    let error_text =
        |why: &str| conflict(&format!("{} {}: {why}", flag(evidence_type), word.to_string_lossy()));
    let source = match word.to_str().filter(|text| text.starts_with("s3://")) {
        Some(text) => EvidenceArgSource::Uploaded(
            text.parse().map_err(|error: Invalid| error_text(&error.to_string()))?,
        ),
        None => EvidenceArgSource::Path(word.into()),
    };
    if matches!(source, EvidenceArgSource::Uploaded(_)) && others.iter().any(|other| other.source == source) {
        return Err(error_text("the same uploaded file is given twice"));
    }
    Ok(EvidenceArg { evidence_type, source, name: None })
}

fn conflict(sentence: &str) -> Error {
    Error::raw(ErrorKind::ArgumentConflict, format!("{sentence}\n"))
}

/// Every value of a flag with its index on the command line.
fn values_with_index<'a>(
    matches: &'a ArgMatches,
    id: &str,
    evidence_type: Option<EvidenceType>,
) -> Vec<(usize, Option<EvidenceType>, &'a OsString)> {
    let places = matches.indices_of(id).into_iter().flatten();
    let values = matches.get_many(id).into_iter().flatten();
    places.zip(values).map(|(index, value)| (index, evidence_type, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Vec<EvidenceArg>, Error> {
        let command =
            <EvidenceArgs as clap::Args>::augment_args(Command::new("contest")).no_binary_name(true);
        EvidenceArgs::from_arg_matches(&command.try_get_matches_from(words)?).map(|evidence| evidence.0)
    }

    #[test]
    fn a_name_belongs_to_the_file_before_it_and_order_is_kept() {
        let words = ["--refund", "b.pdf", "--receipt", "a.png", "--name", "Receipt", "--refund=c.pdf"];
        let piece = |evidence_type, source: &str, name: Option<&str>| EvidenceArg {
            evidence_type,
            source: EvidenceArgSource::Path(source.into()),
            name: name.map(|name| name.parse().unwrap()),
        };
        assert_eq!(
            parse(&words).unwrap(),
            [
                piece(EvidenceType::Refund, "b.pdf", None),
                piece(EvidenceType::Receipt, "a.png", Some("Receipt")),
                piece(EvidenceType::Refund, "c.pdf", None),
            ]
        );
    }

    #[test]
    fn every_type_has_a_flag_that_names_it() {
        for evidence_type in EvidenceType::ALL {
            assert_eq!(flag(*evidence_type), format!("--{}", evidence_type.as_str().to_lowercase()));
            let given = parse(&[&flag(*evidence_type), "a.png"]).unwrap();
            assert_eq!(given.first().map(|piece| piece.evidence_type), Some(*evidence_type));
        }
    }

    #[test]
    fn a_name_without_its_file_is_wrong_usage() {
        assert!(parse(&["--name", "Receipt", "--receipt", "a.png"]).is_err());
        assert!(parse(&["--receipt", "a.png", "--name", "One", "--name", "Two"]).is_err());
        assert!(parse(&[]).is_err());
    }
}
