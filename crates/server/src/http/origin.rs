//! The origin of a web page, as browsers send it (RFC 6454), for the setting of the pages that may upload.

use std::str::FromStr;

use http::HeaderValue;

use crate::http::base_url::BaseUrl;

/// Scheme, host in lower case, and the port unless it is the scheme's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// The text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin such as https://shop.example.com: {1}")]
pub struct InvalidOrigin(String, &'static str);

impl Origin {
    /// The value of the header `Origin`.
    pub const fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = |why| InvalidOrigin(text.to_owned(), why);
        if text == "*" {
            return Err(invalid("leave the setting out to allow every origin"));
        }
        let url: BaseUrl =
            text.parse().map_err(|_| invalid("it must have a scheme, http or https, and a host"))?;
        if url.as_str().splitn(3, '/').nth(2).is_none_or(|host| host.contains('/')) {
            return Err(invalid("it must have no path"));
        }
        HeaderValue::try_from(url.as_str()).map(Self).map_err(|_| invalid("it must be ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_what_browsers_send() {
        for (text, sent) in [
            ("https://Shop.example.com", "https://shop.example.com"),
            ("https://shop.example.com:443/", "https://shop.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().header(), sent);
        }
        for wrong in
            ["", "*", "shop.example.com", "https://shop.example.com/admin", "null", "https://ü.example"]
        {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong:?}");
        }
    }
}
