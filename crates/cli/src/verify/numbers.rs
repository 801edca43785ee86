//! How well-known JSON libraries write numbers that they have parsed, which is not always as they were sent.

/// A library's format of numbers. To JSON, `129.00`, `129.0` and `129` are the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberFormat {
    AsSent,
    /// Every number is a double, and none has a fraction of zero; so it is in Go, too.
    JavaScript,
    /// Whole numbers stay, and a fraction is kept where there was one.
    Python,
    /// Whole numbers stay up to 64 bits, and no number has a fraction of zero but before an exponent.
    Php,
}

impl NumberFormat {
    /// The number in this format; a word, such as `true`, is kept.
    pub(super) fn write(self, sent: &str) -> String {
        let whole = !sent.contains(['.', 'e', 'E']);
        let double =
            sent.parse::<f64>().ok().filter(|double| double.is_finite() && !sent.contains(['i', 'n']));
        let Some(double) = double else { return sent.to_owned() };
        match self {
            Self::AsSent => sent.to_owned(),
            Self::JavaScript if double == 0.0 => "0".to_owned(),
            Self::JavaScript => {
                Decimal::of(double).write(-6..21, |mantissa, exponent| format!("{mantissa}e{exponent:+}"))
            }
            Self::Python if whole => if sent == "-0" { "0" } else { sent }.to_owned(),
            Self::Python => {
                let text = Decimal::of(double).write(-4..16, |mantissa, exponent| {
                    let sign = if exponent < 0 { '-' } else { '+' };
                    format!("{mantissa}e{sign}{:02}", exponent.abs())
                });
                if text.contains(['.', 'e']) { text } else { format!("{text}.0") }
            }
            Self::Php => match sent.parse::<i64>() {
                Ok(number) => number.to_string(),
                Err(_) => Decimal::of(double).write(-4..17, |mantissa, exponent| {
                    let fraction = if mantissa.contains('.') { "" } else { ".0" };
                    format!("{mantissa}{fraction}e{exponent:+}")
                }),
            },
        }
    }
}

/// The fewest digits that identify a double, and the power of ten of the first.
struct Decimal {
    sign: &'static str,
    digits: String,
    exponent: i32,
}

impl Decimal {
    fn of(double: f64) -> Self {
        let text = format!("{:e}", double.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        Self {
            sign: if double.is_sign_negative() { "-" } else { "" },
            digits: mantissa.replace('.', ""),
            exponent: exponent.parse().unwrap_or_default(),
        }
    }

    /// Without an exponent where that is in this range.
    fn write(&self, plain: std::ops::Range<i32>, scientific: impl Fn(&str, i32) -> String) -> String {
        let Self { sign, digits, exponent } = self;
        if !plain.contains(exponent) {
            let (first, rest) = digits.split_at(1);
            let mantissa = if rest.is_empty() { first.to_owned() } else { format!("{first}.{rest}") };
            return format!("{sign}{}", scientific(&mantissa, *exponent));
        }
        let Ok(before) = usize::try_from(exponent + 1) else {
            let zeros = usize::try_from(-exponent - 1).unwrap_or_default();
            return format!("{sign}0.{}{digits}", "0".repeat(zeros));
        };
        match digits.split_at_checked(before) {
            None | Some((_, "")) => {
                format!("{sign}{digits}{}", "0".repeat(before.saturating_sub(digits.len())))
            }
            Some(("", fraction)) => format!("{sign}0.{fraction}"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PHP 8, Python 3 and Node.js wrote.
    #[test]
    fn numbers_are_written_as_the_libraries_write_them() {
        for (sent, java_script, python, php) in [
            ("129.00", "129", "129.0", "129"),
            ("1e3", "1000", "1000.0", "1000"),
            ("1.0e+20", "100000000000000000000", "1e+20", "1.0e+20"),
            ("1e16", "10000000000000000", "1e+16", "10000000000000000"),
            ("1e17", "100000000000000000", "1e+17", "1.0e+17"),
            ("0.0001", "0.0001", "0.0001", "0.0001"),
            ("0.00001", "0.00001", "1e-05", "1.0e-5"),
            ("1.5e-7", "1.5e-7", "1.5e-07", "1.5e-7"),
            (
                "12345678901234567890",
                "12345678901234567000",
                "12345678901234567890",
                "1.2345678901234567e+19",
            ),
            ("-0.0", "0", "-0.0", "-0"),
            ("-0", "0", "0", "0"),
            ("-12.50", "-12.5", "-12.5", "-12.5"),
            ("5e-324", "5e-324", "5e-324", "5.0e-324"),
            ("true", "true", "true", "true"),
            ("null", "null", "null", "null"),
        ] {
            let written = [NumberFormat::JavaScript, NumberFormat::Python, NumberFormat::Php]
                .map(|ways| ways.write(sent));
            assert_eq!(written, [java_script, python, php], "{sent}");
            assert_eq!(NumberFormat::AsSent.write(sent), sent);
        }
    }
}
