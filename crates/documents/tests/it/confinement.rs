//! What code inside a worker can do. It runs in a process of its own, because there is no way back.

use std::fs::File;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::Command;

use rebuttal_documents::worker::{MEMORY_MAX_BYTES, confine};
use rustix::process::{Signal, getppid, kill_process};

/// The name of [`inside`], as the test harness knows it.
const INSIDE: &str = "confinement::inside";

#[test]
fn code_inside_a_worker_reaches_nothing() {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).args(["--exact", INSIDE, "--ignored", "--nocapture"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "confines its process; run by the test above"]
fn inside() {
    let parent = getppid().unwrap();
    assert_eq!(confine().missing(), None);
    let reached = [
        ("read a file", File::open("/etc/passwd").is_ok()),
        ("read its own program", File::open("/proc/self/exe").is_ok()),
        ("write a file", File::create("/tmp/written-by-a-worker").is_ok()),
        ("list a folder", std::fs::read_dir("/").is_ok()),
        (
            "delete a file",
            std::fs::remove_file("/tmp/nothing").map_err(|error| error.kind())
                != Err(std::io::ErrorKind::PermissionDenied),
        ),
        (
            "connect by TCP",
            TcpStream::connect("127.0.0.1:1").map_err(|error| error.kind()).err()
                != Some(std::io::ErrorKind::PermissionDenied),
        ),
        ("open a UDP socket", UdpSocket::bind("127.0.0.1:0").is_ok()),
        ("open a Unix socket", UnixStream::pair().is_ok()),
        ("start a process", Command::new("/bin/true").spawn().is_ok()),
        ("start a thread", std::thread::Builder::new().spawn(|| {}).is_ok()),
        ("have more memory", Vec::<u8>::new().try_reserve_exact(MEMORY_MAX_BYTES as usize).is_ok()),
        ("kill its parent", kill_process(parent, Signal::CONT).is_ok()),
    ];
    let reached: Vec<_> = reached.iter().filter(|(_, reached)| *reached).map(|(what, _)| what).collect();
    assert!(reached.is_empty(), "{reached:?}");
}
