//! A real clamd. Its one signature is of the test file of EICAR; the official database is a download of hundreds of
//! megabytes.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::clock::wait_for;
use crate::gateway::free_port;

/// The text that every virus scanner reports, in two parts: one on a developer's machine must not report this file.
const EICAR: [&[u8]; 2] = [br"X5O!P%@AP[4\PZX54(P^)7CC)7}", b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

/// The test file of EICAR.
#[must_use]
pub fn eicar() -> Vec<u8> {
    EICAR.concat()
}

/// A running clamd; killed when dropped.
#[derive(Debug)]
pub struct VirusScanner {
    address: SocketAddr,
    socket: PathBuf,
    child: Child,
    _folder: tempfile::TempDir,
}

impl VirusScanner {
    #[must_use]
    pub fn start() -> Self {
        let folder =
            tempfile::Builder::new().prefix("rebuttal-clamd-").tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        let (address, socket) = (SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())), at("clamd.sock"));
        fs::create_dir(at("signatures")).expect("a folder");
        let signature = format!("Rebuttal.Test.EICAR:0:*:{}\n", hex::encode(eicar()));
        fs::write(at("signatures/test.ndb"), signature).expect("the signature is written");
        let settings = format!(
            "Foreground true\nLocalSocket {}\nTCPAddr {}\nTCPSocket {}\nDatabaseDirectory {}\n",
            socket.display(),
            address.ip(),
            address.port(),
            at("signatures").display()
        );
        fs::write(at("clamd.conf"), settings).expect("the settings are written");
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("sh");
        command.args(["-c", "exec clamd --config-file=\"$0\""]).arg(at("clamd.conf")).env("PATH", path);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().expect("a shell starts");
        wait_for("clamd to listen", || {
            let ended = child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "clamd ended: {ended:?}");
            TcpStream::connect(address).ok()
        });
        Self { address, socket, child, _folder: folder }
    }

    /// Its addresses, as a setting names them.
    #[must_use]
    pub fn urls(&self) -> [String; 2] {
        [format!("clamd://{}", self.address), format!("unix:{}", self.socket.display())]
    }

    /// Ends it, so that nothing answers at its addresses.
    pub fn stop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }
}

impl Drop for VirusScanner {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
