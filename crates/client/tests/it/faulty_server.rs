//! An HTTP/1.1 server that fails and forges in every way that a network or a third party can.
//!
//! On a raw socket, because no HTTP library allows closing a connection in the middle of a response.

use std::sync::{Arc, Mutex};

use rebuttal_client::protocol::signature::{Message, Signer};
use rebuttal_client::protocol::{Authorization, Nonce, UnixMillis, answer_nonce};
use rebuttal_client::{AppId, AppSecret, Client, ClientBuilder, Code, Finality, Scheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const SECRET: &str = "00112233445566778899aabbccddeeff";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    pub(crate) target: String,
    pub(crate) header: Option<Authorization>,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) base_url: String,
}

/// What to do with a request.
pub(crate) enum ServerAction {
    Answer(ServerReply),
    /// Sends the answer's first half, then closes.
    AnswerHalf(ServerReply),
    /// Closes without a byte.
    Close,
    /// Never answers.
    Stall,
}

pub(crate) struct ServerReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

pub(crate) type Step = Box<dyn Fn(&ReceivedRequest) -> ServerAction + Send + Sync>;

pub(crate) struct FaultyServer {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl FaultyServer {
    /// Follows the steps, one per request; the last one again and again.
    pub(crate) async fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (steps, heard, base_url) = (Arc::new(steps), Arc::clone(&requests), url.clone());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (steps, heard, base_url) = (Arc::clone(&steps), Arc::clone(&heard), base_url.clone());
                tokio::spawn(async move {
                    let Some(request) = read(&mut stream, base_url).await else { return };
                    let action = {
                        let mut heard = heard.lock().unwrap();
                        heard.push(request.clone());
                        steps[(heard.len() - 1).min(steps.len() - 1)](&request)
                    };
                    action.perform(&mut stream).await;
                });
            }
        });
        Self { url, requests }
    }

    pub(crate) fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(&self.url, app_id(), secret())
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }
}

pub(crate) fn app_id() -> AppId {
    AppId::from_bytes([7; 16])
}

pub(crate) fn secret() -> AppSecret {
    SECRET.parse().unwrap()
}

impl ServerAction {
    async fn perform(self, stream: &mut TcpStream) {
        match self {
            Self::Answer(reply) => stream.write_all(&reply.bytes()).await.unwrap(),
            Self::AnswerHalf(reply) => {
                let bytes = reply.bytes();
                stream.write_all(&bytes[..bytes.len() - reply.body.len() / 2]).await.unwrap();
            }
            Self::Close => {}
            Self::Stall => std::future::pending().await,
        }
    }
}

impl ServerReply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Whatever\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", self.body.len());
        [head.as_bytes(), &self.body].concat()
    }
}

/// A response before it is signed. Fields changed before [`signed`](Self::signed) are covered by the signature.
pub(crate) struct ResponseDraft {
    pub(crate) scheme: Scheme,
    pub(crate) app_id: AppId,
    pub(crate) secret: AppSecret,
    pub(crate) timestamp: UnixMillis,
    pub(crate) nonce: Nonce,
    pub(crate) url: String,
    pub(crate) body: String,
}

impl ResponseDraft {
    /// A settled answer.
    pub(crate) fn of(request: &ReceivedRequest, code: &Code, data: &str) -> Self {
        Self::that_is(Finality::Settled, request, code, data)
    }

    pub(crate) fn that_is(finality: Finality, request: &ReceivedRequest, code: &Code, data: &str) -> Self {
        let header = request.header.as_ref().unwrap();
        let message = if *code == Code::Ok { "null" } else { "\"because\"" };
        Self {
            scheme: header.scheme,
            app_id: header.app_id,
            secret: secret(),
            timestamp: header.timestamp,
            nonce: answer_nonce(finality, &header.nonce, &header.sign),
            url: format!("{}{}", request.base_url, request.target),
            body: format!(r#"{{"code":"{code}","errorMessage":{message},"data":{data}}}"#),
        }
    }

    pub(crate) fn signed(&self) -> ServerReply {
        let message = Message { method: "POST", base_url: &self.url, target: "", body: self.body.as_bytes() };
        let signer = Signer { scheme: self.scheme, app_id: self.app_id, secret: &self.secret };
        let header = signer.authorize(self.timestamp, self.nonce.clone(), &message);
        ServerReply::new(200, self.body.clone()).with("Authorization", header)
    }
}

pub(crate) const DONE: &str = r#"{"result":true}"#;

/// An honest `OK`.
pub(crate) fn ok(data: &'static str) -> Step {
    Box::new(move |request| ServerAction::Answer(ResponseDraft::of(request, &Code::Ok, data).signed()))
}

/// An honest refusal that is settled.
pub(crate) fn refused(code: Code) -> Step {
    Box::new(move |request| ServerAction::Answer(ResponseDraft::of(request, &code, "null").signed()))
}

/// An honest notice.
pub(crate) fn noticed(code: Code) -> Step {
    Box::new(move |request| {
        ServerAction::Answer(ResponseDraft::that_is(Finality::Notice, request, &code, "null").signed())
    })
}

/// An `OK` that the function alters.
pub(crate) fn faulty(faulty: impl Fn(ResponseDraft) -> ServerReply + Send + Sync + 'static) -> Step {
    Box::new(move |request| ServerAction::Answer(faulty(ResponseDraft::of(request, &Code::Ok, DONE))))
}

pub(crate) fn step(action: impl Fn(&ReceivedRequest) -> ServerAction + Send + Sync + 'static) -> Step {
    Box::new(action)
}

async fn read(stream: &mut TcpStream, base_url: String) -> Option<ReceivedRequest> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let field = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let length: usize = field("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head_end + length {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    Some(ReceivedRequest {
        target: head.split(' ').nth(1).unwrap().to_owned(),
        header: field("authorization").map(|header| Authorization::parse(header.as_bytes()).unwrap()),
        head: head.clone(),
        body: bytes[head_end..].to_vec(),
        base_url,
    })
}
