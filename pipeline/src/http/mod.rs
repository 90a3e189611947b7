//! HTTP: the status page, REST under `/api/v1`, metrics, health, and the door for events.

mod advice;
mod api;
mod backtest;
mod customers;
mod events;
mod goals;
mod holdings;
mod onboarding;
mod optimise;
mod pages;
mod problem;
mod read;
mod status;
mod stored;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use prometheus::{Encoder, TextEncoder};

use evenkeel_actors::SharedMarket;
use evenkeel_schemas::Name;

use crate::config::Config;
use crate::error::Error;
use crate::live::{EventLog, Line, Live, Submitter, spawn};
use crate::sink::SinkState;
use crate::view::SharedView;

use problem::Problem;

/// What handlers look at.
#[derive(Clone)]
pub struct Context {
    /// The live view.
    pub view: SharedView,
    /// Where decisions are kept.
    pub log: Arc<dyn EventLog>,
    /// Figures.
    pub live: Arc<Live>,
    /// Figures of the sink.
    pub sink: Arc<SinkState>,
    /// Where events are handed in.
    pub submitter: Submitter,
    /// `demo` or `run`.
    pub mode: &'static str,
    /// The market whose sessions count.
    pub market: Name,
    /// When the program started, RFC 3339.
    pub started: String,
    /// The settings in force.
    pub config: Arc<Config>,
    /// The market as it is estimated.
    pub estimates: SharedMarket,
}

impl Context {
    /// The context of a running line.
    pub fn new(line: &Line, sink: Arc<SinkState>, mode: &'static str, config: &Config) -> Context {
        Context {
            view: line.view.clone(),
            log: line.log.clone(),
            live: line.live.clone(),
            sink,
            submitter: line.submitter.clone(),
            mode,
            market: config.policy.market.clone(),
            started: jiff::Timestamp::now().to_string(),
            config: Arc::new(config.clone()),
            estimates: line.estimates.clone(),
        }
    }
}

/// A running HTTP server.
pub struct Server {
    handle: ServerHandle,
    thread: JoinHandle<std::io::Result<()>>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Threads that answer requests.
const THREADS: usize = 2;

impl Server {
    /// Starts listening.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn start(listen: SocketAddr, context: Context) -> Result<Server, Error> {
        let data = web::Data::new(context);
        let (send, started) = crossbeam_channel::bounded(1);
        let thread = spawn("http", move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(routes))
                    .workers(THREADS)
                    .disable_signals()
                    .shutdown_timeout(2)
                    .bind(listen);
                match server {
                    Err(error) => {
                        let _ = send.send(Err(error));
                        Ok(())
                    }
                    Ok(server) => {
                        let address = server.addrs().first().copied().unwrap_or(listen);
                        let running = server.run();
                        let _ = send.send(Ok((running.handle(), address)));
                        running.await
                    }
                }
            })
        })?;
        let hint = |error: std::io::Error| {
            Error::Start(format!("cannot listen on {listen}: {error}; choose another address with --listen"))
        };
        let ended = |_| Error::Start("the HTTP thread ended before it was ready".to_owned());
        let (handle, address) = started.recv().map_err(ended)?.map_err(hint)?;
        Ok(Server { handle, thread, address })
    }

    /// Finishes requests under way and ends.
    pub fn stop(self) {
        // The future need not be awaited: the command is sent when it is made.
        drop(self.handle.stop(true));
        if let Ok(Err(error)) = self.thread.join() {
            tracing::warn!(%error, "HTTP ended with an error");
        }
    }
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/metrics", web::get().to(metrics))
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .service(
            web::scope("/api/v1")
                .route("/status", web::get().to(status::status))
                .route("/events", web::post().to(events::accept))
                .configure(customers::routes)
                .configure(api::routes)
                .configure(advice::routes)
                .configure(goals::routes)
                .configure(onboarding::routes)
                .configure(optimise::routes)
                .configure(backtest::routes)
                .service(web::scope("/holdings").configure(holdings::routes))
                .default_service(web::to(not_found)),
        )
        .default_service(web::get().to(pages::page));
}

async fn not_found() -> Problem {
    Problem::not_found(
        "no such resource; /api/v1/status, /customers, /triggers, /decisions, /orders, /advice, /onboarding, /estimates, /optimise, /frontier, /backtest and /holdings are there",
    )
}

async fn metrics(context: web::Data<Context>) -> HttpResponse {
    status::refresh(&context);
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    match encoder.encode(&context.live.registry.gather(), &mut text) {
        Ok(()) => HttpResponse::Ok().content_type(encoder.format_type()).body(text),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready once the log has been read and the view has taken it in.
async fn readyz(context: web::Data<Context>) -> HttpResponse {
    if context.live.ready() {
        HttpResponse::Ok().body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable().body("reading the log\n")
    }
}
