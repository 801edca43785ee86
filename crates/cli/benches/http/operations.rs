//! Processor time of the server for each call, and for an upload the multiple of what its work costs by itself.

use std::fs;
use std::io::Write as _;

use rebuttal_testbed::samples::png_of_size;
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest as _, Sha256};

use crate::Build;
use crate::filled::Filled;
use crate::load::Requests;
use crate::report::{Table, median};
use crate::shop::{Order, Shop};

const CONNECTIONS: usize = 64;
const REQUESTS: usize = 10_000;
const UPLOADS: usize = 400;
const UPLOAD_CONNECTIONS: usize = 8;
const UPLOAD_SIZES: [(&str, usize); 2] = [("upload of 200 kB", 200_000), ("upload of 1.5 MB", 1_500_000)];
const CALLS: [&str; 4] = ["contest, shuffled", "query", "generateUploadUrl", "open"];

pub(crate) async fn run(builds: &[Build], disputes: usize, rounds: usize) {
    let mut shops = Vec::new();
    for Build { binary, .. } in builds {
        shops.push(Shop::on(binary, &Filled::with(binary, disputes).await, &[]));
    }
    let mut table =
        Table::new("Processor time", &["call", "build", "CPU µs each", "multiple of raw write and SHA-256"]);
    for call in CALLS {
        let cpu = alternate(&mut shops, rounds, CONNECTIONS, |shop| match call {
            "contest, shuffled" => shop.contests(Order::Shuffled, REQUESTS),
            "query" => shop.queries(REQUESTS),
            "generateUploadUrl" => shop.upload_urls(REQUESTS),
            _ => shop.openings(REQUESTS),
        });
        for (build, cpu) in builds.iter().zip(cpu.await) {
            table.row([
                call.to_owned(),
                build.name.to_owned(),
                format!("{:.1}", median(&cpu)),
                String::new(),
            ]);
        }
    }
    for (name, bytes) in UPLOAD_SIZES {
        let file = png_of_size(bytes);
        let raw = raw_cpu_micros(&file);
        let cpu =
            alternate(&mut shops, rounds, UPLOAD_CONNECTIONS, |shop| shop.uploads(&file, UPLOADS)).await;
        for (build, cpu) in builds.iter().zip(cpu) {
            let cpu = median(&cpu);
            table.row([
                name.to_owned(),
                build.name.to_owned(),
                format!("{cpu:.0}"),
                format!("{:.2} of {raw:.0} µs", cpu / raw),
            ]);
        }
    }
    table.print();
}

async fn alternate(
    shops: &mut [Shop],
    rounds: usize,
    connections: usize,
    requests: impl Fn(&mut Shop) -> Requests,
) -> Vec<Vec<f64>> {
    let mut cpu: Vec<Vec<f64>> = shops.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for turn in 0..shops.len() {
            let at = (turn + round) % shops.len();
            let requests = requests(&mut shops[at]);
            let measured = shops[at].server().closed_loop(connections, requests).await;
            // The first round warms caches, connections and the machine's clock up.
            if round > 0 {
                cpu[at].push(measured.cpu_micros);
            }
        }
    }
    cpu
}

/// What a file's storage costs by itself: hash, write, sync, rename, sync of the folder.
fn raw_cpu_micros(bytes: &[u8]) -> f64 {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let cpu_micros = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
    };
    let before = cpu_micros();
    for number in 0..UPLOADS {
        let hash = hex::encode(Sha256::digest(bytes));
        let partial = folder.path().join(format!("{number}.partial"));
        let mut file = fs::File::create(&partial).expect("a file");
        file.write_all(bytes).expect("it is written");
        file.sync_all().expect("it is synced");
        fs::rename(&partial, folder.path().join(format!("{number}-{hash}"))).expect("it is renamed");
        fs::File::open(folder.path()).and_then(|folder| folder.sync_all()).expect("the folder is synced");
    }
    (cpu_micros() - before) / UPLOADS as f64
}
