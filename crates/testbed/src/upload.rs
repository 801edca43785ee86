//! The upload form of contract §3, part by part, so that a test may drop, alter, add or reorder any of them.

use std::net::SocketAddr;

use serde_json::Value;

use crate::http::{Request, Response};

const BOUNDARY: &str = "----rebuttal-test-7f3a9d2c51";

/// The answer of generateUploadUrl.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub upload_url: String,
    pub http_method: String,
    pub fields: Vec<(String, String)>,
    pub storage_uri: String,
    pub expire_time: i64,
}

impl Ticket {
    #[must_use]
    pub fn read(data: &Value) -> Self {
        let text = |name: &str| data[name].as_str().unwrap_or_else(|| panic!("no {name}: {data}")).to_owned();
        let fields = data["formFields"].as_object().unwrap_or_else(|| panic!("no formFields: {data}"));
        let field = |(name, value): (&String, &Value)| {
            (name.clone(), value.as_str().unwrap_or_else(|| panic!("{name} is no string: {data}")).to_owned())
        };
        Self {
            upload_url: text("uploadUrl"),
            http_method: text("httpMethod"),
            fields: fields.iter().map(field).collect(),
            storage_uri: text("storageUri"),
            expire_time: data["expireTime"].as_i64().unwrap_or_else(|| panic!("no expireTime: {data}")),
        }
    }

    /// The form as in the contract: every field, then the file.
    #[must_use]
    pub fn form(&self, file: &[u8]) -> Form {
        let mut parts: Vec<Part> = self.fields.iter().map(|(name, value)| Part::field(name, value)).collect();
        parts.push(Part::file(file));
        Form { url: self.upload_url.clone(), method: self.http_method.clone(), parts }
    }
}

/// One part of a form.
#[derive(Clone, Debug)]
pub struct Part {
    pub name: String,
    /// The part's further header lines and parameters, after the name.
    pub rest: String,
    pub content: Vec<u8>,
}

impl Part {
    #[must_use]
    pub fn field(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), rest: String::new(), content: value.as_bytes().to_vec() }
    }

    #[must_use]
    pub fn file(content: &[u8]) -> Self {
        let rest = "; filename=\"evidence\"\r\nContent-Type: application/octet-stream".to_owned();
        Self { name: "file".to_owned(), rest, content: content.to_vec() }
    }
}

/// A form that a test can alter and send.
#[derive(Clone, Debug)]
pub struct Form {
    pub url: String,
    pub method: String,
    pub parts: Vec<Part>,
}

impl Form {
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.parts.retain(|part| part.name != name);
        self
    }

    #[must_use]
    pub fn altered(mut self, name: &str, alter: impl Fn(&str) -> String) -> Self {
        let part =
            self.parts.iter_mut().find(|part| part.name == name).unwrap_or_else(|| panic!("no part {name}"));
        part.content = alter(&String::from_utf8_lossy(&part.content)).into_bytes();
        self
    }

    /// With one more part before the file.
    #[must_use]
    pub fn with(mut self, part: Part) -> Self {
        let at = self.parts.len().saturating_sub(1);
        self.parts.insert(at, part);
        self
    }

    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for part in &self.parts {
            let head = format!("Content-Disposition: form-data; name=\"{}\"{}", part.name, part.rest);
            body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
            body.extend_from_slice(&part.content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        body
    }

    #[must_use]
    pub fn request(&self) -> Request {
        let after_scheme = self.url.split_once("://").unwrap_or_else(|| panic!("no URL: {}", self.url)).1;
        let target = after_scheme.find('/').map_or("/", |at| &after_scheme[at..]);
        Request::new(&self.method, target, self.body())
            .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
    }

    /// The IP address in its URL, if the host is one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.url.split_once("://")?.1.split('/').next()?.parse().ok()
    }

    #[must_use]
    pub fn send(&self, address: SocketAddr) -> Response {
        self.request().send(address).unwrap_or_else(|error| panic!("uploading: {error}"))
    }
}

impl Response {
    /// The code of a store's XML error.
    #[must_use]
    #[track_caller]
    pub fn store_error(&self) -> String {
        let text = self.text();
        let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        assert!(text.contains("<Error>"), "{}: {text}", self.status);
        code.unwrap_or_else(|| panic!("{}: no code: {text}", self.status)).0.to_owned()
    }
}
