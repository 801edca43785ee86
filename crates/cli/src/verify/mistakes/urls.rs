//! Mistakes in the URL, which is the gateway's public base URL and the request target, byte for byte.

use super::{Mistake, SearchContext, replaced};
use crate::address::percent_encode;
use crate::signing::arguments::SentUrl;
use crate::signing::{SignedField, request_checks};

/// Ports on which HTTP services usually listen behind a proxy; the first is the gateway's own.
const USUAL_PORTS: [u16; 4] = [8080, 8443, 80, 443];
/// What proxies usually put before a path.
const USUAL_PREFIXES: [&str; 4] = ["/api", "/gateway", "/gate", "/rebuttal"];

pub(super) fn all(context: &SearchContext<'_>) -> Vec<Mistake> {
    let SearchContext { sent_to: SentUrl { written, fragment, .. }, base_url, target, .. } = context;
    let sent_url = context.sent_to.normalized();
    let expected = format!("{base_url}{target}");
    let own_spelling = match sent_url == expected {
        true => "as it was written, where a gateway's host is in lower case and has no default port",
        false => "the URL that it was sent to, which is not the gateway's own",
    };
    let (path, query) = target.split_once('?').map_or((*target, None), |(path, query)| (path, Some(query)));
    let (scheme, host) = base_url.split_once("://").unwrap_or(("", base_url));
    let other_scheme = if scheme == "https" { "http" } else { "https" };
    let (authority, base_path) = host.split_at(host.find('/').unwrap_or(host.len()));
    let default_port = if scheme == "https" { 443 } else { 80 };
    let mut urls = vec![
        (own_spelling, written.clone()),
        ("the fragment, which is never sent, is signed with it", format!("{expected}{fragment}")),
        ("the query string is left out", format!("{base_url}{path}")),
        ("the path alone, without the base URL", path.to_owned()),
        ("the path and the query alone, without the base URL", (*target).to_owned()),
        ("the base URL's path is left out", format!("{scheme}://{authority}{target}")),
        ("the base URL alone, without the path", (*base_url).to_owned()),
        ("the base URL alone with a slash, without the path", format!("{base_url}/")),
        ("http and https are confused", format!("{other_scheme}://{host}{target}")),
        ("http:// or https:// is left out", format!("{host}{target}")),
        ("a slash too many between the base URL and the path", format!("{base_url}/{target}")),
        (
            "the default port is written out",
            format!("{scheme}://{authority}:{default_port}{base_path}{target}"),
        ),
        ("the host is in upper case", format!("{scheme}://{}{base_path}{target}", authority.to_uppercase())),
        ("the whole URL is in lower case", expected.to_lowercase()),
        ("localhost instead of 127.0.0.1", expected.replace("127.0.0.1", "localhost")),
        ("127.0.0.1 instead of localhost", expected.replace("localhost", "127.0.0.1")),
        ("the URL is percent-encoded", percent_encode(&expected)),
    ];
    match query {
        None => {
            urls.push(("a slash too many at the end", format!("{expected}/")));
            urls.push(("an empty query string is added", format!("{expected}?")));
        }
        Some(query) => urls.push(("a slash before the query string", format!("{base_url}{path}/?{query}"))),
    }
    if let Some(without) = path.strip_suffix('/') {
        urls.push(("the slash at the end is left out", format!("{base_url}{without}")));
    }
    let ports = with_other_ports(&sent_url, scheme, authority);
    urls.extend(
        ports.into_iter().map(|(sentence, origin)| (sentence, format!("{origin}{base_path}{target}"))),
    );
    if let Some(inner) = inner(target, path) {
        urls.push(("what stands before /pg/v2 in its path is left out", format!("{base_url}{inner}")));
    }
    let usual = urls.into_iter().map(|(sentence, url)| mistaken_url(sentence, url));
    usual.chain(rare(context, path, query)).collect()
}

/// A host and its port, if one is named.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The gateway's origin with another port: none, or that of the URL that the request was sent to.
fn with_other_ports(sent_url: &str, scheme: &str, authority: &str) -> Vec<(&'static str, String)> {
    let (host, port) = split_port(authority);
    let without = port.map(|_| ("the port is left out", format!("{scheme}://{host}")));
    let sent = sent_url.split_once("://").map_or("", |(_, rest)| rest);
    let sent_port =
        split_port(sent.split('/').next().unwrap_or_default()).1.filter(|sent| Some(*sent) != port);
    let with = sent_port.map(|sent_port| {
        let how = "with the port that it was sent to, which is not the gateway's own";
        (how, format!("{scheme}://{host}:{sent_port}"))
    });
    without.into_iter().chain(with).collect()
}

/// Usual addresses of a gateway behind a proxy: a client that calls one there signs that instead of the public URL.
fn behind_a_proxy(authority: &str) -> Vec<(String, String)> {
    let (own, _) = split_port(authority);
    let hosts = [own, "localhost", "127.0.0.1", "[::1]"];
    let origins = hosts.into_iter().flat_map(|host| {
        let schemes = ["http", "https"].into_iter().filter(move |scheme| host == own || *scheme == "http");
        schemes.flat_map(move |scheme| USUAL_PORTS.map(|port| format!("{scheme}://{host}:{port}")))
    });
    origins.map(|origin| (format!("it is {origin}, the gateway's address behind a proxy"), origin)).collect()
}

/// The path without the prefix that a proxy may have added, if there is one.
fn inner<'a>(target: &'a str, path: &str) -> Option<&'a str> {
    let call = request_checks::merchant_paths().find(|call| path.ends_with(call))?;
    let before = path.strip_suffix(call).filter(|before| !before.is_empty())?;
    target.strip_prefix(before)
}

fn mistaken_url(sentence: impl std::fmt::Display, url: impl Into<Vec<u8>>) -> Mistake {
    replaced(SignedField::Url, format!("the URL: {sentence}"), url)
}

fn rare(context: &SearchContext<'_>, path: &str, query: Option<&str>) -> Vec<Mistake> {
    let SearchContext { base_url, target, others, .. } = context;
    let expected = format!("{base_url}{target}");
    let mut urls = vec![
        ("its %-escapes are resolved".to_owned(), percent_decoded(&expected)),
        ("its %-escapes are in lower case".to_owned(), with_escape_case(&expected, u8::to_ascii_lowercase)),
        ("its %-escapes are in upper case".to_owned(), with_escape_case(&expected, u8::to_ascii_uppercase)),
        ("its spaces are written +, but sent as %20".to_owned(), expected.replace("%20", "+").into()),
        ("its spaces are written %20, but sent as +".to_owned(), expected.replace('+', "%20").into()),
        ("the path is signed without /pg/v2".to_owned(), expected.replacen("/pg/v2", "", 1).into()),
    ];
    let inner = inner(target, path);
    urls.extend(USUAL_PREFIXES.map(|prefix| {
        let inner = inner.unwrap_or(target);
        (
            format!("with {prefix} before its path, as a proxy has it"),
            format!("{base_url}{prefix}{inner}").into(),
        )
    }));
    let authority = base_url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(rest));
    for (sentence, origin) in behind_a_proxy(authority) {
        let targets = [Some(*target), inner].into_iter().flatten();
        urls.extend(targets.map(|target| (sentence.clone(), format!("{origin}{target}").into())));
    }
    if let Some(query) = query {
        let mut parts: Vec<_> = query.split('&').collect();
        parts.sort_unstable();
        urls.push((
            "the parts of the query string are sorted".to_owned(),
            format!("{base_url}{path}?{}", parts.join("&")).into(),
        ));
        parts = query.split('&').collect();
        parts.reverse();
        urls.push((
            "the parts of the query string are in the reverse order".to_owned(),
            format!("{base_url}{path}?{}", parts.join("&")).into(),
        ));
    }
    let calls = request_checks::merchant_paths().filter(|call| !path.ends_with(call));
    urls.extend(
        calls.map(|call| (format!("it is that of another call, {call}"), format!("{base_url}{call}").into())),
    );
    for other in others {
        let Some(url) = &other.url else { continue };
        urls.push((
            format!("the base URL is that of the profile {}", other.profile),
            format!("{url}{target}").into(),
        ));
    }
    urls.into_iter().map(|(sentence, url): (String, Vec<u8>)| mistaken_url(sentence, url).rare()).collect()
}

/// With its %-escapes decoded.
fn percent_decoded(url: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = url.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

/// With the digits of its %-escapes in another case.
fn with_escape_case(url: &str, to: impl Fn(&u8) -> u8) -> Vec<u8> {
    let mut bytes = url.as_bytes().to_vec();
    let percents: Vec<_> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').map(|(at, _)| at).collect();
    for at in percents {
        bytes.iter_mut().skip(at + 1).take(2).for_each(|digit| *digit = to(digit));
    }
    bytes
}
