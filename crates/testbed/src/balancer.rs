//! Real proxies before gateways: HAProxy with the file of `packaging`, in which only addresses are replaced, and nginx
//! with a minimal configuration.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::clock::wait_for;
use crate::gateway::free_port;
use crate::page;

const FILE: &str = "packaging/compose/haproxy.cfg";

/// An address for a balancer: replicas must know their public URL before the balancer is started.
#[derive(Debug)]
pub struct BalancerAddress(SocketAddr);

impl BalancerAddress {
    #[must_use]
    pub fn free() -> Self {
        Self(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())))
    }

    /// The address that merchants call.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }

    /// Starts the balancer in front of two replicas.
    #[must_use]
    pub fn before(self, replicas: [SocketAddr; 2]) -> Balancer {
        let mut settings = page::file(FILE).replace("bind :8080", &format!("bind {}", self.0));
        // The operators' listener is not used here.
        settings = settings.replace("bind :8081", &format!("bind 127.0.0.1:{}", free_port()));
        for (index, replica) in replicas.iter().enumerate() {
            for port in [8080, 8081] {
                let name = format!("gateway-{}:{port}", index + 1);
                assert!(settings.contains(&name), "{FILE} has no {name}");
                settings = settings.replace(&name, &replica.to_string());
            }
        }
        Balancer::start(self.0, "exec haproxy -db -f \"$0\"", &settings)
    }

    /// Starts nginx in front of one gateway, configured as `docs/operate/install.md` requires.
    #[must_use]
    pub fn nginx_before(self, gateway: SocketAddr) -> Balancer {
        let settings = format!(
            "daemon off; master_process off; pid nginx.pid; error_log error.log; events {{}}\n\
             http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
             upstream gateway {{ server {gateway}; }}\n\
             server {{ listen {}; location / {{ proxy_pass http://gateway; proxy_http_version 1.1;\n\
             proxy_set_header Connection \"\"; proxy_set_header X-Forwarded-For $remote_addr; }} }} }}\n",
            self.0
        );
        Balancer::start(self.0, "exec nginx -p \"$(dirname \"$0\")\" -e error.log -c \"$0\"", &settings)
    }
}

/// A running balancer; killed when dropped.
#[derive(Debug)]
pub struct Balancer {
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
    _folder: tempfile::TempDir,
}

impl Balancer {
    fn start(address: SocketAddr, script: &str, settings: &str) -> Self {
        let folder =
            tempfile::Builder::new().prefix("rebuttal-balancer-").tempdir().expect("a temporary folder");
        let file = folder.path().join("settings");
        std::fs::write(&file, settings).expect("the settings are written");
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(&file).env("PATH", path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a shell starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (stdout, buffer) = (child.stdout.take().expect("piped"), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                buffer.lock().expect("no panic while holding it").push_str(&(line + "\n"));
            }
        });
        let mut balancer = Self { address, child, log, _folder: folder };
        wait_for("the proxy to listen", || {
            let ended = balancer.child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the proxy ended: {ended:?}: {}", balancer.log());
            TcpStream::connect(address).ok()
        });
        balancer
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic while holding it").clone()
    }

    /// Waits until it has logged something.
    pub fn wait_for_log(&self, what: &str) {
        wait_for(what, || self.log().contains(what).then_some(()));
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
