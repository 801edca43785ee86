//! The OpenAPI document, checked against what the gateway returns.

mod lifecycle;
mod schemathesis;
mod served;

use std::net::SocketAddr;

use rebuttal_testbed::{Document, Request, Response};

fn fetch(address: SocketAddr, path: &str) -> Response {
    Request::new("GET", path, "").send(address).unwrap()
}

fn document(address: SocketAddr) -> Document {
    Document(fetch(address, "/openapi.json").json())
}
