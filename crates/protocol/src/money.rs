//! Money: whole minor units of an ISO 4217 currency inside, a decimal string such as `100.05` on the wire (contract
//! §5).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::Invalid;
use crate::schema::{one_of, pattern, schema};

/// Most digits before the decimal point (contract §5). With three after it, an amount still fits 63 bits.
pub const INTEGER_DIGITS_MAX: usize = 15;

/// An ISO 4217 currency in which a payment can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The codes of all currencies.
    fn codes() -> BTreeSet<&'static str> {
        let listed = (0..1000).filter_map(iso_currency::Currency::from_numeric);
        listed.filter_map(|currency| currency.code().parse().ok().map(Self::code)).collect()
    }

    /// The three upper-case letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Digits after the decimal point on the wire: three if ISO 4217 has three, otherwise two (contract §5).
    pub fn decimals(self) -> u32 {
        if self.0.exponent() == Some(3) { 3 } else { 2 }
    }
}

impl FromStr for Currency {
    type Err = Invalid;

    /// Refused are what ISO 4217 lists besides currencies (metals, units of account, test codes), funds, and codes with
    /// four decimals, which are units of account too: no payment is made in them. Withdrawn currencies that the library
    /// knows are accepted, because payments made in them can still be disputed (contract §5).
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let currency = iso_currency::Currency::from_code(text)
            .ok_or_else(|| Invalid::new("must be an ISO 4217 currency code, such as USD"))?;
        if currency.is_special() || currency.is_fund() || currency.exponent().is_none_or(|digits| digits > 3)
        {
            return Err(Invalid::new(
                "must be a payment currency, such as USD: ISO 4217 lists metals, test codes, funds and units \
                 of account, too",
            ));
        }
        Ok(Self(currency))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

crate::ids::serde_as_text!(Currency);
schema!(Currency, one_of(Currency::codes()), "An ISO 4217 payment currency.");

/// An amount of money, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    minor_units: i64,
    currency: Currency,
}

impl Amount {
    /// An amount in units of the last decimal on the wire: cents, or thousandths of a dinar.
    pub const fn from_minor_units(minor_units: i64, currency: Currency) -> Self {
        Self { minor_units, currency }
    }

    /// Reads `100`, `100.5` or `100.05`: more than zero, no sign, no leading zeros, at most the currency's decimals.
    /// Where the currency has no minor unit, all decimals are zeros (`500.00` in JPY).
    pub fn parse(text: &str, currency: Currency) -> Result<Self, Invalid> {
        let decimals = currency.decimals() as usize;
        let form = || {
            Invalid::new(format!(
                "must be a decimal such as 100.05, with at most {INTEGER_DIGITS_MAX} digits before the point and \
                 {decimals} after it"
            ))
        };
        let (integer, fraction) = match text.split_once('.') {
            Some((integer, fraction)) if !fraction.is_empty() => (integer, fraction),
            Some(_) => return Err(form()),
            None => (text, ""),
        };
        let digits_only = integer.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        let canonical = integer == "0" || !(integer.is_empty() || integer.starts_with('0'));
        if !digits_only || !canonical || integer.len() > INTEGER_DIGITS_MAX || fraction.len() > decimals {
            return Err(form());
        }
        if currency.0.exponent() == Some(0) && fraction.bytes().any(|digit| digit != b'0') {
            return Err(Invalid::new(format!(
                "must be a whole amount, such as 500: {currency} has no smaller unit"
            )));
        }
        let minor_units = format!("{integer}{fraction:0<decimals$}").parse().map_err(|_| form())?;
        if minor_units == 0 {
            return Err(Invalid::new("must be more than 0"));
        }
        Ok(Self { minor_units, currency })
    }

    /// The amount in units of the last decimal on the wire.
    pub const fn minor_units(self) -> i64 {
        self.minor_units
    }

    /// The amount's currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }
}

impl fmt::Display for Amount {
    /// The decimal, without the currency.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals();
        let scale = 10_i64.pow(decimals);
        let (whole, part) = (self.minor_units / scale, self.minor_units % scale);
        write!(f, "{whole}.{part:0width$}", width = decimals as usize)
    }
}

schema!(
    Amount,
    pattern(format!(
        "^([1-9][0-9]{{0,{}}}(\\.[0-9]{{1,3}})?|0\\.([1-9][0-9]{{0,2}}|0[1-9][0-9]?|00[1-9]))$",
        INTEGER_DIGITS_MAX - 1
    )),
    "A decimal greater than zero with at most the decimals of its currency: three where ISO 4217 has three, otherwise two, \
     which are zeros where the currency has no minor unit. Responses always have all decimals."
);

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str, currency: &str) -> Option<String> {
        Amount::parse(text, currency.parse().unwrap()).ok().map(|amount| amount.to_string())
    }

    #[test]
    fn amounts_show_the_currencys_decimals() {
        assert_eq!(printed("100.05", "USD").as_deref(), Some("100.05"));
        assert_eq!(printed("100", "USD").as_deref(), Some("100.00"));
        assert_eq!(printed("100.5", "USD").as_deref(), Some("100.50"));
        assert_eq!(printed("0.001", "KWD").as_deref(), Some("0.001"));
        assert_eq!(printed("500", "JPY").as_deref(), Some("500.00"));
        assert_eq!(printed("500.00", "JPY").as_deref(), Some("500.00"));
        assert_eq!(printed("999999999999999.999", "KWD").as_deref(), Some("999999999999999.999"));
    }

    #[test]
    fn an_amount_counts_units_of_the_last_decimal_that_it_shows() {
        for (text, currency, minor_units) in
            [("100.05", "USD", 10_005), ("0.001", "KWD", 1), ("500", "JPY", 50_000)]
        {
            let currency = currency.parse().unwrap();
            let amount = Amount::parse(text, currency).unwrap();
            assert_eq!((amount.minor_units(), amount.currency()), (minor_units, currency), "{text}");
            assert_eq!(Amount::from_minor_units(minor_units, currency), amount);
        }
    }

    #[test]
    fn an_amount_has_one_spelling() {
        for wrong in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "01",
            "00.1",
            "1,5",
            "1e3",
            "1.005",
            "1 ",
            "١",
            "1000000000000000",
        ] {
            assert_eq!(printed(wrong, "USD"), None, "{wrong:?} was taken");
        }
    }

    #[test]
    fn amount_is_positive_in_units_of_its_currency() {
        for (wrong, currency, why) in [
            ("0", "USD", "must be more than 0"),
            ("0.00", "USD", "must be more than 0"),
            ("0.000", "KWD", "must be more than 0"),
            ("500.50", "JPY", "must be a whole amount, such as 500: JPY has no smaller unit"),
            ("500.05", "KRW", "must be a whole amount, such as 500: KRW has no smaller unit"),
            ("0.5", "CLP", "must be a whole amount, such as 500: CLP has no smaller unit"),
        ] {
            let refused = Amount::parse(wrong, currency.parse().unwrap()).unwrap_err();
            assert_eq!(refused.to_string(), why, "{wrong} {currency}");
        }
    }

    #[test]
    fn non_payment_currencies_are_refused() {
        let message = |wrong: &str| wrong.parse::<Currency>().expect_err(wrong).to_string();
        for unknown in ["", "usd", "US", "USDT"] {
            assert!(message(unknown).contains("must be an ISO 4217 currency code"), "{unknown:?}");
        }
        for listed in ["XAU", "XXX", "XTS", "CLF", "UYW", "UYI", "COU", "CHE", "CHW", "BOV", "MXV", "USN"] {
            assert!(message(listed).contains("must be a payment currency"), "{listed:?}");
        }
        let flagged = |flag: fn(&iso_currency::Currency) -> bool| {
            (0..1000).filter_map(iso_currency::Currency::from_numeric).filter(flag).map(|known| known.code())
        };
        let mut special: Vec<_> = flagged(|known| known.is_special()).collect();
        special.sort_unstable();
        assert_eq!(special.join(" "), "XAD XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX");
        for listed in special.into_iter().chain(flagged(|known| known.is_fund())) {
            assert!(message(listed).contains("must be a payment currency"), "{listed:?}");
        }
    }

    #[test]
    fn currencies_of_unions_and_withdrawn_ones_are_accepted() {
        for code in ["XAF", "XCD", "XOF", "XPF", "BGN", "CUC", "HRK", "SLL", "VES", "ZWL"] {
            assert_eq!(code.parse::<Currency>().unwrap().code(), code);
        }
        let withdrawn: Vec<_> = (0..1000)
            .filter_map(iso_currency::Currency::from_numeric)
            .filter(|known| known.is_superseded().is_some() && !Currency::codes().contains(known.code()))
            .collect();
        assert_eq!(withdrawn, []);
        assert!("ANG".parse::<Currency>().is_err(), "the library does not know it: contract §5");
    }
}
