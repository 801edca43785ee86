//! The reference: an axum server in a separate process that reads a body and answers with a fixed one.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;

use crate::load::Server;

/// Runs this program as the bare server.
pub(crate) const ARGUMENT: &str = "--be-the-bare-server";

pub(crate) struct Bare {
    child: Child,
    address: SocketAddr,
}

impl Bare {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program's path"))
            .arg(ARGUMENT)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the bare server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).expect("its address");
        Self { child, address: line.trim().parse().expect("an address") }
    }

    pub(crate) fn server(&self) -> Server {
        Server { address: self.address, pid: self.child.id() }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn serve() {
    let answer = |_body: axum::body::Bytes| async {
        ([(CONTENT_TYPE, "application/json")], r#"{"code":"OK","errorMessage":null,"data":{"result":true}}"#)
    };
    let app = Router::new().route("/pg/v2/dispute/contest", post(answer));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("its address"));
        axum::serve(listener, app).await.expect("it serves");
    });
}
