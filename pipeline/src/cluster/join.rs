//! A worker process's side: call the leader, then the others.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::greeting::{Answer, Hello, build, hear, same_build, say};
use super::{Children, Cluster, Work};

const RETRY: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls the leader until it answers, and connects to the other workers.
///
/// # Errors
/// In words, when the leader refuses or goes away, or another worker cannot be reached.
pub fn join(leader: SocketAddr) -> Result<(Cluster, Work), String> {
    let own = build()?;
    let mut stream = call(leader);
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let here = stream.local_addr().map_err(|error| error.to_string())?;
    let cannot = |error: std::io::Error| format!("cannot listen at {}: {error}", here.ip());
    let listener = TcpListener::bind((here.ip(), 0)).map_err(cannot)?;
    let listens = Some(listener.local_addr().map_err(cannot)?);
    say(&mut stream, &Hello { build: own.clone(), listens, process: None })?;
    // Until everybody is there.
    let answer: Answer =
        hear(&mut stream, true).map_err(|error| format!("the leader at {leader}: {error}"))?;
    let (process, addresses, work) = match answer {
        Answer::Welcome { process, addresses, work } => (process, addresses, work),
        Answer::Refused(reason) => return Err(format!("the leader at {leader} refused: {reason}")),
    };
    if process == 0 || process > addresses.len() {
        return Err(format!("the leader at {leader} gave number {process} of {}", addresses.len() + 1));
    }
    let mut sockets = vec![Some(stream)];
    for (at, address) in addresses.iter().enumerate().take(process - 1) {
        let failed = |error: String| format!("process {} of the cluster, at {address}: {error}", at + 1);
        let mut other = TcpStream::connect(address).map_err(|error| failed(error.to_string()))?;
        other.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        say(&mut other, &Hello { build: own.clone(), listens: None, process: Some(process) })
            .map_err(failed)?;
        sockets.push(Some(other));
    }
    sockets.resize_with(addresses.len() + 1, || None);
    while sockets.iter().skip(process + 1).any(Option::is_none) {
        let (mut other, from) = listener.accept().map_err(cannot)?;
        match called(&mut other, &own) {
            Ok(number) if number > process && sockets.get(number).is_some_and(Option::is_none) => {
                sockets[number] = Some(other);
            }
            Ok(number) => eprintln!("evenkeel: refused a process at {from}: number {number} is not awaited"),
            Err(error) => eprintln!("evenkeel: refused a process at {from}: {error}"),
        }
    }
    Ok((Cluster { workers: work.workers, process, sockets, children: Children::default() }, work))
}

fn call(leader: SocketAddr) -> TcpStream {
    let mut said = Instant::now();
    loop {
        match TcpStream::connect(leader) {
            Ok(stream) => return stream,
            Err(error) if said.elapsed() > PATIENCE => {
                said = Instant::now();
                eprintln!("evenkeel: waiting for the leader at {leader}: {error}");
            }
            Err(_) => {}
        }
        std::thread::sleep(RETRY);
    }
}

fn called(stream: &mut TcpStream, own: &str) -> Result<usize, String> {
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let hello: Hello = hear(stream, false)?;
    same_build(&hello, own)?;
    hello.process.ok_or_else(|| "it does not say its number".to_owned())
}
