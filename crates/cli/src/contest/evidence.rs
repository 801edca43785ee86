//! The evidence on the command line. Read by hand, because clap's derive forgets the order of different flags, and
//! `--name` names the file just before it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, Error, FromArgMatches, value_parser};
use rebuttal_client::protocol::dispute::EVIDENCE_MAX;
use rebuttal_client::protocol::{EvidenceName, Invalid};
use rebuttal_client::{EvidenceType, StorageUri};

/// What was given, in its order.
#[derive(Debug, Clone)]
pub(super) struct Evidence(pub(super) Vec<Given>);

/// One piece as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) evidence_type: EvidenceType,
    pub(super) source: Source,
    pub(super) name: Option<EvidenceName>,
}

/// Where a piece lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// On this machine, at this path.
    Path(PathBuf),
    /// At the gateway already.
    Uploaded(StorageUri),
}

/// The flag of a type of evidence.
struct Flag {
    /// The flag without its dashes.
    id: &'static str,
    help: &'static str,
    /// Where it stands in the help: first what most merchants have.
    place: u8,
}

impl Flag {
    const fn of(evidence_type: EvidenceType) -> Self {
        let (place, id, help) = match evidence_type {
            EvidenceType::Receipt => (1, "receipt", "Evidence of what was bought"),
            EvidenceType::Refund => (2, "refund", "Evidence that the money was given back"),
            EvidenceType::Other => (3, "other", "Any other evidence"),
            EvidenceType::Default => (4, "default", "Evidence that is not classified"),
        };
        Self { id, help, place }
    }

    /// Every one, in the order of the help.
    fn all() -> Vec<Self> {
        let mut flags: Vec<_> =
            EvidenceType::ALL.iter().map(|evidence_type| Self::of(*evidence_type)).collect();
        flags.sort_unstable_by_key(|flag| flag.place);
        flags
    }
}

/// The flag of a type as it is typed.
pub(super) fn flag(evidence_type: EvidenceType) -> String {
    format!("--{}", Flag::of(evidence_type).id)
}

const NAME: &str = "name";

impl clap::Args for Evidence {
    fn augment_args(command: Command) -> Command {
        let flag = |id, help| {
            Arg::new(id)
                .long(id)
                .help(help)
                .action(ArgAction::Append)
                .help_heading("Evidence")
                .value_parser(value_parser!(OsString))
        };
        let all = Flag::all();
        let files = all.iter().map(|Flag { id, help, .. }| flag(*id, *help).value_name("FILE"));
        let name =
            flag(NAME, "Name of the file given just before, 1 to 128 characters [default: the file's name]");
        let evidence = ArgGroup::new("evidence").args(all.iter().map(|flag| flag.id));
        command.args(files).arg(name.value_name("TEXT")).group(evidence.required(true).multiple(true))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Evidence {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut words: Vec<(usize, Option<EvidenceType>, &OsString)> = placed(matches, NAME, None);
        for evidence_type in EvidenceType::ALL {
            words.extend(placed(matches, Flag::of(*evidence_type).id, Some(*evidence_type)));
        }
        words.sort_unstable_by_key(|(place, ..)| *place);

        let mut pieces: Vec<Given> = Vec::new();
        for (_, evidence_type, text) in words {
            match (evidence_type, pieces.last_mut()) {
                (Some(evidence_type), _) => pieces.push(given(evidence_type, text, &pieces)?),
                (None, Some(piece @ Given { name: None, .. })) => {
                    let told = |why: &str| wrong(&format!("--name {text:?} {why}"));
                    let name = text.to_str().ok_or_else(|| told("must be UTF-8"))?;
                    piece.name = Some(name.parse().map_err(|error: Invalid| told(&error.to_string()))?);
                }
                (None, _) => {
                    return Err(wrong(&format!("--name {text:?} must follow the one file that it names")));
                }
            }
        }
        match pieces.len() > EVIDENCE_MAX {
            true => Err(wrong(&format!("a contest takes at most {EVIDENCE_MAX} pieces of evidence"))),
            false => Ok(Self(pieces)),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A piece, given after others.
fn given(evidence_type: EvidenceType, word: &OsString, others: &[Given]) -> Result<Given, Error> {
    let told = |why: &str| wrong(&format!("{} {}: {why}", flag(evidence_type), word.to_string_lossy()));
    let source = match word.to_str().filter(|text| text.starts_with("s3://")) {
        Some(text) => Source::Uploaded(text.parse().map_err(|error: Invalid| told(&error.to_string()))?),
        None => Source::Path(word.into()),
    };
    if matches!(source, Source::Uploaded(_)) && others.iter().any(|other| other.source == source) {
        return Err(told("the same uploaded file is given twice"));
    }
    Ok(Given { evidence_type, source, name: None })
}

fn wrong(sentence: &str) -> Error {
    Error::raw(ErrorKind::ArgumentConflict, format!("{sentence}\n"))
}

/// Every value of a flag with its place on the command line.
fn placed<'a>(
    matches: &'a ArgMatches,
    id: &str,
    evidence_type: Option<EvidenceType>,
) -> Vec<(usize, Option<EvidenceType>, &'a OsString)> {
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
            source: Source::Path(source.into()),
            name: name.map(|name| name.parse().unwrap()),
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
    fn every_type_has_a_flag_that_names_it() {
        for evidence_type in EvidenceType::ALL {
            assert_eq!(flag(*evidence_type), format!("--{}", evidence_type.as_str().to_lowercase()));
            let given = given(&[&flag(*evidence_type), "a.png"]).unwrap();
            assert_eq!(given.first().map(|piece| piece.evidence_type), Some(*evidence_type));
        }
    }

    #[test]
    fn a_name_without_its_file_is_wrong_usage() {
        assert!(given(&["--name", "Receipt", "--receipt", "a.png"]).is_err());
        assert!(given(&["--receipt", "a.png", "--name", "One", "--name", "Two"]).is_err());
        assert!(given(&[]).is_err());
    }
}
