//! The leader's side: start or await the other processes, and tell them what to build.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::greeting::{Answer, Hello, build, hear, same_build, say};
use super::{Children, Cluster, Work};

const POLL: Duration = Duration::from_millis(10);
/// How often it is said who is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whom to gather.
pub struct Gathering<'a> {
    /// How many processes, this one included; at least 1.
    pub processes: usize,
    /// Where to await the others; without it they are started, on this machine.
    pub listen: Option<SocketAddr>,
    /// What they are to build.
    pub work: Work,
    /// Whether to give up.
    pub ending: &'a dyn Fn() -> bool,
}

/// Gathers the other processes.
///
/// # Errors
/// In words, when the address is taken, a process that was started has ended, or [`Gathering::ending`] says so.
pub fn gather(of: &Gathering<'_>) -> Result<Cluster, String> {
    let own = build()?;
    let address = of.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let cannot = |error: std::io::Error| format!("cannot await processes at {address}: {error}");
    let listener = TcpListener::bind(address).map_err(cannot)?;
    listener.set_nonblocking(true).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let mut children = Children::default();
    if of.listen.is_none() {
        start(of.processes - 1, address, &mut children)?;
    }
    let (mut callers, mut said) = (Vec::new(), Instant::now());
    while callers.len() + 1 < of.processes {
        if (of.ending)() {
            return Err("ended before all processes of the cluster were there".to_owned());
        }
        for child in &mut children.0 {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("a process of the cluster ended before it took part: {status}"));
            }
        }
        match listener.accept() {
            Ok((stream, from)) => match greet(stream, &own) {
                Ok(caller) => callers.push(caller),
                Err(error) => eprintln!("evenkeel: refused a process at {from}: {error}"),
            },
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(POLL),
            Err(error) => return Err(cannot(error)),
        }
        if said.elapsed() > PATIENCE {
            said = Instant::now();
            let missing = of.processes - 1 - callers.len();
            eprintln!(
                "evenkeel: waiting for {missing} more of {} processes: evenkeel worker --leader {address}",
                of.processes
            );
        }
    }
    welcome(callers, children, of.work)
}

fn start(others: usize, leader: SocketAddr, children: &mut Children) -> Result<(), String> {
    let program =
        std::env::current_exe().map_err(|error| format!("cannot find the program's own file: {error}"))?;
    for _ in 0..others {
        let child = Command::new(&program)
            .args(["worker", "--leader", &leader.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // A signal from the terminal is for the leader, which ends in order.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot start a process of the cluster: {error}"))?;
        children.0.push(child);
    }
    Ok(())
}

/// Hears who calls, and where it listens.
fn greet(mut stream: TcpStream, own: &str) -> Result<(TcpStream, SocketAddr), String> {
    stream.set_nonblocking(false).map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let hello: Hello = hear(&mut stream, false)?;
    let listens = match (same_build(&hello, own), hello.listens) {
        (Ok(()), Some(listens)) => listens,
        (checked, _) => {
            let reason = checked.err().unwrap_or_else(|| "it does not say where it listens".to_owned());
            say(&mut stream, &Answer::Refused(reason.clone()))?;
            return Err(reason);
        }
    };
    Ok((stream, listens))
}

fn welcome(callers: Vec<(TcpStream, SocketAddr)>, children: Children, work: Work) -> Result<Cluster, String> {
    let addresses: Vec<SocketAddr> = callers.iter().map(|(_, listens)| *listens).collect();
    let mut sockets = vec![None];
    for (at, (mut stream, _)) in callers.into_iter().enumerate() {
        let answer = Answer::Welcome { process: at + 1, addresses: addresses.clone(), work };
        say(&mut stream, &answer).map_err(|error| format!("process {} of the cluster: {error}", at + 1))?;
        sockets.push(Some(stream));
    }
    Ok(Cluster { workers: work.workers, process: 0, sockets, children })
}
